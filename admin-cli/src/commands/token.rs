//! `token list`, `token show`.

use sekisho_verifier_socket::admin::{Answer, TokenFilter, TokenView, Verb};

use super::pages;
use crate::Stop;
use crate::cli::{TokenList, name_of};
use crate::connection::Verifier;
use crate::failure::{Failure, Kind};
use crate::output::block::Block;
use crate::output::list::Columns;
use crate::output::{Output, json, time};

const HEADER: &[&str] = &[
    "Serial",
    "State",
    "Account",
    "Kind",
    "Algorithm",
    "Digits",
    "Period",
    "Last used",
    "Where",
];

pub(crate) fn list(
    list: &TokenList,
    verifier: &mut Verifier,
    output: &mut Output,
) -> Result<(), Stop> {
    let mut filter = TokenFilter {
        after: list.after.clone(),
        state: list.state.and_then(name_of),
        limit: 0,
    };
    let columns = Columns {
        name: "tokens",
        header: HEADER,
        row,
    };
    pages::print(&list.limit, columns, output, |rows| {
        filter.limit = rows;
        let Answer::Tokens(page) = verifier.ask(Verb::TokenList(filter.clone()))? else {
            return Err(Failure::strange_answer());
        };
        if let Some(last) = page.last() {
            filter.after = Some(last.serial.clone());
        }
        Ok(page)
    })
}

pub(crate) fn show(serial: &str, verifier: &mut Verifier, output: &mut Output) -> Result<(), Stop> {
    let Answer::Tokens(tokens) = verifier.ask(Verb::TokenShow(serial.to_owned()))? else {
        return Err(Failure::strange_answer().into());
    };
    let Some(token) = tokens.first() else {
        return Err(Failure::new(
            Kind::NotFound,
            "there is no such token",
            "look for it: sekisho token list",
        )
        .into());
    };
    if output.is_json() {
        return Ok(output.value(&json::value(token))?);
    }
    Ok(output.text(&block(token).render())?)
}

fn block(token: &TokenView) -> Block {
    Block::new()
        .with("Serial", &token.serial)
        .with("State", state(token))
        .with_some("Account", token.account.as_ref())
        .with("Kind", &token.kind)
        .with("Algorithm", &token.algorithm)
        .with("Digits", token.digits.to_string())
        .with_some("Period", token.period.map(|period| format!("{period} s")))
        .with("Drift", format!("{} steps", token.drift_steps))
        .with_some("Last used", token.last_used_ms.map(time::local))
        .with_some("Where", token.last_used_at.as_ref())
        .with("In stock since", time::local(token.created_ms))
}

fn row(token: &TokenView) -> Vec<String> {
    vec![
        token.serial.clone(),
        state(token),
        token.account.clone().unwrap_or_default(),
        token.kind.clone(),
        token.algorithm.clone(),
        token.digits.to_string(),
        token
            .period
            .map(|period| format!("{period} s"))
            .unwrap_or_default(),
        token.last_used_ms.map(time::local).unwrap_or_default(),
        token.last_used_at.clone().unwrap_or_default(),
    ]
}

fn state(token: &TokenView) -> String {
    if token.disabled {
        return format!("{}, disabled", token.state);
    }
    token.state.clone()
}
