//! `account show`, `account set`, `account password`, `account list`, `unlock`.

use sekisho_verifier_socket::admin::{AccountChange, AccountFilter, AccountView, Answer, Verb};

use super::{pages, session};
use crate::Stop;
use crate::cli::{AccountPassword, AccountSet, CodeChoice, Limit, Unlock};
use crate::connection::Verifier;
use crate::failure::{Failure, Kind};
use crate::output::block::Block;
use crate::output::list::Columns;
use crate::output::{Output, json, receipt, time};
use crate::prompt;

const HEADER: &[&str] = &[
    "Account",
    "Code at login",
    "State",
    "Wrong codes",
    "Locked until",
    "Tokens",
];

pub(crate) fn show(
    account: &str,
    verifier: &mut Verifier,
    output: &mut Output,
) -> Result<(), Stop> {
    let Answer::Accounts(accounts) = verifier.ask(Verb::AccountShow(account.to_owned()))? else {
        return Err(Failure::strange_answer().into());
    };
    let Some(account) = accounts.first() else {
        return Err(Failure::new(
            Kind::NotFound,
            "there is no such account",
            "look for it: sekisho account list",
        )
        .into());
    };
    if output.is_json() {
        return Ok(output.value(&json::value(account))?);
    }
    Ok(output.text(&block(account).render())?)
}

pub(crate) fn set(
    set: &AccountSet,
    verifier: &mut Verifier,
    output: &mut Output,
) -> Result<(), Stop> {
    let verb = Verb::AccountSet {
        account: set.account.clone(),
        change: AccountChange {
            code_required: set.code.map(|choice| choice == CodeChoice::Required),
            disabled: (set.disable || set.enable).then_some(set.disable),
            add_alias: set.add_alias.clone(),
            remove_alias: set.remove_alias.clone(),
            add_groups: set.groups.clone(),
            remove_groups: set.no_groups.clone(),
            attributes: attributes(set),
            language: None,
            exchange_required: None,
        },
        note: set.note.text.clone(),
        keep_sessions: set.keep_sessions,
    };
    if set.disable {
        return session::ended_by(verb, verifier, output);
    }
    Ok(receipt::show(output, &verifier.ask_for_receipt(verb)?)?)
}

/// Those to set, and those to take away.
fn attributes(set: &AccountSet) -> Vec<(String, Option<String>)> {
    let given = set.attributes.iter().cloned();
    let given = given.map(|(name, value)| (name, Some(value)));
    let gone = set.no_attributes.iter().cloned().map(|name| (name, None));
    given.chain(gone).collect()
}

pub(crate) fn password(
    set: &AccountPassword,
    verifier: &mut Verifier,
    output: &mut Output,
) -> Result<(), Stop> {
    let password = match set.remove {
        true => None,
        false => Some(prompt::new_password(&set.account, set.stdin)?),
    };
    let verb = Verb::AccountPassword {
        account: set.account.clone(),
        password,
        note: set.note.text.clone(),
    };
    Ok(receipt::show(output, &verifier.ask_for_receipt(verb)?)?)
}

pub(crate) fn unlock(
    unlock: &Unlock,
    verifier: &mut Verifier,
    output: &mut Output,
) -> Result<(), Stop> {
    let verb = Verb::Unlock {
        account: unlock.account.clone(),
        note: unlock.note.text.clone(),
    };
    Ok(receipt::show(output, &verifier.ask_for_receipt(verb)?)?)
}

pub(crate) fn list(
    after: Option<&str>,
    limit: &Limit,
    verifier: &mut Verifier,
    output: &mut Output,
) -> Result<(), Stop> {
    let mut filter = AccountFilter {
        after: after.map(str::to_owned),
        limit: 0,
    };
    let columns = Columns {
        name: "accounts",
        header: HEADER,
        row,
    };
    pages::print(limit, columns, output, |rows| {
        filter.limit = rows;
        let Answer::Accounts(page) = verifier.ask(Verb::AccountList(filter.clone()))? else {
            return Err(Failure::strange_answer());
        };
        if let Some(last) = page.last() {
            filter.after = Some(last.name.clone());
        }
        Ok(page)
    })
}

fn block(account: &AccountView) -> Block {
    let block = Block::new()
        .with("Account", &account.name)
        .with_some("Aliases", joined(&account.aliases))
        .with_some("Tokens", joined(&account.serials))
        .with("Code at login", code(account))
        .with("State", state(account))
        .with("Wrong codes", account.wrong_codes.to_string())
        .with("Failures in a row", account.failures_in_a_row.to_string())
        .with_some("Locked until", account.locked_until_ms.map(time::local))
        .with_some("Groups", listed(&account.groups))
        .with("Password", password_state(account));
    account
        .attributes
        .iter()
        .fold(block, |block, (name, value)| {
            block.with("Attribute", format!("{name} = {value}"))
        })
}

/// Names that may hold blanks.
fn listed(names: &[String]) -> Option<String> {
    (!names.is_empty()).then(|| names.join(", "))
}

fn password_state(account: &AccountView) -> &'static str {
    match account.has_password {
        true => "stored",
        false => "none stored",
    }
}

fn row(account: &AccountView) -> Vec<String> {
    vec![
        account.name.clone(),
        code(account).to_owned(),
        state(account).to_owned(),
        account.wrong_codes.to_string(),
        account.locked_until_ms.map(time::local).unwrap_or_default(),
        account.serials.join(" "),
    ]
}

fn joined(names: &[String]) -> Option<String> {
    (!names.is_empty()).then(|| names.join(" "))
}

fn code(account: &AccountView) -> &'static str {
    if account.code_required {
        "required"
    } else {
        "not required"
    }
}

fn state(account: &AccountView) -> &'static str {
    if account.disabled {
        "disabled"
    } else {
        "enabled"
    }
}
