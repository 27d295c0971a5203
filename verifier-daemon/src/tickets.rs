//! What a password was found to be, sealed for the request that brings the code.
//!
//! In challenge mode the password comes first, and the RADIUS server must not learn whether it was
//! right. A ticket is one octet format, four octets number of the data key that its key is derived
//! from, the nonce, and the sealed content with its tag; the account name is its associated data.

use std::time::Duration;

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};
use sekisho_verifier::proof::First;
use sekisho_verifier::seal::{KEY_OCTETS, Keyring, NONCE_OCTETS};
use sekisho_verifier::time::Time;
use zeroize::Zeroizing;

/// How long a ticket is good; a State does not live longer.
const LIFE: Duration = Duration::from_secs(600);
const PURPOSE: &[u8] = b"sekisho password ticket 1";
const FORMAT: u8 = 1;
const NUMBER_OCTETS: usize = 4;
const HEAD_OCTETS: usize = 1 + NUMBER_OCTETS + NONCE_OCTETS;
/// The verdict and the end of its life.
const CLEAR_OCTETS: usize = 1 + 8;
const TAG_OCTETS: usize = 16;
const TICKET_OCTETS: usize = HEAD_OCTETS + CLEAR_OCTETS + TAG_OCTETS;

/// Seals a verdict on a password of `account`, as it was sent. `None` without random numbers.
pub(crate) fn seal(keyring: &Keyring, account: &str, right: bool, now: Time) -> Option<Vec<u8>> {
    let mut nonce = [0; NONCE_OCTETS];
    getrandom::fill(&mut nonce).ok()?;
    let keys = keyring.derive(PURPOSE);
    let (number, key) = keys.first()?;
    let mut ticket = Vec::with_capacity(TICKET_OCTETS);
    ticket.push(FORMAT);
    ticket.extend_from_slice(&number.to_be_bytes());
    ticket.extend_from_slice(&nonce);
    ticket.push(u8::from(right));
    ticket.extend_from_slice(&now.after(LIFE).millis().to_be_bytes());
    let tag = cipher(key)
        .encrypt_inout_detached(
            &Nonce::from(nonce),
            &data(account),
            (&mut ticket[HEAD_OCTETS..]).into(),
        )
        .ok()?;
    ticket.extend_from_slice(&tag);
    Some(ticket)
}

/// What a ticket for `account` says. One that does not open, or is too old, says nothing: who made
/// it up guesses nothing by it, and is not let in.
pub(crate) fn open(keyring: &Keyring, account: &str, ticket: &[u8], now: Time) -> First {
    match opened(keyring, account, ticket) {
        Some((right, until)) if now < until && until <= now.after(LIFE) => match right {
            true => First::Right,
            false => First::Wrong,
        },
        _ => First::Unavailable,
    }
}

fn opened(keyring: &Keyring, account: &str, ticket: &[u8]) -> Option<(bool, Time)> {
    let ticket: &[u8; TICKET_OCTETS] = ticket.try_into().ok()?;
    let (head, rest) = ticket.split_at(HEAD_OCTETS);
    let (body, tag) = rest.split_last_chunk::<TAG_OCTETS>()?;
    let (format, number) = (head[0], &head[1..=NUMBER_OCTETS]);
    let keys = keyring.derive(PURPOSE);
    let (_, key) = keys
        .iter()
        .find(|(known, _)| format == FORMAT && known.to_be_bytes() == number)?;
    let mut nonce = [0; NONCE_OCTETS];
    nonce.copy_from_slice(&head[1 + NUMBER_OCTETS..]);
    let mut clear = Zeroizing::new(body.to_vec());
    cipher(key)
        .decrypt_inout_detached(
            &Nonce::from(nonce),
            &data(account),
            clear.as_mut_slice().into(),
            &(*tag).into(),
        )
        .ok()?;
    let (verdict, until) = clear.split_first()?;
    let until = u64::from_be_bytes(until.try_into().ok()?);
    Some((*verdict == 1, Time::from_millis(until)))
}

fn cipher(key: &[u8; KEY_OCTETS]) -> Aes256Gcm {
    Aes256Gcm::new(key.into())
}

/// The account in one spelling: it is the same one however its case is.
fn data(account: &str) -> Vec<u8> {
    [PURPOSE, b"\0", account.to_ascii_lowercase().as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use sekisho_verifier::seal::DataKey;

    use super::*;

    const NOW: Time = Time::from_millis(1_800_000_000_000);

    fn keyring(number: u32) -> Keyring {
        Keyring::new(DataKey::new(number, &[number as u8; KEY_OCTETS]))
    }

    #[test]
    fn a_ticket_says_what_was_found() {
        let keys = keyring(1);
        for (right, first) in [(true, First::Right), (false, First::Wrong)] {
            let ticket = seal(&keys, "Mori", right, NOW).expect("a ticket");
            assert_eq!(open(&keys, "mori", &ticket, NOW), first);
            keys.make_current(DataKey::new(2, &[2; KEY_OCTETS]));
            assert_eq!(open(&keys, "MORI", &ticket, NOW), first, "after a rotation");
            keys.make_current(DataKey::new(1, &[1; KEY_OCTETS]));
        }
    }

    #[test]
    fn a_ticket_is_good_for_its_account_its_time_and_whole() {
        let keys = keyring(1);
        let ticket = seal(&keys, "mori", true, NOW).expect("a ticket");
        let refused = |account, ticket: &[u8], now| {
            assert_eq!(open(&keys, account, ticket, now), First::Unavailable);
        };
        refused("sato", &ticket, NOW);
        refused("mori", &ticket, NOW.after(LIFE));
        refused("mori", &ticket, Time::from_millis(NOW.millis() - 1));
        refused("mori", &ticket[1..], NOW);
        refused("mori", b"", NOW);
        for at in 0..ticket.len() {
            let mut changed = ticket.clone();
            changed[at] ^= 1;
            refused("mori", &changed, NOW);
        }
        assert_eq!(
            open(&keyring(2), "mori", &ticket, NOW),
            First::Unavailable,
            "a key that is gone"
        );
    }

    #[test]
    fn tickets_do_not_tell_what_they_hold() {
        let keys = keyring(1);
        let ticket = |right| seal(&keys, "mori", right, NOW).expect("a ticket");
        assert_eq!(ticket(true).len(), ticket(false).len());
        assert_ne!(ticket(true), ticket(true), "not even that two are the same");
    }
}
