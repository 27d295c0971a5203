//! `token list`, `token show`.

use sekisho_admin_cli::language::word;
use sekisho_admin_cli::text;
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
    "label-serial",
    "label-state",
    "label-account",
    "label-kind",
    "label-algorithm",
    "label-digits",
    "label-period",
    "label-last-used",
    "label-where",
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
        return Err(
            Failure::new(Kind::NotFound, text!("token-none"), text!("token-none-way")).into(),
        );
    };
    if output.is_json() {
        return Ok(output.value(&json::value(token))?);
    }
    Ok(output.text(&block(token).render())?)
}

fn block(token: &TokenView) -> Block {
    Block::new()
        .with("label-serial", &token.serial)
        .with("label-state", state(token))
        .with_some("label-account", token.account.as_ref())
        .with("label-kind", word("kind", &token.kind))
        .with("label-algorithm", &token.algorithm)
        .with("label-digits", token.digits.to_string())
        .with_some("label-period", token.period.map(seconds))
        .with(
            "label-drift",
            text!("value-drift", steps = token.drift_steps),
        )
        .with_some("label-last-used", token.last_used_ms.map(time::local))
        .with_some("label-where", token.last_used_at.as_ref())
        .with("label-in-stock-since", time::local(token.created_ms))
}

fn row(token: &TokenView) -> Vec<String> {
    vec![
        token.serial.clone(),
        state(token),
        token.account.clone().unwrap_or_default(),
        word("kind", &token.kind),
        token.algorithm.clone(),
        token.digits.to_string(),
        token.period.map(seconds).unwrap_or_default(),
        token.last_used_ms.map(time::local).unwrap_or_default(),
        token.last_used_at.clone().unwrap_or_default(),
    ]
}

pub(super) fn state(token: &TokenView) -> String {
    let state = word("state", &token.state);
    match token.disabled {
        true => text!("value-disabled-too", state = state),
        false => state,
    }
}

fn seconds(seconds: u32) -> String {
    text!("value-seconds", seconds = seconds)
}
