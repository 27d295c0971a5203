//! Bodies of frames: changes in CBOR, and records in the form that they are kept in memory.

use data_encoding::HEXLOWER;
use minicbor::data::Type;
use minicbor::encode::Write as _;
use minicbor::{Decoder, Encoder};
use sekisho_verifier::event::{Event, RequestKey};
use sekisho_verifier::seal::{DataKey, Keyring, TAG_OCTETS, Tag};
use sekisho_verifier::store::{Key, Kind, Position, Record, StoreError};

/// What a record is found by in memory and in the index: one octet for its kind, and its name.
/// Their order is that of [`Key`].
pub(crate) type KeyOctets = Box<[u8]>;
/// A record in CBOR, and its tag. For a request, the position of its event.
pub(crate) type ValueOctets = Box<[u8]>;

const TOKEN: u8 = 0;
const ACCOUNT: u8 = 1;
const ALIAS: u8 = 2;
/// No record, but what is known of an idempotency key. It is kept beside the records, because it
/// is made, taken back and indexed with them.
const REQUEST: u8 = 3;
const SESSION: u8 = 4;

/// Fields of a body: its content, the stamp, and `true`, so that no body ends in a zero octet.
const FIELDS: u64 = 6;
/// Fields of the body of a seal.
const SEAL_FIELDS: u64 = 5;

/// The octets of a key.
pub(crate) fn key_octets(key: &Key) -> KeyOctets {
    match key {
        Key::Token(serial) => tagged(TOKEN, serial.as_str().as_bytes()),
        Key::Account(name) => tagged(ACCOUNT, name.as_str().as_bytes()),
        Key::Alias(name) => tagged(ALIAS, name.as_str().as_bytes()),
        Key::Session(id) => tagged(SESSION, &id.0),
    }
}

/// What all keys of a kind begin with.
pub(crate) fn kind_octet(kind: Kind) -> u8 {
    match kind {
        Kind::Tokens => TOKEN,
        Kind::Accounts => ACCOUNT,
        Kind::Aliases => ALIAS,
        Kind::Sessions => SESSION,
    }
}

fn tagged(tag: u8, name: &[u8]) -> KeyOctets {
    let mut octets = Vec::with_capacity(1 + name.len());
    octets.push(tag);
    octets.extend_from_slice(name);
    octets.into()
}

/// What the position of a request is found by.
pub(crate) fn request_octets(uid: u32, key: &RequestKey) -> KeyOctets {
    let mut octets = vec![REQUEST];
    octets.extend_from_slice(&uid.to_be_bytes());
    octets.extend_from_slice(key.as_str().as_bytes());
    octets.into()
}

/// What [`request_octets`] was made of.
pub(crate) fn request_of(octets: &[u8]) -> Option<(u32, &str)> {
    let (uid, key) = octets.strip_prefix(&[REQUEST])?.split_first_chunk()?;
    Some((u32::from_be_bytes(*uid), std::str::from_utf8(key).ok()?))
}

/// Whether `key` is one of [`request_octets`], and so its value a position and no record.
pub(crate) fn is_request(key: &[u8]) -> bool {
    key.first() == Some(&REQUEST)
}

/// The position of a request.
pub(crate) fn request_position(value: &[u8]) -> Option<Position> {
    Some(Position::from_be_bytes(value.try_into().ok()?))
}

/// What operators call the record of `key`.
pub(crate) fn name_of(key: &[u8]) -> String {
    let (kind, name) = key.split_first().map_or((&u8::MAX, key), |split| split);
    let kind = match *kind {
        TOKEN => "token",
        ACCOUNT => "account",
        ALIAS => "other name",
        SESSION => return format!("session {}", HEXLOWER.encode(name)),
        _ => "entry",
    };
    format!("{kind} {}", name.escape_ascii())
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

/// Appends a byte string.
pub(crate) fn append_bytes(out: &mut Vec<u8>, octets: &[u8]) {
    match Encoder::new(out).bytes(octets) {
        Ok(_) => {}
        Err(error) => unreachable!("a buffer takes everything: {error}"),
    }
}

/// Appends `null`.
fn append_null(out: &mut Vec<u8>) {
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
    pub(crate) end: End,
}

type CborResult<T> = Result<T, minicbor::decode::Error>;

/// Records of a body, and the tags that follow them.
#[derive(Debug, Default)]
pub(crate) struct Written {
    count: u64,
    items: Vec<u8>,
    tags: Vec<u8>,
}

impl Written {
    /// Forgets all records, and keeps the space that they took.
    pub(crate) fn clear(&mut self) {
        self.count = 0;
        self.items.clear();
        self.tags.clear();
    }

    /// Octets of the records.
    pub(crate) fn octets(&self) -> usize {
        self.items.len()
    }

    /// Adds a record, tagged by `key`. Returns it as it is kept in memory.
    pub(crate) fn push(&mut self, record: &Record, key: &DataKey) -> Step {
        let from = self.items.len();
        append(&mut self.items, record);
        let octets = &self.items[from..];
        let name = key_octets(&record.key());
        let tag = key.tag(&name, octets);
        let mut value = Vec::with_capacity(octets.len() + TAG_OCTETS);
        value.extend_from_slice(octets);
        value.extend_from_slice(tag.octets());
        self.tags.extend_from_slice(tag.octets());
        self.count += 1;
        (name, Some(value.into()))
    }
}

/// Appends what is stamped of a body: with its event a change, without it a part of one.
pub(crate) fn append_body(
    out: &mut Vec<u8>,
    event: Option<&Event>,
    written: &Written,
    removed: &[Key],
) {
    append_array(out, FIELDS);
    match event {
        Some(event) => append(out, event),
        None => append_null(out),
    }
    append_array(out, written.count);
    out.extend_from_slice(&written.items);
    append_array(out, removed.len() as u64);
    for key in removed {
        append(out, key);
    }
    append_bytes(out, &written.tags);
}

/// Ends a body.
pub(crate) fn append_stamp(out: &mut Vec<u8>, stamp: &Tag) {
    append_bytes(out, stamp.octets());
    append(out, &true);
}

/// Appends what is stamped of the body of a seal.
pub(crate) fn append_seal(out: &mut Vec<u8>, next: &Next) {
    append_array(out, SEAL_FIELDS);
    append(out, &next.segment);
    append(out, &next.epoch);
    append(out, &next.first_position);
}

/// What a seal says of the segment that follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Next {
    pub(crate) segment: u64,
    pub(crate) epoch: u32,
    pub(crate) first_position: Position,
}

/// The end of a body: how much of it is stamped, and the stamp.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End {
    pub(crate) stamped: usize,
    pub(crate) stamp: Tag,
}

/// Reads the body of a seal.
pub(crate) fn parse_seal(octets: &[u8]) -> CborResult<(Next, End)> {
    let mut decoder = Decoder::new(octets);
    expect_array(&mut decoder, SEAL_FIELDS)?;
    let next = Next {
        segment: decoder.u64()?,
        epoch: decoder.u32()?,
        first_position: decoder.u64()?,
    };
    Ok((next, parse_end(&mut decoder, octets)?))
}

fn parse_end(decoder: &mut Decoder<'_>, octets: &[u8]) -> CborResult<End> {
    let wrong = || minicbor::decode::Error::message("the end of a body");
    let stamped = decoder.position();
    let stamp = decoder.bytes()?.try_into().map_err(|_| wrong())?;
    if !decoder.bool()? || decoder.position() != octets.len() {
        return Err(wrong());
    }
    Ok(End {
        stamped,
        stamp: Tag::from_octets(stamp),
    })
}

/// Reads a body. Tags are taken as they are: who reads a record checks its tag.
pub(crate) fn parse(octets: &[u8]) -> CborResult<Body> {
    let mut decoder = Decoder::new(octets);
    let event = parse_event(&mut decoder)?;
    let mut written = Vec::new();
    for _ in 0..length(&mut decoder)? {
        let from = decoder.position();
        let key = record_key(&mut decoder)?;
        decoder.set_position(from);
        decoder.skip()?;
        written.push((key, from..decoder.position()));
    }
    let mut removed = Vec::new();
    for _ in 0..length(&mut decoder)? {
        let key: Key = decoder.decode()?;
        removed.push((key_octets(&key), None));
    }
    let tags = decoder.bytes()?;
    let (tags, rest) = tags.as_chunks::<TAG_OCTETS>();
    if tags.len() != written.len() || !rest.is_empty() {
        return Err(minicbor::decode::Error::message("the tags of a body"));
    }
    let end = parse_end(&mut decoder, octets)?;
    let mut steps: Vec<Step> = Vec::with_capacity(written.len() + removed.len());
    for ((key, range), tag) in written.into_iter().zip(tags) {
        steps.push((key, Some([&octets[range], tag].concat().into())));
    }
    steps.append(&mut removed);
    Ok(Body { event, steps, end })
}

/// Reads the event of a change and nothing else.
pub(crate) fn event_of(octets: &[u8]) -> CborResult<Option<Event>> {
    parse_event(&mut Decoder::new(octets))
}

fn parse_event(decoder: &mut Decoder<'_>) -> CborResult<Option<Event>> {
    if length(decoder)? != FIELDS {
        return Err(minicbor::decode::Error::message("fields of a change"));
    }
    if decoder.datatype()? == Type::Null {
        decoder.null()?;
        return Ok(None);
    }
    decoder.decode().map(Some)
}

pub(crate) fn length(decoder: &mut Decoder<'_>) -> CborResult<u64> {
    let length = decoder.array()?;
    length.ok_or_else(|| minicbor::decode::Error::message("length of an array"))
}

/// The head of an array of so many items.
pub(crate) fn expect_array(decoder: &mut Decoder<'_>, items: u64) -> CborResult<()> {
    match length(decoder)? {
        found if found == items => Ok(()),
        _ => Err(minicbor::decode::Error::message("length of an array")),
    }
}

/// The key of a record, without decoding the rest of it: [kind, [[name, ...]]], or for an alias
/// [kind, [name, ...]]. The name of a session is octets.
pub(crate) fn record_key(decoder: &mut Decoder<'_>) -> CborResult<KeyOctets> {
    length(decoder)?;
    let tag = decoder.u8()?;
    length(decoder)?;
    match tag {
        TOKEN | ACCOUNT => {
            length(decoder)?;
        }
        ALIAS => {}
        SESSION => {
            length(decoder)?;
            return Ok(tagged(tag, decoder.bytes()?));
        }
        _ => return Err(minicbor::decode::Error::message("kind of a record")),
    }
    Ok(tagged(tag, decoder.str()?.as_bytes()))
}

/// Reads a record as it is kept in memory, if it is what was written under this key.
pub(crate) fn record(keyring: &Keyring, key: &[u8], value: &[u8]) -> Result<Record, StoreError> {
    let octets = checked(keyring, key, value).ok_or(StoreError::Corrupt)?;
    minicbor::decode(octets).map_err(|_| StoreError::Corrupt)
}

/// Whether a value is what was written under this key.
pub(crate) fn fits(keyring: &Keyring, key: &[u8], value: &[u8]) -> bool {
    if is_request(key) {
        return request_position(value).is_some();
    }
    checked(keyring, key, value).is_some()
}

/// The CBOR of a value whose tag fits.
fn checked<'a>(keyring: &Keyring, key: &[u8], value: &'a [u8]) -> Option<&'a [u8]> {
    let (octets, tag) = value.split_last_chunk::<TAG_OCTETS>()?;
    keyring.check(key, octets, &Tag::from_octets(*tag)).ok()?;
    Some(octets)
}
