//! `account show`, `account set`, `account password`, `account list`, `unlock`.

use sekisho_admin_cli::text;
use sekisho_verifier_socket::admin::{AccountChange, AccountFilter, AccountView, Answer, Verb};

use super::{own, pages, session};
use crate::Stop;
use crate::cli::{
    AccountPassword, AccountSet, AccountsDisable, CodeChoice, Limit, Unlock, YesOrNo,
};
use crate::connection::Verifier;
use crate::failure::{Failure, Kind};
use crate::output::block::Block;
use crate::output::list::Columns;
use crate::output::{Output, json, receipt, time};
use crate::prompt;

const HEADER: &[&str] = &[
    "label-account",
    "label-code-at-login",
    "label-state",
    "label-wrong-codes",
    "label-locked-until",
    "label-tokens",
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
            text!("account-none"),
            text!("account-none-way"),
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
            language: set
                .account_language
                .map(|language| language.tag().to_owned()),
            exchange_required: set.exchange_required.map(|answer| answer == YesOrNo::Yes),
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

/// Several at once, all or none.
pub(crate) fn disable(
    disable: &AccountsDisable,
    verifier: &mut Verifier,
    output: &mut Output,
) -> Result<(), Stop> {
    let verb = Verb::AccountsDisable {
        accounts: disable.accounts.clone(),
        keep_sessions: disable.sessions.keep_sessions,
        note: disable.note.text.clone(),
    };
    session::ended_by(verb, verifier, output)
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
        .with("label-account", &account.name)
        .with_some("label-aliases", joined(&account.aliases))
        .with_some("label-tokens", joined(&account.serials))
        .with("label-code-at-login", code(account))
        .with("label-state", state(account))
        .with("label-wrong-codes", account.wrong_codes.to_string())
        .with(
            "label-failures-in-a-row",
            account.failures_in_a_row.to_string(),
        )
        .with_some(
            "label-locked-until",
            account.locked_until_ms.map(time::local),
        )
        .with_some("label-groups", listed(&account.groups))
        .with("label-password", password_state(account))
        .with_some(
            "self-label-language",
            account.language.as_ref().map(|_| own::language(account)),
        )
        .with_some(
            "self-label-next-login",
            account
                .exchange_required
                .then(|| text!("account-exchange-required")),
        )
        .with_some(
            "codes-start-password",
            account
                .has_start_password
                .then(|| text!("account-start-password-set")),
        )
        .with_some(
            "codes-start",
            account
                .start_code_until_ms
                .map(|ms| text!("self-until", until = time::local(ms))),
        )
        .with_some("codes-emergency", emergency(account));
    account
        .attributes
        .iter()
        .fold(block, |block, (name, value)| {
            block.with("label-attribute", format!("{name} = {value}"))
        })
}

/// How many emergency codes are left, if any.
pub(super) fn emergency(account: &AccountView) -> Option<String> {
    let until = account.emergency_until_ms?;
    (account.emergency_codes > 0).then(|| {
        text!(
            "self-emergency-left",
            count = account.emergency_codes,
            until = time::local(until),
        )
    })
}

/// Names that may hold blanks.
fn listed(names: &[String]) -> Option<String> {
    (!names.is_empty()).then(|| names.join(", "))
}

fn password_state(account: &AccountView) -> String {
    match account.has_password {
        true => text!("value-stored"),
        false => text!("value-none-stored"),
    }
}

fn row(account: &AccountView) -> Vec<String> {
    vec![
        account.name.clone(),
        code(account),
        state(account),
        account.wrong_codes.to_string(),
        account.locked_until_ms.map(time::local).unwrap_or_default(),
        account.serials.join(" "),
    ]
}

fn joined(names: &[String]) -> Option<String> {
    (!names.is_empty()).then(|| names.join(" "))
}

fn code(account: &AccountView) -> String {
    match account.code_required {
        true => text!("value-required"),
        false => text!("value-not-required"),
    }
}

fn state(account: &AccountView) -> String {
    match account.disabled {
        true => text!("value-disabled"),
        false => text!("value-enabled"),
    }
}
