//! A RADIUS client: its secret, and what we demand of its packets.

use super::refusal::Ignored;
use super::summary::Summary;
use crate::authenticator::{Authenticity, authenticity_of_request};
use crate::packet::Packet;
use crate::secret::Secret;

/// Whether an Access-Request without Message-Authenticator is looked at. A wrong one is never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum MessageAuthenticatorRule {
    /// It must be there.
    #[default]
    Require,
    /// It may be missing: for clients that never send one. Anybody on the path can then change
    /// the packets of this client.
    Off,
}

/// What the server knows about one client.
#[derive(Debug)]
pub struct Client {
    /// The shared secret.
    pub secret: Secret,
    /// Whether Message-Authenticator must be there.
    pub message_authenticator: MessageAuthenticatorRule,
    /// Where it may be missing: drop such packets when they have a Proxy-State, the place that
    /// the attack on MD5 (CVE-2024-3596) writes to.
    pub limit_proxy_state: bool,
    /// Whether Status-Server is answered.
    pub status_server: bool,
}

impl Client {
    /// A client with the safe settings.
    pub fn new(secret: Secret) -> Self {
        Self {
            secret,
            message_authenticator: MessageAuthenticatorRule::default(),
            limit_proxy_state: true,
            status_server: true,
        }
    }

    /// Whether an Access-Request may be looked at. What is refused here leaves no trace.
    pub(super) fn admits(&self, packet: &Packet<'_>, summary: &Summary<'_>) -> Result<(), Ignored> {
        match authenticity_of_request(&self.secret, packet) {
            Authenticity::Valid => Ok(()),
            Authenticity::Invalid => Err(Ignored::WrongMessageAuthenticator),
            Authenticity::Absent => self.admits_unauthenticated(summary),
        }
    }

    fn admits_unauthenticated(&self, summary: &Summary<'_>) -> Result<(), Ignored> {
        if self.message_authenticator == MessageAuthenticatorRule::Require || summary.has_eap() {
            // For EAP-Message this is RFC 3579 section 3.2, whatever the settings say.
            return Err(Ignored::NoMessageAuthenticator);
        }
        if self.limit_proxy_state && summary.has_proxy_state() {
            return Err(Ignored::ProxyState);
        }
        if !summary.has_proof() {
            // RFC 3579 section 3.3, note 1.
            return Err(Ignored::NothingToJudge);
        }
        Ok(())
    }

    pub(super) fn admits_status(&self, packet: &Packet<'_>) -> Result<(), Ignored> {
        if !self.status_server {
            return Err(Ignored::StatusServerOff);
        }
        match authenticity_of_request(&self.secret, packet) {
            Authenticity::Valid => Ok(()),
            Authenticity::Invalid => Err(Ignored::WrongMessageAuthenticator),
            Authenticity::Absent => Err(Ignored::NoMessageAuthenticator),
        }
    }
}
