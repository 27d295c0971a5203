//! `client list`: what the settings say of each gateway, and what it was seen to send.

use std::collections::BTreeMap;

use sekisho_admin_cli::text;
use sekisho_settings::{Client, FirstFactor, MessageAuthenticator, Mode, Settings};
use sekisho_verifier_socket::admin::{Answer, ClientView, Verb};
use serde_json::{Value, json};

use super::add::bare;
use crate::Stop;
use crate::cli::Global;
use crate::connection::{self, Verifier};
use crate::failure::Failure;
use crate::output::{Output, clean, hint, json, table, time};

const HEADER: &[&str] = &[
    "label-client",
    "label-address",
    "label-mode",
    "label-first-factor",
    "label-methods",
    "label-used",
    "label-signed",
    "label-retries",
    "label-after",
    "label-accepts",
    "label-rejects",
    "label-dropped",
    "label-reports",
    "label-last-seen",
    "label-last-accept",
];

/// A gateway as far as it is known.
#[derive(Debug, Default)]
struct Known {
    settings: Option<Client>,
    seen: Option<ClientView>,
}

pub(crate) fn list(
    global: &Global,
    verifier: &mut Verifier,
    output: &mut Output,
) -> Result<(), Stop> {
    let settings = connection::settings(global)?;
    let Answer::Clients(seen) = verifier.ask(Verb::ClientList)? else {
        return Err(Failure::strange_answer().into());
    };
    let readable = settings.is_some();
    let clients = together(settings, seen);
    if output.is_json() {
        let clients: Vec<Value> = clients
            .iter()
            .map(|(name, known)| value(name, known))
            .collect();
        return Ok(output.value(&json!({ "clients": clients }))?);
    }
    if clients.is_empty() {
        hint(&text!("list-none", rows = text!("rows-clients")));
    } else {
        let rows: Vec<_> = clients
            .iter()
            .map(|(name, known)| row(name, known))
            .collect();
        output.text(&table::render_used(HEADER, &rows))?;
    }
    warnings(&clients, output)?;
    if !readable {
        output.finish()?;
        hint(&text!("client-unreadable"));
    }
    Ok(())
}

/// By name.
fn together(settings: Option<Settings>, seen: Vec<ClientView>) -> BTreeMap<String, Known> {
    let mut clients: BTreeMap<String, Known> = BTreeMap::new();
    for spanned in settings
        .into_iter()
        .flat_map(|settings| settings.radius.client)
    {
        let client = spanned.into_inner();
        let known = clients.entry(client.name.clone()).or_default();
        known.settings = Some(client);
    }
    for view in seen {
        let known = clients.entry(view.name.clone()).or_default();
        known.seen = Some(view);
    }
    clients
}

fn warnings(clients: &BTreeMap<String, Known>, output: &mut Output) -> Result<(), Stop> {
    let mut lines = String::new();
    for (name, known) in clients {
        let warnings = known.seen.iter().flat_map(|seen| &seen.warnings);
        for warning in warnings {
            lines += &format!("* {}: {}\n", clean(name), clean(warning));
        }
    }
    if !lines.is_empty() {
        output.text(&format!("\n{}\n{lines}", text!("needs-attention")))?;
    }
    Ok(())
}

fn row(name: &str, known: &Known) -> Vec<String> {
    let mut row = vec![name.to_owned()];
    row.extend(match &known.settings {
        Some(client) => [
            addresses(client).join(" "),
            mode(client).to_owned(),
            first_factor(client).map(str::to_owned).unwrap_or_default(),
            methods(client).join(" "),
        ],
        None => Default::default(),
    });
    row.extend(match &known.seen {
        Some(seen) => seen_cells(seen),
        None => Default::default(),
    });
    row
}

fn seen_cells(seen: &ClientView) -> [String; 10] {
    let when = |ms: Option<u64>| ms.map(time::local).unwrap_or_default();
    let signed = seen.with_message_authenticator;
    let all = signed + seen.without_message_authenticator;
    let retries = seen.retransmissions;
    [
        seen.methods.join(" "),
        if all > 0 {
            text!("value-of", part = signed, all = all)
        } else {
            String::new()
        },
        if retries > 0 {
            retries.to_string()
        } else {
            String::new()
        },
        after(seen),
        seen.accepts.to_string(),
        seen.rejects.to_string(),
        dropped(seen),
        seen.accounting.to_string(),
        when(seen.last_seen_ms),
        when(seen.last_accept_ms),
    ]
}

/// After how long it sends again.
fn after(seen: &ClientView) -> String {
    match (seen.retry_ms_min, seen.retry_ms_max) {
        (Some(min), Some(max)) if min != max => text!("value-ms-from-to", min = min, max = max),
        (Some(ms), _) | (None, Some(ms)) => text!("value-ms", ms = ms),
        (None, None) => String::new(),
    }
}

fn dropped(seen: &ClientView) -> String {
    match &seen.last_drop {
        Some(why) => text!("value-dropped", count = seen.dropped, why = why),
        None => seen.dropped.to_string(),
    }
}

fn value(name: &str, known: &Known) -> Value {
    let settings = known.settings.as_ref().map(|client| {
        json!({
            "address": addresses(client),
            "mode": mode(client),
            "first_factor": first_factor(client),
            "methods": methods(client),
            "message_authenticator": message_authenticator(client),
            "quirks": client.quirks.iter().map(|quirk| quirk.name()).collect::<Vec<_>>(),
            "disconnect": client.disconnect.enabled,
        })
    });
    json!({
        "name": name,
        "settings": settings,
        "seen": known.seen.as_ref().map(json::value),
    })
}

fn addresses(client: &Client) -> Vec<String> {
    client.address.iter().map(bare).collect()
}

fn methods(client: &Client) -> Vec<&'static str> {
    client.methods.iter().map(|method| method.name()).collect()
}

fn mode(client: &Client) -> &'static str {
    match client.mode {
        Mode::Code => "code",
        Mode::PasswordAndCode => "password-and-code",
        Mode::Challenge => "challenge",
    }
}

fn first_factor(client: &Client) -> Option<&'static str> {
    match client.first_factor {
        FirstFactor::None => None,
        FirstFactor::Stored => Some("stored"),
        FirstFactor::Pam => Some("pam"),
        FirstFactor::Ldap => Some("ldap"),
    }
}

fn message_authenticator(client: &Client) -> &'static str {
    match client.message_authenticator {
        MessageAuthenticator::Require => "require",
        MessageAuthenticator::Auto => "auto",
        MessageAuthenticator::Off => "off",
    }
}
