//! Bodies of frames: changes in CBOR, and records in the form that they are kept in memory.

use minicbor::data::Type;
use minicbor::encode::Write as _;
use minicbor::{Decoder, Encoder};
use sekisho_verifier::event::Event;
use sekisho_verifier::store::{Key, Kind, Record};

/// What a record is found by in memory and in the index: one octet for its kind, and its name.
/// Their order is that of [`Key`].
pub(crate) type KeyOctets = Box<[u8]>;
/// A record in CBOR.
pub(crate) type ValueOctets = Box<[u8]>;

const TOKEN: u8 = 0;
const ACCOUNT: u8 = 1;
const ALIAS: u8 = 2;

/// The octets of a key.
pub(crate) fn key_octets(key: &Key) -> KeyOctets {
    match key {
        Key::Token(serial) => tagged(TOKEN, serial.as_str()),
        Key::Account(name) => tagged(ACCOUNT, name.as_str()),
        Key::Alias(name) => tagged(ALIAS, name.as_str()),
    }
}

/// What all keys of a kind begin with.
pub(crate) fn kind_octet(kind: Kind) -> u8 {
    match kind {
        Kind::Tokens => TOKEN,
        Kind::Accounts => ACCOUNT,
        Kind::Aliases => ALIAS,
    }
}

fn tagged(tag: u8, name: &str) -> KeyOctets {
    let mut octets = Vec::with_capacity(1 + name.len());
    octets.push(tag);
    octets.extend_from_slice(name.as_bytes());
    octets.into()
}

/// Appends CBOR to a buffer; it can not fail.
pub(crate) fn append<T: minicbor::Encode<()>>(out: &mut Vec<u8>, value: &T) {
    match minicbor::encode(value, out) {
        Ok(()) => {}
        Err(error) => unreachable!("a buffer takes everything: {error}"),
    }
}

/// Appends an array's head.
pub(crate) fn append_array(out: &mut Vec<u8>, items: u64) {
    match Encoder::new(out).array(items) {
        Ok(_) => {}
        Err(error) => unreachable!("a buffer takes everything: {error}"),
    }
}

/// Appends `null`.
pub(crate) fn append_null(out: &mut Vec<u8>) {
    match out.write_all(&[0xF6]) {
        Ok(()) => {}
        Err(error) => unreachable!("a buffer takes everything: {error}"),
    }
}

/// What a body says about one record: its new value, or that it is no more.
pub(crate) type Step = (KeyOctets, Option<ValueOctets>);

/// What a body of a change, or of a part of one, says.
#[derive(Debug)]
pub(crate) struct Body {
    /// `None` for a part.
    pub(crate) event: Option<Event>,
    /// In order.
    pub(crate) steps: Vec<Step>,
}

type CborResult<T> = Result<T, minicbor::decode::Error>;

/// Reads a body.
pub(crate) fn parse(octets: &[u8]) -> CborResult<Body> {
    let mut decoder = Decoder::new(octets);
    let event = parse_event(&mut decoder)?;
    let mut steps = Vec::new();
    for _ in 0..length(&mut decoder)? {
        let from = decoder.position();
        let key = record_key(&mut decoder)?;
        decoder.set_position(from);
        decoder.skip()?;
        let value = &octets[from..decoder.position()];
        steps.push((key, Some(value.into())));
    }
    for _ in 0..length(&mut decoder)? {
        let key: Key = decoder.decode()?;
        steps.push((key_octets(&key), None));
    }
    if decoder.position() != octets.len() {
        return Err(minicbor::decode::Error::message("octets behind the body"));
    }
    Ok(Body { event, steps })
}

/// Reads the event of a change and nothing else.
pub(crate) fn event_of(octets: &[u8]) -> CborResult<Option<Event>> {
    parse_event(&mut Decoder::new(octets))
}

fn parse_event(decoder: &mut Decoder<'_>) -> CborResult<Option<Event>> {
    if length(decoder)? != 3 {
        return Err(minicbor::decode::Error::message("fields of a change"));
    }
    if decoder.datatype()? == Type::Null {
        decoder.null()?;
        return Ok(None);
    }
    decoder.decode().map(Some)
}

fn length(decoder: &mut Decoder<'_>) -> CborResult<u64> {
    let length = decoder.array()?;
    length.ok_or_else(|| minicbor::decode::Error::message("length of an array"))
}

/// The key of a record, without decoding the rest of it: [kind, [[name, ...]]], or for an alias
/// [kind, [name, ...]].
fn record_key(decoder: &mut Decoder<'_>) -> CborResult<KeyOctets> {
    length(decoder)?;
    let tag = decoder.u8()?;
    length(decoder)?;
    match tag {
        TOKEN | ACCOUNT => {
            length(decoder)?;
        }
        ALIAS => {}
        _ => return Err(minicbor::decode::Error::message("kind of a record")),
    }
    Ok(tagged(tag, decoder.str()?))
}

/// Reads a record as it is kept in memory.
pub(crate) fn record(octets: &[u8]) -> CborResult<Record> {
    minicbor::decode(octets)
}
