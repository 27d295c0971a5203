//! Making, changing and unlocking accounts.

use super::{Decided, Draft, Operate, Refusal};
use crate::account::{
    ALIASES_MAX, ATTRIBUTES_MAX, Account, AccountName, Attribute, AttributeName, AttributeValue,
    GROUPS_MAX, GroupName, Language, PROFILE_OCTETS_MAX, PasswordHash,
};
use crate::event::{DETAIL_OCTETS_MAX, Note};
use crate::session::SessionId;
use crate::store::{Key, Record, StoreError, View};

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
    /// Groups to add.
    pub add_groups: Vec<GroupName>,
    /// Groups to remove.
    pub remove_groups: Vec<GroupName>,
    /// Attributes to set or, without a value, to remove.
    pub attributes: Vec<(AttributeName, Option<AttributeValue>)>,
    /// The language to speak with it, or none of its own.
    pub language: Option<Option<Language>>,
    /// Whether its next login must put another token in the place of the one in use.
    pub exchange_required: Option<bool>,
}

/// The most accounts of one [`super::Operation::AccountsDisable`].
pub const BULK_MAX: usize = 200;

impl AccountChange {
    /// What an event tells of it.
    pub(super) fn detail(&self) -> Option<Note> {
        Note::detail(&self.told())
    }

    fn told(&self) -> String {
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
            self.language.map(|language| {
                let tag = language.map_or("none", Language::tag);
                format!("language: {tag}")
            }),
            self.exchange_required
                .map(|required| format!("exchange required: {}", yes_or_no(required))),
        ];
        let mut details: Vec<_> = details.into_iter().flatten().collect();
        let groups = self.add_groups.iter();
        details.extend(groups.map(|group| format!("group added: {group}")));
        let groups = self.remove_groups.iter();
        details.extend(groups.map(|group| format!("group removed: {group}")));
        let attributes = self.attributes.iter();
        details.extend(attributes.map(|(name, value)| match value {
            Some(value) => format!("attribute {name}: {value}"),
            None => format!("attribute removed: {name}"),
        }));
        details.join(", ")
    }

    /// Whether it only takes away: a login, a way around the code, a name.
    pub(super) fn takes_away(&self) -> bool {
        let gives = self.disabled == Some(false)
            || self.code_required == Some(false)
            || self.add_alias.is_some()
            || self.language.is_some()
            || self.exchange_required == Some(false)
            || !self.add_groups.is_empty()
            || self.attributes.iter().any(|(_, value)| value.is_some());
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
        if change.told().len() > DETAIL_OCTETS_MAX {
            // Else its event would not tell all of it.
            return Ok(Err(Refusal::TooMuchAtOnce.into()));
        }
        let known = view.account_by_any_name(name)?;
        let mut account = self.account_or_new(view, name)?;
        let mut draft = Draft::default();
        if let Some(required) = change.code_required {
            account.code_required = required;
        }
        if let Some(disabled) = change.disabled {
            account.disabled = disabled;
            if disabled {
                account.spare_answered = None;
                draft.written = forget_answers(view, &account)?;
            }
        }
        if let Some(language) = change.language {
            account.language = language;
        }
        if let Some(required) = change.exchange_required {
            account.exchange_required = required;
        }
        or_refuse!(set_groups(&mut account, change));
        or_refuse!(set_attributes(&mut account, change));
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

/// Disables all of `names`, or none. One that is disabled already stays so.
pub(super) fn disable_all(view: &dyn View, names: &[AccountName]) -> Decided<Draft> {
    if names.len() > BULK_MAX {
        return Ok(Err(Refusal::TooMuchAtOnce.into()));
    }
    let mut draft = Draft::default();
    let mut disabled: Vec<AccountName> = Vec::new();
    for name in names {
        let Some(mut account) = view.account_by_any_name(name)? else {
            return Ok(Err(Refusal::NoSuchAccount(name.clone()).into()));
        };
        if account.disabled || disabled.contains(&account.name) {
            continue;
        }
        account.disabled = true;
        account.spare_answered = None;
        draft.written.extend(forget_answers(view, &account)?);
        disabled.push(account.name.clone());
        draft.written.push(Record::Account(account));
    }
    if disabled.is_empty() {
        return Ok(Err(Refusal::NothingToDisable.into()));
    }
    let names: Vec<_> = disabled.iter().map(AccountName::as_str).collect();
    let told = names.join(", ");
    if told.len() > DETAIL_OCTETS_MAX {
        // Else its event would not tell all of it.
        return Ok(Err(Refusal::TooMuchAtOnce.into()));
    }
    draft.count = Some(disabled.len() as u64);
    draft.detail = Note::detail(&told);
    Ok(Ok(draft))
}

/// What was accepted just before is not answered again, not even if the account is enabled within
/// the same moment.
fn forget_answers(view: &dyn View, account: &Account) -> Result<Vec<Record>, StoreError> {
    let mut written = Vec::new();
    for serial in &account.serials {
        let mut token = view.token(serial)?.ok_or(StoreError::Corrupt)?;
        if token.answered.take().is_some() {
            written.push(Record::Token(token));
        }
    }
    Ok(written)
}

fn set_groups(account: &mut Account, change: &AccountChange) -> Result<(), Refusal> {
    for group in &change.remove_groups {
        let known = account.groups.len();
        account.groups.retain(|name| name != group);
        if account.groups.len() == known {
            return Err(Refusal::NotInGroup(account.name.clone(), group.clone()));
        }
    }
    for group in &change.add_groups {
        if !account.groups.contains(group) {
            account.groups.push(group.clone());
        }
    }
    if account.groups.len() > GROUPS_MAX {
        return Err(Refusal::TooManyGroups(account.name.clone()));
    }
    Ok(())
}

fn set_attributes(account: &mut Account, change: &AccountChange) -> Result<(), Refusal> {
    for (name, value) in &change.attributes {
        let place = account.attributes.iter().position(|a| a.name == *name);
        match (place, value) {
            (Some(place), Some(value)) => account.attributes[place].value = value.clone(),
            (Some(place), None) => _ = account.attributes.remove(place),
            (None, Some(value)) => account.attributes.push(Attribute {
                name: name.clone(),
                value: value.clone(),
            }),
            (None, None) => {
                return Err(Refusal::NoSuchAttribute(account.name.clone(), name.clone()));
            }
        }
    }
    if account.attributes.len() > ATTRIBUTES_MAX {
        return Err(Refusal::TooManyAttributes(account.name.clone()));
    }
    if account.profile_octets() > PROFILE_OCTETS_MAX {
        return Err(Refusal::ProfileTooLarge(account.name.clone()));
    }
    Ok(())
}

/// What an event tells of a change of a password: never the password, nor its hash.
pub(super) fn set_or_removed(set: bool) -> Option<Note> {
    Note::new(if set { "set" } else { "removed" })
}

impl Operate<'_> {
    pub(super) fn password_set(
        &self,
        view: &dyn View,
        name: &AccountName,
        password: Option<&PasswordHash>,
    ) -> Decided<Draft> {
        let known = view.account_by_any_name(name)?;
        if password.is_none() {
            let Some(account) = &known else {
                return Ok(Err(Refusal::NoSuchAccount(name.clone()).into()));
            };
            if account.password.is_none() {
                return Ok(Err(Refusal::NoPassword(account.name.clone()).into()));
            }
        }
        let mut account = self.account_or_new(view, name)?;
        account.password = password.cloned();
        Ok(Ok(Draft {
            account: Some(account.name.clone()),
            detail: set_or_removed(password.is_some()),
            written: vec![Record::Account(account)],
            ..Draft::default()
        }))
    }
}

/// That sessions are to be ended changes no record: a session is over when its gateway says so.
pub(super) fn session_end(view: &dyn View, which: &SessionChoice) -> Decided<Draft> {
    match which {
        SessionChoice::Account(name) => match view.account_by_any_name(name)? {
            None => Ok(Err(Refusal::NoSuchAccount(name.clone()).into())),
            Some(account) => Ok(Ok(Draft {
                account: Some(account.name),
                ..Draft::default()
            })),
        },
        SessionChoice::Session(id) => match view.session(*id)? {
            None => Ok(Err(Refusal::NoSuchSession(*id).into())),
            Some(session) => Ok(Ok(Draft {
                account: session.account,
                detail: Note::new(&which.told()),
                ..Draft::default()
            })),
        },
    }
}

/// Which sessions to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionChoice {
    /// All of this account.
    Account(AccountName),
    /// This one.
    Session(SessionId),
}

impl SessionChoice {
    pub(super) fn told(&self) -> String {
        match self {
            Self::Account(_) => String::new(),
            Self::Session(id) => format!("session {id}"),
        }
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
