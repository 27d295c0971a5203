//! MS-CHAPv2 (RFC 2759) and its keys (RFC 3079), where the password is a code.
//!
//! MD4 and DES are what the protocol prescribes; they protect nothing here. Who sees one exchange
//! can try all codes in a moment: that a code is good once is what holds.

use des::Des;
use des::cipher::{BlockCipherEncrypt, KeyInit};
use md4::Md4;
use sha1::Sha1;
use sha1::digest::Digest;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use crate::proof::MsChapV2;

/// Octets of an authenticator response.
pub const AUTHENTICATOR_RESPONSE_OCTETS: usize = 20;
/// Octets of a session key: 128 bits.
pub const SESSION_KEY_OCTETS: usize = 16;

const HASH_OCTETS: usize = 16;
/// RFC 2759 section 8.7.
const TO_CLIENT: &[u8] = b"Magic server to client signing constant";
const ONE_MORE_ITERATION: &[u8] = b"Pad to make it do more than one iteration";
/// RFC 3079 section 3.4. The texts are given by the protocol.
const MASTER: &[u8] = b"This is the MPPE Master Key";
const CLIENT_SENDS: &[u8] =
    b"On the client side, this is the send key; on the server side, it is the receive key.";
const CLIENT_RECEIVES: &[u8] =
    b"On the client side, this is the receive key; on the server side, it is the send key.";
const PAD_1: [u8; 40] = [0; 40];
const PAD_2: [u8; 40] = [0xF2; 40];

type Hash = Zeroizing<[u8; HASH_OCTETS]>;

/// What a server that knows the password gives back with an accept. Wipes itself, prints nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct MsChapKeys {
    /// Shows the peer that we know the password too (RFC 2759 section 8.7).
    pub authenticator_response: Zeroizing<[u8; AUTHENTICATOR_RESPONSE_OCTETS]>,
    /// What the server sends with.
    pub send: Zeroizing<[u8; SESSION_KEY_OCTETS]>,
    /// What the server receives with.
    pub receive: Zeroizing<[u8; SESSION_KEY_OCTETS]>,
}

impl std::fmt::Debug for MsChapKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MsChapKeys(..)")
    }
}

/// A response, with what is the same for every password.
#[derive(Debug)]
pub(crate) struct Exchange<'a> {
    response: &'a [u8; 24],
    challenge: [u8; 8],
}

impl<'a> Exchange<'a> {
    pub(crate) fn new(proof: &'a MsChapV2) -> Self {
        let challenge = challenge_hash(&proof.peer_challenge, &proof.challenge, &proof.user_name);
        Self {
            response: &proof.response,
            challenge,
        }
    }

    /// Whether the response was computed from `code`, in time that does not tell how much of it fits.
    pub(crate) fn fits(&self, code: &str) -> bool {
        let expected = challenge_response(&self.challenge, &nt_password_hash(code));
        expected.ct_eq(self.response).into()
    }

    /// What goes with an accept of `code`.
    pub(crate) fn keys(&self, code: &str) -> MsChapKeys {
        let hash_hash = md4(&*nt_password_hash(code));
        let master = master_key(&hash_hash, self.response);
        MsChapKeys {
            authenticator_response: self.authenticator_response(&hash_hash),
            send: start_key(&master, CLIENT_RECEIVES),
            receive: start_key(&master, CLIENT_SENDS),
        }
    }

    /// RFC 2759 section 8.7, without its text form.
    fn authenticator_response(&self, hash_hash: &Hash) -> Zeroizing<[u8; 20]> {
        let mut first = Sha1::new()
            .chain_update(hash_hash.as_slice())
            .chain_update(self.response)
            .chain_update(TO_CLIENT)
            .finalize();
        let second = Sha1::new()
            .chain_update(first)
            .chain_update(self.challenge)
            .chain_update(ONE_MORE_ITERATION)
            .finalize();
        first.as_mut_slice().zeroize();
        Zeroizing::new(second.into())
    }
}

/// RFC 2759 section 8.2.
fn challenge_hash(peer: &[u8; 16], authenticator: &[u8; 16], user_name: &[u8]) -> [u8; 8] {
    let hash = Sha1::new()
        .chain_update(peer)
        .chain_update(authenticator)
        .chain_update(user_name)
        .finalize();
    let mut challenge = [0; 8];
    challenge.copy_from_slice(&hash[..8]);
    challenge
}

/// RFC 2759 section 8.3: over the password in UTF-16, little endian.
fn nt_password_hash(password: &str) -> Hash {
    let units = password.encode_utf16();
    let text: Zeroizing<Vec<u8>> = Zeroizing::new(units.flat_map(u16::to_le_bytes).collect());
    md4(&text)
}

fn md4(octets: &[u8]) -> Hash {
    Zeroizing::new(Md4::digest(octets).into())
}

/// RFC 2759 section 8.5: three DES keys of seven octets each, the last one filled up with zeros.
fn challenge_response(challenge: &[u8; 8], hash: &Hash) -> [u8; 24] {
    let mut padded = Zeroizing::new([0; 21]);
    padded[..HASH_OCTETS].copy_from_slice(&**hash);
    let mut response = [0; 24];
    for (key, block) in padded.chunks_exact(7).zip(response.chunks_exact_mut(8)) {
        block.copy_from_slice(&encrypt(key, challenge));
    }
    response
}

/// RFC 2759 section 8.6. Each octet of a DES key has seven bits and a parity that nothing looks at.
fn encrypt(seven: &[u8], clear: &[u8; 8]) -> [u8; 8] {
    let mut bits = 0_u64;
    for octet in seven {
        bits = bits << 8 | u64::from(*octet);
    }
    let mut key = Zeroizing::new([0_u8; 8]);
    for (index, octet) in key.iter_mut().enumerate() {
        // The lowest seven of what is left, moved over the parity.
        *octet = (bits >> (49 - 7 * index) << 1) as u8;
    }
    bits.zeroize();
    let cipher = Des::new((&*key).into());
    let mut block = (*clear).into();
    cipher.encrypt_block(&mut block);
    block.into()
}

/// RFC 3079 section 3.4, GetMasterKey.
fn master_key(hash_hash: &Hash, response: &[u8; 24]) -> Hash {
    let hash = Sha1::new()
        .chain_update(hash_hash.as_slice())
        .chain_update(response)
        .chain_update(MASTER);
    first_half(hash)
}

/// RFC 3079 section 3.4, GetAsymetricStartKey for 128 bits.
fn start_key(master: &Hash, direction: &[u8]) -> Hash {
    let hash = Sha1::new()
        .chain_update(master.as_slice())
        .chain_update(PAD_1)
        .chain_update(direction)
        .chain_update(PAD_2);
    first_half(hash)
}

fn first_half(hash: Sha1) -> Hash {
    let mut whole = hash.finalize();
    let mut half = Zeroizing::new([0; HASH_OCTETS]);
    half.copy_from_slice(&whole[..HASH_OCTETS]);
    whole.as_mut_slice().zeroize();
    half
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXUPPER;

    use super::*;

    fn octets<const N: usize>(text: &str) -> [u8; N] {
        let text: String = text.split_whitespace().collect();
        let octets = HEXUPPER.decode(text.as_bytes()).expect("hex");
        octets.try_into().expect("a length")
    }

    /// RFC 2759 section 9.2, and RFC 3079 section 3.5.3, which goes on with it.
    fn example() -> MsChapV2 {
        MsChapV2 {
            challenge: octets("5B 5D 7C 7D 7B 3F 2F 3E 3C 2C 60 21 32 26 26 28"),
            peer_challenge: octets("21 40 23 24 25 5E 26 2A 28 29 5F 2B 3A 33 7C 7E"),
            response: octets(
                "82 30 9E CD 8D 70 8B 5E A0 8F AA 39 81 CD 83 54 42 33 11 4A 3D 85 D6 DF",
            ),
            user_name: b"User".to_vec(),
        }
    }

    #[test]
    fn rfc_2759_section_9_2() {
        let example = example();
        let exchange = Exchange::new(&example);
        assert_eq!(exchange.challenge, octets("D0 2E 43 86 BC E9 12 26"));
        let hash = nt_password_hash("clientPass");
        assert_eq!(
            *hash,
            octets("44 EB BA 8D 53 12 B8 D6 11 47 44 11 F5 69 89 AE")
        );
        assert_eq!(
            *md4(&*hash),
            octets("41 C0 0C 58 4B D2 D9 1C 40 17 A2 A1 2F A5 9F 3F")
        );
        let response = challenge_response(&exchange.challenge, &hash);
        assert_eq!(response, example.response);
        assert!(exchange.fits("clientPass"));
        assert!(!exchange.fits("clientpass"));
        let keys = exchange.keys("clientPass");
        assert_eq!(
            *keys.authenticator_response,
            octets::<20>("40 7A 55 89 11 5F D0 D6 20 9F 51 0F E9 C0 45 66 93 2C DA 56")
        );
    }

    #[test]
    fn rfc_2759_section_9_3() {
        // Of the challenge 10 2D B5 DF 08 5D 30 41 with the password MyPw.
        let hash = nt_password_hash("MyPw");
        assert_eq!(
            *hash,
            octets("FC 15 6A F7 ED CD 6C 0E DD E3 33 7D 42 7F 4E AC")
        );
        let response = challenge_response(&octets("10 2D B5 DF 08 5D 30 41"), &hash);
        assert_eq!(
            response,
            octets("4E 9D 3C 8F 9C FD 38 5D 5B F4 D3 24 67 91 95 6C A4 C3 51 AB 40 9A 3D 61")
        );
    }

    #[test]
    fn rfc_3079_section_3_5_3() {
        let example = example();
        let exchange = Exchange::new(&example);
        let hash_hash = md4(&*nt_password_hash("clientPass"));
        let master = master_key(&hash_hash, &example.response);
        assert_eq!(
            *master,
            octets("FD EC E3 71 7A 8C 83 8C B3 88 E5 27 AE 3C DD 31")
        );
        let keys = exchange.keys("clientPass");
        // The RFC gives the key that the server sends with.
        assert_eq!(
            *keys.send,
            octets::<16>("8B 7C DC 14 9B 99 3A 1B A1 18 CB 15 3F 56 DC CB")
        );
        // Computed with an independent program.
        assert_eq!(
            *keys.receive,
            octets::<16>("D5 F0 E9 52 1E 3E A9 58 96 45 E8 60 51 C8 22 26")
        );
    }

    #[test]
    fn nothing_of_keys_is_printed() {
        let example = example();
        let keys = Exchange::new(&example).keys("clientPass");
        assert_eq!(format!("{keys:?}"), "MsChapKeys(..)");
    }
}
