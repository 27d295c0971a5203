//! One seed under two serials would be one code that is good twice, and a lost token that lives on.
//! So an import is refused when one of its seeds is there already.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use sekisho_verifier::operation::IMPORT_FAULTS_MAX;
use sekisho_verifier::serial::Serial;
use sekisho_verifier::store::{Key, Kind, Record};
use sekisho_verifier::token::Token;
use sekisho_verifier_socket::admin::Refusal;

use crate::service::Shared;

/// Tokens that are looked at before logins get their turn again.
const TOKENS_LOOKED_AT: usize = 1_000;

/// Keyed marks of seeds, with the line each came on. The key is drawn for each import and never
/// leaves it, so a mark tells nothing.
#[derive(Debug, Default)]
pub(crate) struct SeedMarks {
    key: RandomState,
    lines: HashMap<u64, u64>,
}

impl SeedMarks {
    /// Adds the seed on `line`; gives the line that has the same one, if there is one.
    pub(crate) fn add(&mut self, seed: &[u8], line: u64) -> Option<u64> {
        self.lines.insert(self.key.hash_one(seed), line)
    }

    fn line_of(&self, seed: &[u8]) -> Option<u64> {
        self.lines.get(&self.key.hash_one(seed)).copied()
    }
}

/// Which lines of an import have the seed of a token that is there already: opens every seed once.
pub(crate) async fn known(
    marks: &SeedMarks,
    shared: &Shared,
) -> Result<Vec<(u64, String)>, Refusal> {
    let mut faults = Vec::new();
    let mut after: Option<Serial> = None;
    while faults.len() < IMPORT_FAULTS_MAX {
        let from = after.take().map(Key::Token);
        let page = shared
            .read(move |store| store.list(Kind::Tokens, from.as_ref(), TOKENS_LOOKED_AT))
            .await?;
        for record in page {
            let Record::Token(token) = record else {
                continue;
            };
            if let Some(line) = line_of(&token, marks, shared) {
                let serial = &token.serial;
                faults.push((line, format!("its seed is that of token {serial}")));
            }
            after = Some(token.serial);
        }
        if after.is_none() {
            break;
        }
    }
    faults.truncate(IMPORT_FAULTS_MAX);
    Ok(faults)
}

/// A seed that does not open is nobody's copy that could be used.
fn line_of(token: &Token, marks: &SeedMarks, shared: &Shared) -> Option<u64> {
    let seed = shared
        .keyring
        .open(&token.serial, token.seal, &token.seed)
        .ok()?;
    marks.line_of(seed.expose())
}
