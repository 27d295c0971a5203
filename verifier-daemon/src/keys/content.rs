//! What the keyring file holds, in clear: in memory only, and in backups, which are encrypted.

use std::sync::Arc;

use minicbor::bytes::ByteSlice;
use minicbor::{Decode, Decoder, Encode, Encoder};
use sekisho_verifier::event::{Actor, Note, RequestKey};
use sekisho_verifier::note::SIGNING_KEY_OCTETS;
use sekisho_verifier::seal::{DataKey, KEY_OCTETS, Keyring};
use zeroize::{Zeroize, Zeroizing};

/// The most data keys: one that seals, and those that a rotation is about to destroy.
pub(super) const DATA_KEYS_MAX: usize = 8;
/// Content never takes more octets than this: the keys, and the words of a rotation.
pub(super) const CONTENT_OCTETS_MAX: usize = 4 << 10;

/// Octets of a key. They stay where they are in memory, and are wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct KeyOctets(Box<[u8; KEY_OCTETS]>);

const _: () = assert!(KEY_OCTETS == SIGNING_KEY_OCTETS);

impl KeyOctets {
    fn fresh() -> Result<Self, getrandom::Error> {
        let mut octets = Self(Box::new([0; KEY_OCTETS]));
        getrandom::fill(&mut *octets.0)?;
        Ok(octets)
    }

    pub(super) fn expose(&self) -> &[u8; KEY_OCTETS] {
        &self.0
    }
}

impl Drop for KeyOctets {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl std::fmt::Debug for KeyOctets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyOctets(..)")
    }
}

impl<C> Encode<C> for KeyOctets {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(&*self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for KeyOctets {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let octets: &ByteSlice = d.decode()?;
        // Straight into its place: no copy stays on the stack.
        let octets: Box<[u8]> = octets.as_ref().into();
        match octets.try_into() {
            Ok(octets) => Ok(Self(octets)),
            Err(mut wrong) => {
                wrong.zeroize();
                Err(minicbor::decode::Error::message("a key of another length"))
            }
        }
    }
}

/// A data key and its number.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(super) struct NumberedKey {
    #[n(0)]
    pub(super) number: u32,
    #[n(1)]
    pub(super) octets: KeyOctets,
}

impl NumberedKey {
    fn data_key(&self) -> DataKey {
        DataKey::new(self.number, self.octets.expose())
    }
}

/// Who asked for the rotation that is under way, so that it ends in their name after a crash.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Asked {
    #[n(0)]
    pub(super) actor: Actor,
    #[n(1)]
    pub(super) note: Option<Note>,
    /// With these keys the two events are written once, however often the rotation is taken up
    /// again.
    #[n(2)]
    pub(super) begun: RequestKey,
    #[n(3)]
    pub(super) ended: RequestKey,
    /// Who approved it, if it took a second person.
    #[n(4)]
    pub(super) approver: Option<Actor>,
}

/// The keys of a data folder.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Content {
    #[n(0)]
    current: u32,
    /// In rising order of number; the current one is the last.
    #[n(1)]
    keys: Vec<NumberedKey>,
    #[n(2)]
    signing_key: KeyOctets,
    /// There while there are older keys beside the current one.
    #[n(3)]
    rotation: Option<Asked>,
}

impl Content {
    /// New keys, for a new installation.
    pub(crate) fn fresh() -> Result<Self, getrandom::Error> {
        let key = NumberedKey {
            number: 1,
            octets: KeyOctets::fresh()?,
        };
        Ok(Self {
            current: key.number,
            keys: vec![key],
            signing_key: KeyOctets::fresh()?,
            rotation: None,
        })
    }

    /// As CBOR.
    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        // Room for all of it, so that the buffer is never moved and left behind.
        let mut octets = Zeroizing::new(Vec::with_capacity(CONTENT_OCTETS_MAX));
        // A vector takes everything.
        let _ = minicbor::encode(self, &mut *octets);
        octets
    }

    /// From CBOR; `None` if it is not the content of a keyring.
    pub(crate) fn decode(octets: &[u8]) -> Option<Self> {
        let mut decoder = Decoder::new(octets);
        let content: Self = decoder.decode().ok()?;
        let numbers = content.keys.iter().map(|key| key.number);
        let good = decoder.position() == octets.len()
            && content.keys.len() <= DATA_KEYS_MAX
            && numbers.is_sorted_by(|a, b| a < b)
            && content.keys.last()?.number == content.current
            && content.rotation.is_some() == (content.keys.len() > 1);
        good.then_some(content)
    }

    /// The ring that seals, opens, tags and checks.
    pub(crate) fn keyring(&self) -> Option<Arc<Keyring>> {
        let (current, older) = self.keys.split_last()?;
        let ring = Keyring::new(current.data_key());
        for key in older {
            ring.add(key.data_key());
        }
        Some(Arc::new(ring))
    }

    /// What signs checkpoints and receipts.
    pub(crate) fn signing_key(&self) -> Zeroizing<[u8; SIGNING_KEY_OCTETS]> {
        Zeroizing::new(*self.signing_key.expose())
    }

    /// The number of the key that seals.
    pub(super) fn current(&self) -> u32 {
        self.current
    }

    /// The numbers of all keys, rising.
    pub(super) fn numbers(&self) -> Vec<u32> {
        self.keys.iter().map(|key| key.number).collect()
    }

    /// Whether a rotation has begun and not ended.
    pub(super) fn is_rotating(&self) -> bool {
        self.rotation.is_some()
    }

    pub(super) fn rotation(&self) -> Option<&Asked> {
        self.rotation.as_ref()
    }

    /// With a new data key that is current, beside those there are.
    pub(super) fn begin_rotation(&self, asked: Asked) -> Result<(Self, DataKey), getrandom::Error> {
        let key = NumberedKey {
            number: self.current + 1,
            octets: KeyOctets::fresh()?,
        };
        let data_key = key.data_key();
        let mut content = self.clone();
        content.current = key.number;
        content.keys.push(key);
        content.rotation = Some(asked);
        Ok((content, data_key))
    }

    /// With the current key only.
    pub(super) fn end_rotation(&self) -> Self {
        let mut content = self.clone();
        content.keys.retain(|key| key.number == self.current);
        content.rotation = None;
        content
    }
}
