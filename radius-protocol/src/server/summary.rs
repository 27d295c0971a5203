//! What an Access-Request holds, found in one pass, and the rules about it.

use super::client::Client;
use super::refusal::Refusal;
use crate::attribute::{Attribute, AttributeType, microsoft, service_type};
use crate::packet::Packet;
use crate::user_password::{self, Password};

/// The attributes that decide what is done with an Access-Request.
#[derive(Debug, Default)]
pub(super) struct Summary<'d> {
    user_name: Option<&'d [u8]>,
    user_names: usize,
    user_password: Option<&'d [u8]>,
    user_passwords: usize,
    /// Proofs of methods other than PAP.
    other_proofs: usize,
    service_type: Option<u32>,
    has_eap: bool,
    has_proxy_state: bool,
    has_state: bool,
}

impl<'d> Summary<'d> {
    pub(super) fn of(packet: &Packet<'d>) -> Self {
        let mut summary = Self::default();
        for attribute in packet.attributes() {
            summary.note(&attribute);
        }
        summary
    }

    fn note(&mut self, attribute: &Attribute<'d>) {
        match attribute.kind {
            AttributeType::USER_NAME => {
                self.user_name.get_or_insert(attribute.value);
                self.user_names += 1;
            }
            AttributeType::USER_PASSWORD => {
                self.user_password.get_or_insert(attribute.value);
                self.user_passwords += 1;
            }
            AttributeType::SERVICE_TYPE => self.service_type = attribute.integer(),
            AttributeType::PROXY_STATE => self.has_proxy_state = true,
            AttributeType::STATE => self.has_state = true,
            AttributeType::EAP_MESSAGE => self.has_eap = true,
            AttributeType::CHAP_PASSWORD
            | AttributeType::ARAP_PASSWORD
            | AttributeType::DIGEST_RESPONSE => self.other_proofs += 1,
            AttributeType::VENDOR_SPECIFIC if is_ms_chap(attribute) => self.other_proofs += 1,
            // Unknown attributes are ignored, and so are those we have no use for, whatever
            // their size (RFC 6929 section 2.8).
            _ => {}
        }
    }

    pub(super) fn has_eap(&self) -> bool {
        self.has_eap
    }

    pub(super) fn has_proxy_state(&self) -> bool {
        self.has_proxy_state
    }

    /// True if there is anything that RFC 2865 section 4.1 accepts in the place of a proof.
    pub(super) fn has_proof(&self) -> bool {
        self.has_state || self.user_passwords > 0 || self.has_other_method()
    }

    /// EAP-Message comes in pieces, which are one proof together.
    fn has_other_method(&self) -> bool {
        self.has_eap || self.other_proofs > 0
    }

    /// The name and the password of a PAP login, or why this request is refused.
    ///
    /// All this is settled before the verifier hears of it: a gateway that tries several methods
    /// with one code must not spend the code, or be charged a guess, by those that are off.
    pub(super) fn pap(
        &self,
        client: &Client,
        packet: &Packet<'d>,
    ) -> Result<(&'d str, Password), Refusal> {
        self.is_login()?;
        let hidden = self.only_password()?;
        let user_name = self.only_user_name()?;
        let password = user_password::reveal(&client.secret, &packet.authenticator(), hidden)
            .map_err(|_| Refusal::PasswordSize)?;
        if password.is_empty() {
            return Err(Refusal::PasswordEmpty);
        }
        Ok((user_name, password))
    }

    /// RFC 5080 section 2.1.1: Authorize-Only belongs to an open session that a State names. We
    /// have sent no State, so there is none.
    fn is_login(&self) -> Result<(), Refusal> {
        match self.service_type {
            Some(service_type::AUTHORIZE_ONLY | service_type::CALL_CHECK) => {
                Err(Refusal::NotALogin)
            }
            _ => Ok(()),
        }
    }

    fn only_password(&self) -> Result<&'d [u8], Refusal> {
        match (
            self.user_password,
            self.user_passwords,
            self.has_other_method(),
        ) {
            (Some(hidden), 1, false) => Ok(hidden),
            (None, _, true) => Err(Refusal::MethodOff),
            (None, _, false) => Err(Refusal::NoMethod),
            _ => Err(Refusal::SeveralMethods),
        }
    }

    fn only_user_name(&self) -> Result<&'d str, Refusal> {
        match (self.user_name, self.user_names) {
            (Some(name), 1) if !name.is_empty() => {
                std::str::from_utf8(name).map_err(|_| Refusal::UserNameNotText)
            }
            _ => Err(Refusal::UserName),
        }
    }
}

/// True for the responses of MS-CHAP (RFC 2548). A vendor attribute that does not parse is opaque.
fn is_ms_chap(attribute: &Attribute<'_>) -> bool {
    let Some((microsoft::VENDOR_ID, mut data)) = attribute.vendor() else {
        return false;
    };
    while let &[kind, length, ..] = data {
        if matches!(kind, microsoft::CHAP_RESPONSE | microsoft::CHAP2_RESPONSE) {
            return true;
        }
        // A length of 0 or 1 would stand still.
        data = match data.get(usize::from(length).max(2)..) {
            Some(rest) => rest,
            None => return false,
        };
    }
    false
}
