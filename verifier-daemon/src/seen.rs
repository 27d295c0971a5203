//! What RADIUS clients were seen to send, as the RADIUS server tells it every few seconds.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use sekisho_settings::{Client, MessageAuthenticator, Method, Quirk, Settings};
use sekisho_verifier_socket::admin::ClientView;
use sekisho_verifier_socket::radius::{ClientSeen, SEEN_MAX};

use crate::speech::{text, texts};

/// Clients that are remembered: there are not more in any settings that are sound.
const CLIENTS_MAX: usize = 4_096;

/// All clients: those of the settings when the verifier started, and those that were told of since.
#[derive(Debug)]
pub(crate) struct Seen {
    /// With what is not good about their settings: ids of texts.
    known: BTreeMap<String, Vec<&'static str>>,
    seen: Mutex<BTreeMap<String, ClientSeen>>,
}

impl Seen {
    pub(crate) fn new(settings: &Settings) -> Self {
        let clients = settings.radius.client.iter();
        let clients = clients.map(|client| client.get_ref());
        Self {
            known: clients
                .map(|client| (client.name.clone(), of_settings(client)))
                .collect(),
            seen: Mutex::default(),
        }
    }

    /// Takes note; newer counts take the place of older ones.
    pub(crate) fn told(&self, clients: Vec<ClientSeen>) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for client in clients.into_iter().take(SEEN_MAX) {
            if seen.len() < CLIENTS_MAX || seen.contains_key(&client.client) {
                seen.insert(client.client.clone(), client);
            }
        }
    }

    pub(crate) fn views(&self) -> Vec<ClientView> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let unseen = self.known.keys().filter(|name| !seen.contains_key(*name));
        let unseen = unseen.map(|name| ClientSeen {
            client: name.clone(),
            ..ClientSeen::default()
        });
        let mut clients: Vec<ClientSeen> = seen.values().cloned().chain(unseen).collect();
        clients.sort_by(|a, b| a.client.cmp(&b.client));
        clients
            .into_iter()
            .map(|client| self.view(client))
            .collect()
    }

    /// What needs attention, each with its client.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let views = self.views();
        let of_view = |view: ClientView| {
            let name = view.name;
            let warnings = view.warnings.into_iter();
            warnings
                .map(move |warning| text!("warn-client", client = name.as_str(), warning = warning))
        };
        views.into_iter().flat_map(of_view).collect()
    }

    fn view(&self, seen: ClientSeen) -> ClientView {
        let known = self.known.get(&seen.client).into_iter().flatten();
        let mut warnings: Vec<String> = known.map(|id| texts().get(id, &[])).collect();
        let without = seen.without_message_authenticator;
        if without > 0 {
            warnings.push(text!("warn-unsigned", count = without));
        }
        ClientView {
            name: seen.client,
            methods: seen.methods,
            with_message_authenticator: seen.with_message_authenticator,
            without_message_authenticator: seen.without_message_authenticator,
            retransmissions: seen.retransmissions,
            retry_ms_min: seen.retry_ms_min,
            retry_ms_max: seen.retry_ms_max,
            accepts: seen.accepts,
            rejects: seen.rejects,
            dropped: seen.dropped,
            last_drop: seen.last_drop,
            last_seen_ms: seen.last_seen_ms,
            last_accept_ms: seen.last_accept_ms,
            accounting: seen.accounting,
            auto: seen.auto,
            warnings,
        }
    }
}

/// What is permitted and not good, as ids of texts.
fn of_settings(client: &Client) -> Vec<&'static str> {
    let cases = [
        (
            client.message_authenticator == MessageAuthenticator::Off,
            "warn-authenticator-off",
        ),
        (
            client.message_authenticator == MessageAuthenticator::Auto,
            "warn-authenticator-auto",
        ),
        (
            client.quirks.contains(&Quirk::OmitMessageAuthenticator),
            "warn-omit-authenticator",
        ),
        (client.methods.contains(&Method::MsChapV2), "warn-ms-chap"),
    ];
    let is_so = cases.into_iter().filter(|(is_so, _)| *is_so);
    is_so.map(|(_, id)| id).collect()
}
