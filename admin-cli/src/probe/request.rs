//! Requests, with Message-Authenticator as their first attribute.

use radius::core::code::Code;
use radius::core::packet::Packet;
use radius::core::{rfc2865, rfc2869};
use sekisho_verifier_socket::Secret;
use zeroize::Zeroize;

use super::{AUTHENTICATOR_OCTETS, HEADER_OCTETS, message_authenticator};

/// How the server knows us in its logs.
const NAS_IDENTIFIER: &str = "sekisho-probe";

/// What is asked.
#[derive(Debug)]
pub(crate) enum Question<'a> {
    /// RFC 5997.
    Status,
    /// PAP with the code as password.
    Login { user: &'a str, code: &'a Secret },
}

impl Question<'_> {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Status => Code::StatusServer.string(),
            Self::Login { .. } => Code::AccessRequest.string(),
        }
    }

    /// A new request, with an identifier and an authenticator of its own.
    pub(crate) fn encode(&self, secret: &[u8]) -> Result<Vec<u8>, String> {
        let code = match self {
            Self::Status => Code::StatusServer,
            Self::Login { .. } => Code::AccessRequest,
        };
        let mut packet = Packet::new(code, secret);
        rfc2869::add_message_authenticator(&mut packet, &[0; AUTHENTICATOR_OCTETS]);
        if let Self::Login { user, code } = self {
            rfc2865::add_user_name(&mut packet, user);
            rfc2865::add_user_password(&mut packet, code.expose()).map_err(|e| e.to_string())?;
        }
        rfc2865::add_nas_identifier(&mut packet, NAS_IDENTIFIER);
        let mut octets = packet.encode().map_err(|e| e.to_string())?;
        // The value lies behind type and length of the first attribute.
        let value = HEADER_OCTETS + 2..HEADER_OCTETS + 2 + AUTHENTICATOR_OCTETS;
        match octets.get(value.clone()) {
            Some(zeros) if zeros.iter().all(|&octet| octet == 0) => {}
            _ => {
                octets.zeroize();
                return Err("the radius crate wrote another packet than was asked".into());
            }
        }
        let mac = message_authenticator(secret, &octets);
        octets[value].copy_from_slice(&mac);
        Ok(octets)
    }
}
