//! Writing packets into a buffer of the caller.
//!
//! Three kinds of packets differ in how they are sealed, and a type tells them apart: a request for
//! access carries its Authenticator from the start; a request of accounting and its like gets a
//! digest there at the end; a reply gets its Response Authenticator at the end.

use std::marker::PhantomData;

use super::{AUTHENTICATOR_RANGE, Code, HEADER_OCTETS, PACKET_MAX};
use crate::attribute::{
    AttributeType, HEADER_OCTETS as ATTRIBUTE_HEADER, VALUE_MAX, VENDOR_HEADER_OCTETS,
    VENDOR_VALUE_MAX,
};
use crate::authenticator::{self, Authenticator, DIGEST_OCTETS};
use crate::error::WriteError;
use crate::secret::Secret;
use crate::user_password;

/// A packet that asks.
#[derive(Debug)]
pub enum Requesting {}
/// A packet that asks, and whose Authenticator is a digest: Accounting-Request, Disconnect-Request
/// and CoA-Request.
#[derive(Debug)]
pub enum Digested {}
/// A packet that answers.
#[derive(Debug)]
pub enum Replying {}

/// A packet in the making.
///
/// Nothing that was refused leaves a trace in it, so a caller may leave out what does not fit.
#[derive(Debug)]
pub struct PacketWriter<'b, Kind> {
    buffer: &'b mut [u8],
    length: usize,
    /// Where the value of Message-Authenticator stands, once it has a place.
    message_authenticator: Option<usize>,
    kind: PhantomData<Kind>,
}

impl<'b> PacketWriter<'b, Replying> {
    /// Begins the reply to a request, with Message-Authenticator as its first attribute.
    ///
    /// First, always: a reply that begins with a keyed value leaves the attack on MD5
    /// (CVE-2024-3596) no prefix that it could know.
    pub fn reply(
        buffer: &'b mut [u8],
        code: Code,
        identifier: u8,
        request: &Authenticator,
    ) -> Result<Self, WriteError> {
        let mut writer = Self::bare_reply(buffer, code, identifier, request)?;
        writer.message_authenticator()?;
        Ok(writer)
    }

    /// Begins a reply without Message-Authenticator: for Accounting-Response, and for clients that
    /// drop replies that have one. Anybody on the path can forge such a reply to an
    /// Access-Request.
    pub fn bare_reply(
        buffer: &'b mut [u8],
        code: Code,
        identifier: u8,
        request: &Authenticator,
    ) -> Result<Self, WriteError> {
        Self::begin(buffer, code, identifier, request)
    }

    /// Fills in Length, Message-Authenticator and Response Authenticator; returns the length.
    pub fn seal(mut self, secret: &Secret) -> usize {
        self.write_length();
        // Until here the Request Authenticator stands in the header, as RFC 3579 section 3.2
        // wants it for the Message-Authenticator of a reply.
        self.write_message_authenticator(secret);
        let sealed = authenticator::digest(secret, &self.buffer[..self.length]);
        self.buffer[AUTHENTICATOR_RANGE].copy_from_slice(&sealed);
        self.length
    }
}

impl<'b> PacketWriter<'b, Requesting> {
    /// Begins a request. `authenticator` must be unpredictable (RFC 2865 section 3).
    pub fn request(
        buffer: &'b mut [u8],
        code: Code,
        identifier: u8,
        authenticator: &Authenticator,
    ) -> Result<Self, WriteError> {
        Self::begin(buffer, code, identifier, authenticator)
    }

    /// Appends User-Password, hidden under `secret` and the Request Authenticator.
    pub fn user_password(&mut self, secret: &Secret, password: &[u8]) -> Result<(), WriteError> {
        let mut authenticator = Authenticator::default();
        authenticator.copy_from_slice(&self.buffer[AUTHENTICATOR_RANGE]);
        let hidden = user_password::hide(secret, &authenticator, password)?;
        self.attribute(AttributeType::USER_PASSWORD, hidden.octets())
    }

    /// Fills in Length and, where a place was made for it, Message-Authenticator; returns the
    /// length.
    pub fn seal(mut self, secret: &Secret) -> usize {
        self.write_length();
        self.write_message_authenticator(secret);
        self.length
    }
}

impl<'b> PacketWriter<'b, Digested> {
    /// Begins a request whose Authenticator is computed when it is sealed (RFC 2866 section 3,
    /// RFC 5176 section 2.3).
    pub fn digested(buffer: &'b mut [u8], code: Code, identifier: u8) -> Result<Self, WriteError> {
        Self::begin(buffer, code, identifier, &Authenticator::default())
    }

    /// Fills in Length, Message-Authenticator where a place was made for it, and the Request
    /// Authenticator; returns the length.
    pub fn seal(mut self, secret: &Secret) -> usize {
        self.write_length();
        // Until here 16 zero octets stand in the header, as RFC 5176 section 3.4 wants it for
        // the Message-Authenticator.
        self.write_message_authenticator(secret);
        let sealed = authenticator::digest(secret, &self.buffer[..self.length]);
        self.buffer[AUTHENTICATOR_RANGE].copy_from_slice(&sealed);
        self.length
    }
}

impl<'b, Kind> PacketWriter<'b, Kind> {
    fn begin(
        buffer: &'b mut [u8],
        code: Code,
        identifier: u8,
        authenticator: &Authenticator,
    ) -> Result<Self, WriteError> {
        let header = buffer
            .get_mut(..HEADER_OCTETS)
            .ok_or(WriteError::PacketTooLarge)?;
        header[0] = code.0;
        header[1] = identifier;
        header[AUTHENTICATOR_RANGE].copy_from_slice(authenticator);
        Ok(Self {
            buffer,
            length: HEADER_OCTETS,
            message_authenticator: None,
            kind: PhantomData,
        })
    }

    /// Makes the place for Message-Authenticator here.
    pub fn message_authenticator(&mut self) -> Result<(), WriteError> {
        if self.message_authenticator.is_some() {
            return Err(WriteError::SecondMessageAuthenticator);
        }
        let offset = self.length + ATTRIBUTE_HEADER;
        self.attribute(AttributeType::MESSAGE_AUTHENTICATOR, &[0; DIGEST_OCTETS])?;
        self.message_authenticator = Some(offset);
        Ok(())
    }

    /// Appends an attribute.
    pub fn attribute(&mut self, kind: AttributeType, value: &[u8]) -> Result<(), WriteError> {
        if value.is_empty() {
            return Err(WriteError::AttributeEmpty);
        }
        self.copy(kind, value)
    }

    /// Appends an attribute as somebody else sent it, empty values included: a Proxy-State goes
    /// back unmodified (RFC 2865 section 5.33).
    pub fn copy(&mut self, kind: AttributeType, value: &[u8]) -> Result<(), WriteError> {
        if value.len() > VALUE_MAX {
            return Err(WriteError::AttributeTooLong);
        }
        let end = self.length + ATTRIBUTE_HEADER + value.len();
        if end > PACKET_MAX {
            return Err(WriteError::PacketTooLarge);
        }
        let place = self
            .buffer
            .get_mut(self.length..end)
            .ok_or(WriteError::PacketTooLarge)?;
        place[0] = kind.0;
        place[1] = (ATTRIBUTE_HEADER + value.len()) as u8;
        place[ATTRIBUTE_HEADER..].copy_from_slice(value);
        self.length = end;
        Ok(())
    }

    /// Appends text in as many attributes as it needs, cut between characters, or nothing at all.
    pub fn text(&mut self, kind: AttributeType, mut text: &str) -> Result<(), WriteError> {
        let before = self.length;
        while !text.is_empty() {
            let (piece, rest) = text.split_at(char_boundary(text, VALUE_MAX));
            if let Err(error) = self.attribute(kind, piece.as_bytes()) {
                self.length = before;
                return Err(error);
            }
            text = rest;
        }
        Ok(())
    }

    /// Appends an attribute of a vendor, in a Vendor-Specific attribute of its own, in the usual
    /// format (RFC 2865 section 5.26).
    pub fn vendor(&mut self, vendor: u32, kind: u8, value: &[u8]) -> Result<(), WriteError> {
        if value.is_empty() {
            return Err(WriteError::AttributeEmpty);
        }
        if value.len() > VENDOR_VALUE_MAX {
            return Err(WriteError::AttributeTooLong);
        }
        let mut whole = [0; VALUE_MAX];
        let (header, data) = whole.split_at_mut(VENDOR_HEADER_OCTETS);
        header[..4].copy_from_slice(&vendor.to_be_bytes());
        header[4] = kind;
        header[5] = (ATTRIBUTE_HEADER + value.len()) as u8;
        data[..value.len()].copy_from_slice(value);
        let whole = &whole[..VENDOR_HEADER_OCTETS + value.len()];
        self.attribute(AttributeType::VENDOR_SPECIFIC, whole)
    }

    /// Appends a value in as many attributes as it needs, or nothing at all: EAP-Message
    /// (RFC 3579 section 3.1).
    pub fn pieces(&mut self, kind: AttributeType, value: &[u8]) -> Result<(), WriteError> {
        let before = self.length;
        for piece in value.chunks(VALUE_MAX) {
            if let Err(error) = self.attribute(kind, piece) {
                self.length = before;
                return Err(error);
            }
        }
        Ok(())
    }

    /// How long the packet is now, for [`cut`](Self::cut).
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// Takes back what was appended since the packet had this length. Message-Authenticator must
    /// not be among it.
    pub(crate) fn cut(&mut self, length: usize) {
        self.length = self.length.min(length);
    }

    /// How many more octets the packet can take, the headers of attributes included.
    pub fn room(&self) -> usize {
        self.buffer.len().min(PACKET_MAX) - self.length
    }

    fn write_length(&mut self) {
        // PACKET_MAX fits in 16 bits, and `copy` let nothing through above it.
        let length = (self.length as u16).to_be_bytes();
        self.buffer[2..4].copy_from_slice(&length);
    }

    fn write_message_authenticator(&mut self, secret: &Secret) {
        if let Some(offset) = self.message_authenticator {
            let packet = &mut self.buffer[..self.length];
            let digest = authenticator::message_authenticator(secret, packet, offset);
            packet[offset..offset + DIGEST_OCTETS].copy_from_slice(&digest);
        }
    }
}

/// The largest cut at or below `limit` that does not split a character.
fn char_boundary(text: &str, limit: usize) -> usize {
    let mut cut = limit.min(text.len());
    while !text.is_char_boundary(cut) {
        cut -= 1;
    }
    cut
}
