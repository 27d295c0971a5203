//! Writing packets into a buffer of the caller.
//!
//! Two kinds of packets differ in how they are sealed, and a type tells them apart: a request
//! carries its Authenticator from the start, a reply gets its Response Authenticator at the end.

use std::marker::PhantomData;

use super::{AUTHENTICATOR_RANGE, Code, HEADER_OCTETS, PACKET_MAX};
use crate::attribute::{AttributeType, HEADER_OCTETS as ATTRIBUTE_HEADER, VALUE_MAX};
use crate::authenticator::{self, Authenticator, DIGEST_OCTETS};
use crate::error::WriteError;
use crate::secret::Secret;
use crate::user_password;

/// A packet that asks.
#[derive(Debug)]
pub enum Requesting {}
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
        let mut writer = Self::begin(buffer, code, identifier, request)?;
        writer.message_authenticator()?;
        Ok(writer)
    }

    /// Fills in Length, Message-Authenticator and Response Authenticator; returns the length.
    pub fn seal(mut self, secret: &Secret) -> usize {
        self.write_length();
        // Until here the Request Authenticator stands in the header, as RFC 3579 section 3.2
        // wants it for the Message-Authenticator of a reply.
        self.write_message_authenticator(secret);
        let sealed = authenticator::response_authenticator(secret, &self.buffer[..self.length]);
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
