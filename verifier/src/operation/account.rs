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

impl AccountChange {
    /// What an event tells of it.
    pub(super) fn detail(&self) -> Option<Note> {
        let details = [
            self.code_required
                .map(|required| format!("code required: {}", yes_or_no(required))),
            self.disabled
                .map(|disabled| format!("disabled: {}", yes_or_no(disabled))),
            self.add_alias
                .as_ref()
                .map(|alias| format!("name added: {alias}")),
            self.remove_alias
                .as_ref()
                .map(|alias| format!("name removed: {alias}")),
        ];
        let details: Vec<_> = details.into_iter().flatten().collect();
        Note::new(&details.join(", "))
    }

    /// Whether it only takes away: a login, a way around the code, a name.
    pub(super) fn takes_away(&self) -> bool {
        let gives = self.disabled == Some(false)
            || self.code_required == Some(false)
            || self.add_alias.is_some();
        !gives && *self != Self::default()
    }
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
        if let Some(required) = change.code_required {
            account.code_required = required;
        }
        if let Some(disabled) = change.disabled {
            account.disabled = disabled;
        }
        if let Some(alias) = &change.add_alias {
            or_refuse!(add_alias(view, &mut account, alias)?);
            draft.written.push(Record::Alias {
                alias: alias.clone(),
                account: account.name.clone(),
            });
        }
        if let Some(alias) = &change.remove_alias {
            or_refuse!(remove_alias(&mut account, alias));
            draft.removed.push(Key::Alias(alias.clone()));
        }
        if known.as_ref() == Some(&account) {
            return Ok(Err(Refusal::NothingToChange(account.name).into()));
        }
        draft.account = Some(account.name.clone());
        draft.detail = change.detail();
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
