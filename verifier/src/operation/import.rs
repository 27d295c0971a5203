//! Taking in a list of tokens, whole or not at all.

use std::collections::{BTreeMap, BTreeSet};

use super::{Decided, Draft, Operate, Refusal, give};
use crate::account::{Account, AccountName};
use crate::lifecycle::TokenState;
use crate::seal::SealedSeed;
use crate::serial::Serial;
use crate::store::{Record, View};
use crate::token::{Shape, Token};

/// So many faulty lines of an import are named.
pub const IMPORT_FAULTS_MAX: usize = 10;
/// The most tokens of one import.
pub const IMPORT_TOKENS_MAX: usize = 1_000_000;

/// One token of an import.
#[derive(Debug, Clone)]
pub struct Imported {
    /// Line in the file, for messages.
    pub line: u64,
    /// Enrolls it at once, without proof.
    pub account: Option<AccountName>,
    /// Its serial.
    pub serial: Serial,
    /// Its seed, sealed for this serial by the current data key.
    pub seed: SealedSeed,
    /// How its codes are made.
    pub shape: Shape,
}

impl Operate<'_> {
    pub(super) fn import(&self, view: &dyn View, tokens: &[Imported]) -> Decided<Draft> {
        if tokens.is_empty() {
            return Ok(Err(Refusal::EmptyImport.into()));
        }
        if tokens.len() > IMPORT_TOKENS_MAX {
            return Ok(Err(Refusal::ImportTooLarge.into()));
        }
        // Else a rotation that has gone through all records would leave these behind.
        let current = self.verifier.keyring().current().number();
        let of_now = |imported: &Imported| imported.seed.key_number() == Some(current);
        if !tokens.iter().all(of_now) {
            return Ok(Err(Refusal::KeyChanged.into()));
        }
        let mut faults = Vec::new();
        let mut serials = BTreeSet::new();
        let mut accounts = BTreeMap::new();
        let mut written = Vec::with_capacity(tokens.len());
        for imported in tokens {
            match self.import_one(view, imported, &mut serials, &mut accounts)? {
                Ok(token) => written.push(Record::Token(token)),
                Err(refused) => faults.push((imported.line, refused.refusal.to_string())),
            }
            if faults.len() == IMPORT_FAULTS_MAX {
                break;
            }
        }
        if !faults.is_empty() {
            return Ok(Err(Refusal::Import(faults).into()));
        }
        written.extend(accounts.into_values().map(Record::Account));
        Ok(Ok(Draft {
            count: Some(tokens.len() as u64),
            written,
            ..Draft::default()
        }))
    }

    fn import_one<'t>(
        &self,
        view: &dyn View,
        imported: &'t Imported,
        serials: &mut BTreeSet<&'t Serial>,
        accounts: &mut BTreeMap<AccountName, Account>,
    ) -> Decided<Token> {
        let serial = &imported.serial;
        if !serials.insert(serial) || view.token(serial)?.is_some() {
            return Ok(Err(Refusal::TokenExists(serial.clone()).into()));
        }
        let (seed, shape) = (imported.seed.clone(), imported.shape);
        let mut token = Token::in_stock(serial.clone(), seed, shape, self.now.time);
        let Some(name) = &imported.account else {
            return Ok(Ok(token));
        };
        let canonical = match view.account(name)? {
            Some(_) => name.clone(),
            None => view.alias(name)?.unwrap_or_else(|| name.clone()),
        };
        if !accounts.contains_key(&canonical) {
            let account = self.account_or_new(view, &canonical)?;
            accounts.insert(canonical.clone(), account);
        }
        if let Some(account) = accounts.get_mut(&canonical) {
            or_refuse!(give(account, &token));
            token.account = Some(canonical);
            token.state = TokenState::Active;
        }
        Ok(Ok(token))
    }
}
