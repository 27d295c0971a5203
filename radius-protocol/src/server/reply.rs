//! Replies to Access-Requests.

use crate::attribute::{AttributeType, Attributes};
use crate::authenticator::Authenticator;
use crate::error::WriteError;
use crate::packet::{Code, Packet, PacketWriter};
use crate::secret::Secret;

/// The verdict of the verifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Let in.
    Accept,
    /// Not let in.
    Reject,
}

impl Verdict {
    fn code(self) -> Code {
        match self {
            Self::Accept => Code::ACCESS_ACCEPT,
            Self::Reject => Code::ACCESS_REJECT,
        }
    }
}

/// A verdict and what goes with it to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer<'a> {
    /// The verdict.
    pub verdict: Verdict,
    /// Text that the NAS may show. Must not hold anything the request said.
    pub reply_message: Option<&'a str>,
}

impl<'a> From<Verdict> for Answer<'a> {
    fn from(verdict: Verdict) -> Self {
        Self {
            verdict,
            reply_message: None,
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

/// The request that a reply is for.
#[derive(Debug)]
pub(super) struct ReplyTo<'r> {
    pub(super) secret: &'r Secret,
    pub(super) identifier: u8,
    pub(super) authenticator: &'r Authenticator,
    /// As [`proxy_states`] gives them.
    pub(super) proxy_states: &'r [u8],
}

impl ReplyTo<'_> {
    /// Writes the reply and returns its length: Message-Authenticator, then text if it fits, then
    /// every Proxy-State in its order (RFC 2865 section 5.33). Proxy-States must be there, so the
    /// text gives way to them.
    pub(super) fn write(&self, answer: &Answer<'_>, out: &mut [u8]) -> Result<usize, WriteError> {
        let code = answer.verdict.code();
        let text = answer.reply_message.unwrap_or_default();
        match self.write_with(code, text, out) {
            Err(WriteError::PacketTooLarge) if !text.is_empty() => self.write_with(code, "", out),
            written => written,
        }
    }

    fn write_with(&self, code: Code, text: &str, out: &mut [u8]) -> Result<usize, WriteError> {
        let mut writer = PacketWriter::reply(out, code, self.identifier, self.authenticator)?;
        writer.text(AttributeType::REPLY_MESSAGE, text)?;
        for proxy_state in Attributes::new(self.proxy_states, 0) {
            writer.copy(proxy_state.kind, proxy_state.value)?;
        }
        Ok(writer.seal(self.secret))
    }
}
