//! Nothing of one record can stand in another, whoever writes it to the disk: the tag tells.

use std::sync::Arc;

use sekisho_verifier::event::OperationKind;
use sekisho_verifier::guess::Guesses;
use sekisho_verifier::lifecycle::TokenState;
use sekisho_verifier::otp::{Algorithm, Digits, Seed};
use sekisho_verifier::seal::{DataKey, KEY_OCTETS, TAG_OCTETS};
use sekisho_verifier::store::{Change, Key, Kind, Record, Store, StoreError, View};
use sekisho_verifier::testing::sample::{
    account, keyring, name, operation, place, serial, time, token, token_key,
};
use sekisho_verifier::token::{Factor, Period, Token, Use};

use crate::body::{KeyOctets, append_stamp, key_octets};
use crate::error::{Damage, OpenError};
use crate::frame::{self, FrameKind, HEAD_OCTETS, Place, u32_at, u64_at};
use crate::records::Records;
use crate::segment::{HEADER_OCTETS, file_name};
use crate::stamp::Stamped;
use crate::store::EmbeddedStore;
use crate::tests::index::Kept;
use crate::tests::sim::Sim;
use crate::tests::{commit, digests, open, open_with};
use crate::tracker::Sum;

fn sample(n: u64) -> Token {
    match token(n, 1) {
        Record::Token(token) => token,
        other => panic!("{other:?}"),
    }
}

/// Two tokens that differ in every field.
fn tokens() -> (Token, Token) {
    let other = Token {
        seed: DataKey::new(1, &[7; KEY_OCTETS]).seal(
            &serial(2),
            9,
            &Seed::new(vec![0x77; 32]).expect("a seed"),
            [8; 12],
        ),
        algorithm: Algorithm::Sha256,
        digits: Digits::new(8).expect("eight digits"),
        factor: Factor::Hotp { first: 55 },
        state: TokenState::Suspended,
        account: Some(name(2)),
        spent: vec![54, 53],
        drift: 3,
        drift_evidence: -1,
        disabled: true,
        proofs: Guesses {
            wrong: 4,
            ..Guesses::default()
        },
        created: time(77),
        last_use: Some(Use {
            time: time(99),
            place: None,
        }),
        seal: 9,
        raised: Some(7),
        ..sample(2)
    };
    let own = Token {
        factor: Factor::Totp {
            period: Period::new(60).expect("a period"),
        },
        last_use: Some(Use {
            time: time(5),
            place: Some(place()),
        }),
        ..sample(1)
    };
    (own, other)
}

/// One for each field of a token but its serial: copies it from the first to the second.
const COPY: [fn(&Token, &mut Token); 15] = [
    |from, to| to.seed.clone_from(&from.seed),
    |from, to| to.algorithm = from.algorithm,
    |from, to| to.digits = from.digits,
    |from, to| to.factor = from.factor,
    |from, to| to.state = from.state,
    |from, to| to.account.clone_from(&from.account),
    |from, to| to.spent.clone_from(&from.spent),
    |from, to| to.drift = from.drift,
    |from, to| to.drift_evidence = from.drift_evidence,
    |from, to| to.disabled = from.disabled,
    |from, to| to.proofs.clone_from(&from.proofs),
    |from, to| to.created = from.created,
    |from, to| to.last_use.clone_from(&from.last_use),
    |from, to| to.seal = from.seal,
    |from, to| to.raised = from.raised,
];

/// The second token with one field, or two, of the first.
fn forged() -> Vec<(String, Token)> {
    let (from, to) = tokens();
    let mut forged = Vec::new();
    for (index, first) in COPY.iter().enumerate() {
        for (second, copy) in COPY.iter().enumerate().skip(index) {
            let mut token = to.clone();
            first(&from, &mut token);
            assert_ne!(token, to, "field {index} is the same in both");
            copy(&from, &mut token);
            forged.push((format!("fields {index} and {second}"), token));
        }
    }
    forged
}

fn change(written: Vec<Record>) -> Change {
    Change {
        event: operation(OperationKind::Issue, time(1)),
        written,
        removed: Vec::new(),
    }
}

/// A record in CBOR, and its tag as the store made it.
fn stored(token: &Token) -> (KeyOctets, Vec<u8>, Vec<u8>) {
    let record = Record::Token(token.clone());
    let key = key_octets(&record.key());
    let octets = minicbor::to_vec(&record).expect("it encodes");
    let tag = keyring().current().tag(&key, &octets).octets().to_vec();
    (key, octets, tag)
}

/// A store whose last group writes the second token alone.
fn written() -> Arc<Sim> {
    let disk = Sim::new();
    let mut store = open(&disk).expect("a new store");
    let (from, to) = tokens();
    commit(&mut store, &[change(vec![Record::Token(from)])]).expect("a commit");
    commit(&mut store, &[change(vec![Record::Token(to)])]).expect("a commit");
    disk
}

/// Puts another record and tag into the last frame, stamped by `key`, and makes lengths, checksums
/// and chain right.
fn forge_last(disk: &Sim, octets: &[u8], tag: &[u8], key: &DataKey) -> Arc<Sim> {
    let mut files = disk.files();
    let file = files.get_mut(&file_name(1)).expect("a segment");
    let (mut start, mut next) = (0, HEADER_OCTETS);
    while u32_at(file, next) != 0 {
        start = next;
        let body = u32_at(file, start + 4) as usize;
        next = (start + HEAD_OCTETS + body) / 8 * 8 + 8;
    }
    let place = Place {
        position: u64_at(file, start + 8),
        group: u64_at(file, start + 16),
        last_of_group: true,
        previous: file[start + 32..start + 64].try_into().expect("a hash"),
    };
    let mut frame = vec![0; HEAD_OCTETS];
    let event = minicbor::to_vec(change(Vec::new()).event).expect("it encodes");
    frame.push(0x86);
    frame.extend(event);
    frame.push(0x81);
    frame.extend(octets);
    frame.extend([0x80, 0x40 | TAG_OCTETS as u8]);
    frame.extend(tag);
    let stamped = Stamped {
        kind: FrameKind::Change,
        position: place.position,
        previous: &place.previous,
    };
    let stamp = stamped.stamp(key, &frame[HEAD_OCTETS..]);
    append_stamp(&mut frame, &stamp);
    frame::finish(&mut frame, FrameKind::Change, &place);
    frame::pad(&mut frame);
    file[start..].fill(0);
    let end = start + frame.len();
    file.resize(file.len().max(end), 0);
    file[start..end].copy_from_slice(&frame);
    Sim::holding(&files)
}

/// Another key of the same number.
fn stranger() -> DataKey {
    DataKey::new(1, &[8; KEY_OCTETS])
}

fn forged_by_a_stranger(disk: &Arc<Sim>) {
    match open(disk).expect_err("it is forged") {
        OpenError::Damaged { damage, .. } => assert_eq!(damage, Damage::Forged),
        error => panic!("{error}"),
    }
}

/// An old record with its own old tag, behind all that was written: record, tag and chain are right,
/// and it is no damage but an attack. It would make spent codes good again.
#[test]
fn an_old_record_that_is_added_again_is_refused() {
    let disk = Sim::new();
    let mut store = open(&disk).expect("a new store");
    commit(&mut store, &[change(vec![token(2, 1)])]).expect("a commit");
    commit(&mut store, &[change(vec![token(2, 9)])]).expect("a commit");
    let Record::Token(old) = token(2, 1) else {
        panic!("a token");
    };
    let (_, octets, tag) = stored(&old);
    forged_by_a_stranger(&forge_last(&disk, &octets, &tag, &stranger()));
    // The control: a holder of the key could.
    let key = keyring().current();
    let store = open(&forge_last(&disk, &octets, &tag, &key)).expect("it opens");
    assert_eq!(store.view().token(&serial(2)), Ok(Some(old)));
}

fn refused_and_reported(store: &mut EmbeddedStore, what: &str) {
    let key = token_key(2);
    // Found while nobody asks for it, and by whoever does.
    store.idle().expect("it lives");
    let warnings = store.warnings().join("\n");
    assert!(
        warnings.contains("token SKTS00000002"),
        "{what}: {warnings}"
    );
    assert_eq!(
        store.view().record(&key),
        Err(StoreError::Corrupt),
        "{what}"
    );
    assert_eq!(store.view().token(&serial(2)), Err(StoreError::Corrupt));
    assert!(store.view().token(&serial(1)).is_ok(), "the other is sound");
}

#[test]
fn what_is_copied_from_token_to_token_in_the_last_group_is_refused_and_reported() {
    let disk = written();
    let (from, to) = tokens();
    let (_, own_octets, own_tag) = stored(&to);
    let (_, _, other_tag) = stored(&from);
    // The control: the frame as it was is taken as it is.
    let key = keyring().current();
    let same = forge_last(&disk, &own_octets, &own_tag, &key);
    let store = open(&same).expect("it opens");
    assert_eq!(store.view().token(&serial(2)), Ok(Some(to)));
    let mut read = 0;
    for (what, token) in forged() {
        let (_, octets, right_tag) = stored(&token);
        for tag in [&own_tag, &other_tag] {
            let mut store = open(&forge_last(&disk, &octets, tag, &key)).expect("it opens");
            refused_and_reported(&mut store, &what);
            // Who has no key comes not even so far.
            forged_by_a_stranger(&forge_last(&disk, &octets, tag, &stranger()));
            read += 1;
        }
        // The control: with the key it would be what it says.
        let store = open(&forge_last(&disk, &octets, &right_tag, &key)).expect("it opens");
        assert_eq!(store.view().token(&serial(2)), Ok(Some(token)), "{what}");
    }
    assert_eq!(read, 2 * COPY.len() * (COPY.len() + 1) / 2);
}

/// A whole record with its own tag, under another name: the name is covered.
#[test]
fn a_record_under_another_name_is_refused() {
    let disk = written();
    let (from, _) = tokens();
    let renamed = Token {
        serial: serial(2),
        ..from.clone()
    };
    let ((_, octets, _), (_, _, tag)) = (stored(&renamed), stored(&from));
    let forged = forge_last(&disk, &octets, &tag, &keyring().current());
    let mut store = open(&forged).expect("it opens");
    refused_and_reported(&mut store, "renamed");
}

/// Who goes through all records page by page comes to every one that is sound, and to the end: also
/// over whole pages of those that are not.
#[test]
fn what_is_refused_is_left_out_of_lists() {
    let mut records = Records::new(keyring(), digests());
    for n in 1..=40 {
        let (key, octets, tag) = stored(&sample(n));
        let tag = match n % 7 {
            0 | 1 => tag,
            _ => vec![0; TAG_OCTETS],
        };
        records.put(key, Some([octets, tag].concat().into()));
    }
    let sound = [1, 7, 8, 14, 15, 21, 22, 28, 29, 35, 36].map(token_key);
    for limit in [1, 2, 3, 11, 12, usize::MAX] {
        let mut listed: Vec<Key> = Vec::new();
        loop {
            let page = records.list(Kind::Tokens, listed.last(), limit);
            assert!(page.len() <= limit);
            listed.extend(page.iter().map(Record::key));
            if page.len() < limit {
                break;
            }
        }
        assert_eq!(listed, sound, "{limit}");
    }
    assert_eq!(records.misfits(0).0, 40 - sound.len() as u64);
    assert_eq!(records.record(&token_key(2)), Err(StoreError::Corrupt));
}

/// A record that is written again is sound again, and the warning goes.
#[test]
fn what_is_written_anew_is_sound() {
    let disk = written();
    let (key, octets, _) = stored(&tokens().1);
    assert_eq!(key, key_octets(&token_key(2)));
    let forged = forge_last(&disk, &octets, &[0; TAG_OCTETS], &keyring().current());
    let mut store = open(&forged).expect("it opens");
    refused_and_reported(&mut store, "no tag");
    let fresh = change(vec![token(2, 9), account(2, 0)]);
    commit(&mut store, &[fresh]).expect("a commit");
    assert!(store.view().token(&serial(2)).is_ok());
    assert_eq!(store.warnings(), Vec::<String>::new());
}

/// The same in the index, with its sums made right. Without the key the mark can not be made right,
/// and the index is thrown away; with it, the record's own tag still tells.
#[test]
fn what_is_copied_in_the_index_is_refused_and_reported() {
    let (disk, index) = (written(), Kept::default());
    open_with(&disk, index.clone()).expect("it opens").close();
    let (_, to) = tokens();
    let (key, own, tag) = stored(&to);
    let mark = index.mark_now();
    for (what, token) in forged() {
        let (_, octets, _) = stored(&token);
        let value = [octets, tag.clone()].concat();
        let old = [own.clone(), tag.clone()].concat();
        let sum: Sum = mark.sum.wrapping_sub(digests().of(&key, &old));
        let sum = sum.wrapping_add(digests().of(&key, &value));
        let spoilt = Kept::default();
        spoilt.edit(|state| {
            let now = index.0.lock().expect("nobody panicked");
            state.entries.clone_from(&now.entries);
            state.entries.insert(key.clone(), value.into());
        });
        let forged = crate::index::Mark { sum, ..mark };
        // Made right by somebody who has another key.
        let other = DataKey::new(1, &[1; KEY_OCTETS]);
        spoilt.edit(|state| state.mark = Some(forged.octets(&other)));
        let store = open_with(&disk.restarted(), spoilt.clone()).expect("it opens");
        assert!(store.opened().index_rebuilt.is_some(), "{what}");
        assert_eq!(
            store.view().token(&serial(2)),
            Ok(Some(to.clone())),
            "{what}"
        );
        drop(store);
        spoilt.edit(|state| {
            let now = index.0.lock().expect("nobody panicked");
            state.entries.clone_from(&now.entries);
            state
                .entries
                .insert(key.clone(), [&stored(&token).1[..], &tag].concat().into());
            state.mark = Some(forged.octets(&keyring().current()));
        });
        let mut store = open_with(&disk.restarted(), spoilt).expect("it opens");
        assert_eq!(store.opened().index_rebuilt, None, "its sums are right");
        refused_and_reported(&mut store, &what);
    }
}
