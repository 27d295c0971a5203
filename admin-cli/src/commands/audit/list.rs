//! `audit list`.

use sekisho_admin_cli::text;
use sekisho_verifier_socket::admin::{Answer, AuditFilter, EventView, Verb};
use serde_json::json;

use crate::Stop;
use crate::cli::AuditList;
use crate::commands::pages::Remaining;
use crate::connection::Verifier;
use crate::failure::Failure;
use crate::output::{Output, events, hint, json, table};

pub(crate) fn list(
    list: &AuditList,
    verifier: &mut Verifier,
    output: &mut Output,
) -> Result<(), Stop> {
    let (mut events, more) = newest(list, verifier)?;
    // They come newest first; people read on where the terminal ends.
    events.reverse();
    if output.is_json() {
        let value = json!({ "events": json::value(&events), "more": more });
        return Ok(output.value(&value)?);
    }
    if events.is_empty() {
        hint(&text!("list-none", rows = text!("rows-events")));
        return Ok(());
    }
    let rows: Vec<_> = events.iter().map(events::row).collect();
    output.text(&table::render_used(events::HEADER, &rows))?;
    output.finish()?;
    if more {
        hint(&text!("audit-older"));
    }
    Ok(())
}

/// Events, newest first, and whether there are more.
fn newest(list: &AuditList, verifier: &mut Verifier) -> Result<(Vec<EventView>, bool), Failure> {
    let mut remaining = Remaining::new(&list.limit);
    let mut filter = AuditFilter {
        before: None,
        account: list.account.clone(),
        serial: list.serial.clone(),
        since_ms: list.since.map(|since| since.ms),
        limit: 0,
    };
    let mut all = Vec::new();
    loop {
        filter.limit = remaining.to_ask();
        let Answer::Events {
            mut events,
            more_before,
        } = verifier.ask(Verb::AuditList(filter.clone()))?
        else {
            return Err(Failure::strange_answer());
        };
        let more = remaining.take(&mut events);
        all.append(&mut events);
        if more || more_before.is_none() {
            return Ok((all, more));
        }
        // Else a confused verifier would keep us here without end.
        if filter.before.is_some() && more_before >= filter.before {
            return Err(Failure::strange_answer());
        }
        filter.before = more_before;
    }
}
