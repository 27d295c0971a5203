//! What an Access-Request holds, found in one pass.

use zeroize::Zeroizing;

use super::client::Method;
use super::refusal::{Ignored, Refusal};
use crate::attribute::{Attribute, AttributeType, microsoft, service_type};
use crate::packet::Packet;

/// The attributes of one type: the first, and how many there are.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Found<'d> {
    first: Option<&'d [u8]>,
    count: usize,
}

impl<'d> Found<'d> {
    fn note(&mut self, value: &'d [u8]) {
        self.first.get_or_insert(value);
        self.count += 1;
    }

    /// The value, if there is exactly one.
    pub(super) fn only(&self) -> Option<&'d [u8]> {
        self.first.filter(|_| self.count == 1)
    }

    pub(super) fn is_there(&self) -> bool {
        self.count > 0
    }
}

/// The attributes that decide what is done with an Access-Request.
#[derive(Debug, Default)]
pub(super) struct Summary<'d> {
    user_name: Found<'d>,
    pub(super) user_password: Found<'d>,
    pub(super) chap_password: Found<'d>,
    pub(super) chap_challenge: Found<'d>,
    pub(super) ms_chap_challenge: Found<'d>,
    pub(super) ms_chap2_response: Found<'d>,
    pub(super) state: Found<'d>,
    /// Proofs of methods that we do not know.
    unknown_proofs: usize,
    service_type: Option<u32>,
    pub(super) nas_identifier: Option<&'d [u8]>,
    pub(super) has_proxy_state: bool,
    eap: Pieces,
}

/// Where the EAP-Messages stand.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Pieces {
    #[default]
    None,
    /// The attribute before this one was one.
    Here,
    /// There were some before.
    Behind,
    /// There is something else between them.
    Scattered,
}

impl Pieces {
    fn note(&mut self, is_piece: bool) {
        *self = match (*self, is_piece) {
            (Self::None | Self::Here, true) => Self::Here,
            (Self::Here, false) => Self::Behind,
            (Self::Behind, true) => Self::Scattered,
            (unchanged, _) => unchanged,
        };
    }
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
        let value = attribute.value;
        self.eap.note(attribute.kind == AttributeType::EAP_MESSAGE);
        match attribute.kind {
            AttributeType::USER_NAME => self.user_name.note(value),
            AttributeType::USER_PASSWORD => self.user_password.note(value),
            AttributeType::CHAP_PASSWORD => self.chap_password.note(value),
            AttributeType::CHAP_CHALLENGE => self.chap_challenge.note(value),
            AttributeType::STATE => self.state.note(value),
            AttributeType::SERVICE_TYPE => self.service_type = attribute.integer(),
            AttributeType::PROXY_STATE => self.has_proxy_state = true,
            AttributeType::NAS_IDENTIFIER => {
                self.nas_identifier.get_or_insert(value);
            }
            AttributeType::ARAP_PASSWORD | AttributeType::DIGEST_RESPONSE => {
                self.unknown_proofs += 1;
            }
            AttributeType::VENDOR_SPECIFIC => self.note_vendor(attribute),
            // Unknown attributes are ignored, and so are those we have no use for, whatever
            // their size (RFC 6929 section 2.8).
            _ => {}
        }
    }

    fn note_vendor(&mut self, attribute: &Attribute<'d>) {
        for inner in attribute.vendor_attributes() {
            match (inner.vendor, inner.kind) {
                (microsoft::VENDOR_ID, microsoft::CHAP_RESPONSE) => self.unknown_proofs += 1,
                (microsoft::VENDOR_ID, microsoft::CHAP_CHALLENGE) => {
                    self.ms_chap_challenge.note(inner.value);
                }
                (microsoft::VENDOR_ID, microsoft::CHAP2_RESPONSE) => {
                    self.ms_chap2_response.note(inner.value);
                }
                _ => {}
            }
        }
    }

    pub(super) fn has_eap(&self) -> bool {
        self.eap != Pieces::None
    }

    /// True if there is anything that RFC 2865 section 4.1 accepts in the place of a proof.
    pub(super) fn has_proof(&self) -> bool {
        self.state.is_there() || self.proofs() > 0
    }

    fn proofs(&self) -> usize {
        self.user_password.count
            + self.chap_password.count
            + self.ms_chap2_response.count
            + self.unknown_proofs
            // EAP-Message comes in pieces, which are one proof together.
            + usize::from(self.has_eap())
    }

    /// The octets of the EAP packet, which may hold a code; nothing if there is none. RFC 3579
    /// section 3.1: the pieces must follow each other.
    pub(super) fn eap(&self, packet: &Packet<'d>) -> Result<Option<Zeroizing<Vec<u8>>>, Ignored> {
        match self.eap {
            Pieces::None => Ok(None),
            Pieces::Scattered => Err(Ignored::Eap),
            Pieces::Here | Pieces::Behind => Ok(packet
                .concatenated(AttributeType::EAP_MESSAGE)
                .map(Zeroizing::new)),
        }
    }

    /// The one proof that is there, or why this request is refused. All EAP is
    /// [`Method::EapGtc`] here; which method it comes to is not said yet.
    ///
    /// This is settled before the verifier hears of it: a gateway that tries several methods with
    /// one code must not spend the code, or be charged a guess, by those that are off.
    pub(super) fn method(&self) -> Result<Method, Refusal> {
        self.is_login()?;
        match self.proofs() {
            0 => return Err(Refusal::NoMethod),
            1 => {}
            _ => return Err(Refusal::SeveralMethods),
        }
        if self.user_password.is_there() {
            Ok(Method::Pap)
        } else if self.chap_password.is_there() {
            Ok(Method::Chap)
        } else if self.ms_chap2_response.is_there() {
            Ok(Method::MsChapV2)
        } else if self.has_eap() {
            Ok(Method::EapGtc)
        } else {
            Err(Refusal::MethodOff)
        }
    }

    /// RFC 5080 section 2.1.1: Authorize-Only belongs to an open session that a State names. Our
    /// States name none.
    fn is_login(&self) -> Result<(), Refusal> {
        match self.service_type {
            Some(service_type::AUTHORIZE_ONLY | service_type::CALL_CHECK) => {
                Err(Refusal::NotALogin)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn user_name(&self) -> Result<&'d str, Refusal> {
        match self.user_name.only() {
            Some(name) if !name.is_empty() => {
                std::str::from_utf8(name).map_err(|_| Refusal::UserNameNotText)
            }
            _ => Err(Refusal::UserName),
        }
    }

    /// The one State, or none.
    pub(super) fn state(&self) -> Result<Option<&'d [u8]>, Refusal> {
        match self.state.count {
            0 => Ok(None),
            _ => self.state.only().map(Some).ok_or(Refusal::BadState),
        }
    }
}
