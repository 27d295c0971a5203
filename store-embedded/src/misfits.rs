//! Records that are not what was written.

use std::collections::BTreeSet;

use crate::body::{KeyOctets, name_of};

/// So many are remembered by name.
const KEPT: usize = 1_000;
/// So many are named in a warning.
const NAMED: usize = 3;

/// The records whose tag did not fit when they were read, or that could not be read behind it.
#[derive(Debug, Default)]
pub(crate) struct Misfits {
    keys: BTreeSet<KeyOctets>,
    more: bool,
}

impl Misfits {
    /// A record has been found out.
    pub(crate) fn note(&mut self, key: &[u8]) {
        if self.keys.len() < KEPT {
            self.keys.insert(key.into());
        } else if !self.keys.contains(key) {
            self.more = true;
        }
    }

    /// A record has been written anew, or is no more.
    pub(crate) fn forget(&mut self, key: &[u8]) {
        if !self.keys.is_empty() {
            self.keys.remove(key);
        }
    }

    /// How many there are, and the names of the first.
    pub(crate) fn named(&self, limit: usize) -> (u64, Vec<String>) {
        let names = self.keys.iter().take(limit).map(|key| name_of(key));
        (self.keys.len() as u64, names.collect())
    }

    /// What operators are told.
    pub(crate) fn warning(&self) -> Option<String> {
        if self.keys.is_empty() && !self.more {
            return None;
        }
        let names: Vec<String> = self
            .keys
            .iter()
            .take(NAMED)
            .map(|key| name_of(key))
            .collect();
        let (count, more) = (self.keys.len(), if self.more { " or more" } else { "" });
        let rest = if count > NAMED { ", …" } else { "" };
        Some(format!(
            "{count}{more} records are not what was written ({}{rest}): they were changed on the \
             disk, and whoever needs them is refused; restore the last backup",
            names.join(", ")
        ))
    }
}
