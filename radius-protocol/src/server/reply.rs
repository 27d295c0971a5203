//! Replies to Access-Requests: what may stand in which, and what gives way when there is no room.

use super::Random;
use super::client::Client;
use super::question::MsChapKeys;
use super::work::Shape;
use crate::attribute::{AttributeType, Attributes, VENDOR_VALUE_MAX, microsoft};
use crate::authenticator::Authenticator;
use crate::eap;
use crate::error::WriteError;
use crate::mppe::{self, Keys, Salt};
use crate::packet::{Code, Packet, PacketWriter, Replying};
use crate::state::FirstFactor;

/// What is typed is not to be shown (RFC 2869 section 5.10).
const PROMPT_NO_ECHO: u32 = 0;
/// MS-MPPE-Encryption-Policy: encryption is allowed, not demanded.
const ENCRYPTION_ALLOWED: u32 = 1;
/// MS-MPPE-Encryption-Types: RC4 with 40 and with 128 bits.
const ENCRYPTION_40_AND_128: u32 = 6;

/// The verdict of the verifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Let in.
    Accept,
    /// Not let in.
    Reject,
    /// To [`Proof::Password`](super::Proof::Password) alone: ask for the code, and remember this.
    Challenge(FirstFactor),
}

/// A verdict and what goes with it to the client.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Answer<'a> {
    /// The verdict.
    pub verdict: Verdict,
    /// Text that the NAS may show with an accept. Must not hold anything the request said. Never
    /// sent with EAP.
    pub reply_message: Option<&'a str>,
    /// Attributes of an accept, one behind the other as on the wire.
    pub attributes: &'a [u8],
    /// With an accept of [`Proof::MsChapV2`](super::Proof::MsChapV2): without it there is none.
    pub ms_chap: Option<&'a MsChapKeys>,
}

impl<'a> From<Verdict> for Answer<'a> {
    fn from(verdict: Verdict) -> Self {
        Self {
            verdict,
            reply_message: None,
            attributes: &[],
            ms_chap: None,
        }
    }
}

impl<'a> Answer<'a> {
    /// The same, with text.
    #[must_use]
    pub fn with_reply_message(self, text: &'a str) -> Self {
        Self {
            reply_message: Some(text),
            ..self
        }
    }

    /// The same, with attributes for an accept. Those that only the protocol itself may set are
    /// left out.
    #[must_use]
    pub fn with_attributes(self, attributes: &'a [u8]) -> Self {
        Self { attributes, ..self }
    }

    /// The same, with what MS-CHAPv2 gave.
    #[must_use]
    pub fn with_ms_chap(self, keys: &'a MsChapKeys) -> Self {
        Self {
            ms_chap: Some(keys),
            ..self
        }
    }
}

/// The Proxy-State attributes of a request, one behind the other, as they stand on the wire.
pub(super) fn proxy_states(request: &Packet<'_>) -> Box<[u8]> {
    let mut all = Vec::new();
    for attribute in request.all(AttributeType::PROXY_STATE) {
        // At most 253 octets: it came from an attribute.
        all.extend([attribute.kind.0, attribute.value.len() as u8 + 2]);
        all.extend(attribute.value);
    }
    all.into()
}

/// What a reply says.
#[derive(Debug)]
pub(super) enum Body<'a> {
    Accept {
        text: &'a str,
        attributes: &'a [u8],
        /// MS-CHAP2-Success is sent without EAP alone.
        authenticator_response: Option<&'a [u8; 20]>,
        keys: Option<Keys<'a>>,
    },
    /// The same octets for every cause, so it says nothing of its own.
    Reject,
    Challenge(Challenge),
}

/// A challenge that is ready to be sent.
#[derive(Debug)]
pub(super) struct Challenge {
    pub(super) state: Vec<u8>,
    pub(super) ask: Ask,
}

/// What a challenge asks.
#[derive(Debug)]
pub(super) enum Ask {
    /// By text: it, and for how many seconds an answer is waited for.
    Text(String, u32),
    /// By an EAP request.
    Eap(Vec<u8>),
}

/// The request that a reply is for.
#[derive(Debug)]
pub(super) struct ReplyTo<'r> {
    pub(super) client: &'r Client,
    pub(super) identifier: u8,
    pub(super) authenticator: &'r Authenticator,
    /// As [`proxy_states`] gives them.
    pub(super) proxy_states: &'r [u8],
    pub(super) shape: Shape,
}

/// What was written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Written {
    pub(super) length: usize,
    /// How many attributes of the answer had no room.
    pub(super) left_out: usize,
}

impl ReplyTo<'_> {
    /// Writes the reply: Message-Authenticator, then what must be there, then attributes and text
    /// as they fit, then every Proxy-State in its order (RFC 2865 section 5.33).
    pub(super) fn write(
        &self,
        body: &Body<'_>,
        random: &Random,
        out: &mut [u8],
    ) -> Result<Written, WriteError> {
        let mut left_out = 0;
        let mut writer = self.begin(body, out)?;
        match body {
            Body::Accept {
                text,
                attributes,
                authenticator_response,
                keys,
            } => {
                self.proof(&mut writer, *authenticator_response)?;
                if let Some(keys) = keys {
                    self.keys(&mut writer, keys, random)?;
                }
                left_out = self.attributes(&mut writer, attributes);
                self.text(&mut writer, text);
            }
            Body::Reject => {
                match self.shape {
                    Shape::Plain => {}
                    Shape::MsChap(identifier) => {
                        self.ms_chap_error(&mut writer, identifier, random)?
                    }
                    Shape::Eap(identifier) => {
                        writer.pieces(AttributeType::EAP_MESSAGE, &eap::failure(identifier))?;
                    }
                }
                self.text(&mut writer, &self.client.texts.rejected);
            }
            Body::Challenge(challenge) => write_challenge(&mut writer, challenge)?,
        }
        for proxy_state in Attributes::new(self.proxy_states, 0) {
            writer.copy(proxy_state.kind, proxy_state.value)?;
        }
        Ok(Written {
            length: writer.seal(&self.client.secret),
            left_out,
        })
    }

    /// EAP needs a Message-Authenticator always (RFC 3579 section 3.2).
    fn begin<'b>(
        &self,
        body: &Body<'_>,
        out: &'b mut [u8],
    ) -> Result<PacketWriter<'b, Replying>, WriteError> {
        let code = match body {
            Body::Accept { .. } => Code::ACCESS_ACCEPT,
            Body::Reject => Code::ACCESS_REJECT,
            Body::Challenge(_) => Code::ACCESS_CHALLENGE,
        };
        let is_eap = matches!(self.shape, Shape::Eap(_));
        if self.client.quirks.omit_message_authenticator && !is_eap {
            return PacketWriter::bare_reply(out, code, self.identifier, self.authenticator);
        }
        PacketWriter::reply(out, code, self.identifier, self.authenticator)
    }

    /// EAP-Success, or that we know the code as well.
    fn proof(
        &self,
        writer: &mut PacketWriter<'_, Replying>,
        authenticator_response: Option<&[u8; 20]>,
    ) -> Result<(), WriteError> {
        match (self.shape, authenticator_response) {
            (Shape::Eap(identifier), _) => {
                writer.pieces(AttributeType::EAP_MESSAGE, &eap::success(identifier))
            }
            (Shape::MsChap(identifier), Some(response)) => {
                let mut value = vec![identifier];
                value.extend(eap::ms_chap_v2::success_text(response).into_bytes());
                writer.vendor(microsoft::VENDOR_ID, microsoft::CHAP2_SUCCESS, &value)
            }
            _ => Ok(()),
        }
    }

    /// RFC 2548 section 2.4: the keys, and that encryption may be used, of any strength that they
    /// give.
    fn keys(
        &self,
        writer: &mut PacketWriter<'_, Replying>,
        keys: &Keys<'_>,
        random: &Random,
    ) -> Result<(), WriteError> {
        for (kind, value) in [
            (microsoft::MPPE_ENCRYPTION_POLICY, ENCRYPTION_ALLOWED),
            (microsoft::MPPE_ENCRYPTION_TYPES, ENCRYPTION_40_AND_128),
        ] {
            writer.vendor(microsoft::VENDOR_ID, kind, &value.to_be_bytes())?;
        }
        let salt = Salt::new(random.salt());
        mppe::write_keys(writer, &self.client.secret, self.authenticator, salt, keys)
    }

    /// RFC 2548 section 2.1.5, RFC 2759 section 6: R=0 asks for a new login, not for another
    /// response; the challenge is there because the form has a place for it.
    fn ms_chap_error(
        &self,
        writer: &mut PacketWriter<'_, Replying>,
        identifier: u8,
        random: &Random,
    ) -> Result<(), WriteError> {
        let mut value = vec![identifier];
        value.extend(b"E=691 R=0 C=");
        value.extend(eap::ms_chap_v2::hex(&random.challenge()).into_bytes());
        value.extend(b" V=3 M=");
        let text = self.client.texts.failed.as_str();
        let room = VENDOR_VALUE_MAX - value.len();
        value.extend(&text.as_bytes()[..text.floor_char_boundary(room)]);
        writer.vendor(microsoft::VENDOR_ID, microsoft::CHAP_ERROR, &value)
    }

    /// Those that fit, from the first on. One that does not fit ends it, so that which of them are
    /// there does not depend on their sizes.
    fn attributes(&self, writer: &mut PacketWriter<'_, Replying>, attributes: &[u8]) -> usize {
        let mut wanted = Attributes::new(attributes, 0).filter(|a| self.is_for_accept(a.kind));
        let mut left_out = 0;
        for attribute in wanted.by_ref() {
            let before = writer.length();
            let written = writer.attribute(attribute.kind, attribute.value);
            if written.is_err() || writer.room() < self.proxy_states.len() {
                writer.cut(before);
                left_out += 1;
                break;
            }
        }
        left_out + wanted.count()
    }

    /// What only the protocol itself may set, and nothing that an accept must not have.
    fn is_for_accept(&self, kind: AttributeType) -> bool {
        match kind {
            AttributeType::USER_PASSWORD
            | AttributeType::CHAP_PASSWORD
            | AttributeType::CHAP_CHALLENGE
            | AttributeType::STATE
            | AttributeType::PROXY_STATE
            | AttributeType::EAP_MESSAGE
            | AttributeType::MESSAGE_AUTHENTICATOR => false,
            // RFC 3579 section 2.6.5.
            AttributeType::REPLY_MESSAGE => !matches!(self.shape, Shape::Eap(_)),
            _ => true,
        }
    }

    /// Proxy-States must be there, so the text gives way to them.
    fn text(&self, writer: &mut PacketWriter<'_, Replying>, text: &str) {
        if matches!(self.shape, Shape::Eap(_)) {
            return;
        }
        let before = writer.length();
        let written = writer.text(AttributeType::REPLY_MESSAGE, text);
        if written.is_err() || writer.room() < self.proxy_states.len() {
            writer.cut(before);
        }
    }
}

fn write_challenge(
    writer: &mut PacketWriter<'_, Replying>,
    challenge: &Challenge,
) -> Result<(), WriteError> {
    writer.attribute(AttributeType::STATE, &challenge.state)?;
    match &challenge.ask {
        Ask::Text(text, seconds) => {
            writer.text(AttributeType::REPLY_MESSAGE, text)?;
            writer.attribute(AttributeType::PROMPT, &PROMPT_NO_ECHO.to_be_bytes())?;
            writer.attribute(AttributeType::SESSION_TIMEOUT, &seconds.to_be_bytes())
        }
        Ask::Eap(request) => writer.pieces(AttributeType::EAP_MESSAGE, request),
    }
}
