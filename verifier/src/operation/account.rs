//! Making, changing and unlocking accounts.

use super::{Decided, Draft, Operate, Refusal};
use crate::account::{ALIASES_MAX, Account, AccountName};
use crate::event::Note;
use crate::store::{Key, Record, View};

/// What changes about an account; `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountChange {
    /// Whether logins where accounts may choose ask for a code.
    pub code_required: Option<bool>,
    /// Whether no login is accepted at all.
    pub disabled: Option<bool>,
    /// Another name to add.
    pub add_alias: Option<AccountName>,
    /// Another name to remove.
    pub remove_alias: Option<AccountName>,
}

impl Operate<'_> {
    pub(super) fn account_set(
        &self,
        view: &dyn View,
        name: &AccountName,
        change: &AccountChange,
    ) -> Decided<Draft> {
        let known = view.account_by_any_name(name)?;
        let mut account = self.account_or_new(view, name)?;
        let mut draft = Draft::default();
        let mut details = Vec::new();
        if let Some(required) = change.code_required {
            account.code_required = required;
            details.push(format!("code required: {}", yes_or_no(required)));
        }
        if let Some(disabled) = change.disabled {
            account.disabled = disabled;
            details.push(format!("disabled: {}", yes_or_no(disabled)));
        }
        if let Some(alias) = &change.add_alias {
            or_refuse!(add_alias(view, &mut account, alias)?);
            draft.written.push(Record::Alias {
                alias: alias.clone(),
                account: account.name.clone(),
            });
            details.push(format!("name added: {alias}"));
        }
        if let Some(alias) = &change.remove_alias {
            or_refuse!(remove_alias(&mut account, alias));
            draft.removed.push(Key::Alias(alias.clone()));
            details.push(format!("name removed: {alias}"));
        }
        if known.as_ref() == Some(&account) {
            return Ok(Err(Refusal::NothingToChange(account.name).into()));
        }
        draft.account = Some(account.name.clone());
        draft.detail = Note::new(&details.join(", "));
        draft.written.push(Record::Account(account));
        Ok(Ok(draft))
    }
}

/// Ends the lock and the waits. The failures in a row stay counted: only a right code or a new
/// proof shows that the owner is back.
pub(super) fn unlock(view: &dyn View, name: &AccountName) -> Decided<Draft> {
    let Some(mut account) = view.account_by_any_name(name)? else {
        return Ok(Err(Refusal::NoSuchAccount(name.clone()).into()));
    };
    if account.guesses.wrong == 0 {
        return Ok(Err(Refusal::NotLocked(account.name).into()));
    }
    account.guesses.wrong = 0;
    account.guesses.until = None;
    Ok(Ok(Draft {
        account: Some(account.name.clone()),
        written: vec![Record::Account(account)],
        ..Draft::default()
    }))
}

fn add_alias(view: &dyn View, account: &mut Account, alias: &AccountName) -> Decided<()> {
    if *alias == account.name || view.account_by_any_name(alias)?.is_some() {
        return Ok(Err(Refusal::NameTaken(alias.clone()).into()));
    }
    if account.aliases.len() >= ALIASES_MAX {
        return Ok(Err(Refusal::TooManyAliases(account.name.clone()).into()));
    }
    account.aliases.push(alias.clone());
    Ok(Ok(()))
}

fn remove_alias(account: &mut Account, alias: &AccountName) -> Result<(), Refusal> {
    let known = account.aliases.len();
    account.aliases.retain(|name| name != alias);
    if account.aliases.len() == known {
        return Err(Refusal::NotAnAlias(account.name.clone(), alias.clone()));
    }
    Ok(())
}

fn yes_or_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}
