//! `token list`, `token show`.

use sekisho_verifier_socket::admin::{Answer, TokenFilter, TokenView, Verb};

use super::pages::Remaining;
use crate::Stop;
use crate::cli::{TokenList, name_of};
use crate::connection::Verifier;
use crate::failure::{Failure, Kind};
use crate::output::block::Block;
use crate::output::list::ListWriter;
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
    let mut remaining = Remaining::new(&list.limit);
    let mut filter = TokenFilter {
        after: list.after.clone(),
        state: list.state.and_then(name_of),
        limit: 0,
    };
    let mut page = next_page(&mut filter, &remaining, verifier)?;
    let mut writer = ListWriter::new(output, "tokens", HEADER)?;
    let more = loop {
        let more = remaining.take(&mut page);
        writer.page(&page, row)?;
        if more || page.is_empty() {
            break more;
        }
        page = next_page(&mut filter, &remaining, verifier)?;
    };
    Ok(writer.end(more)?)
}

/// Reads a page and moves the filter behind it. A page may be short without being the last; only
/// an empty one is the end.
fn next_page(
    filter: &mut TokenFilter,
    remaining: &Remaining,
    verifier: &mut Verifier,
) -> Result<Vec<TokenView>, Failure> {
    filter.limit = remaining.to_ask();
    let Answer::Tokens(page) = verifier.ask(Verb::TokenList(filter.clone()))? else {
        return Err(Failure::strange_answer());
    };
    if let Some(last) = page.last() {
        let last = Some(last.serial.clone());
        // Else a confused verifier would keep us here without end.
        if last <= filter.after && filter.after.is_some() {
            return Err(Failure::strange_answer());
        }
        filter.after = last;
    }
    Ok(page)
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
