//! RADIUS clients: their secrets, and whether what they send can be forged.

use std::path::Path;

use sekisho_settings::{Client, MessageAuthenticator, SECRET_OCTETS_ADVISED, Settings};
use sekisho_verifier_socket::admin::ClientView;

use super::finding::{Finding, Found, Kind};
use super::tree::Tree;

/// What the settings say of them.
pub(crate) fn look(tree: &Tree, file: &Path, settings: &Settings, found: &mut Found) {
    let clients: Vec<&Client> = settings.radius.client.iter().map(|c| c.get_ref()).collect();
    let edit = format!("editor {}", tree.word(file));
    for (index, client) in clients.iter().enumerate() {
        let finding = |kind, mend: &str| {
            Finding::new(kind, mend)
                .at_file(file)
                .with("client", client.name.as_str())
        };
        if client.secret.is_short() {
            let octets = client.secret.expose().len();
            found.add(
                finding(Kind::SecretShort, "openssl rand -base64 24")
                    .with("octets", octets.to_string())
                    .with("advised", SECRET_OCTETS_ADVISED.to_string()),
            );
        }
        let mut before = clients[..index].iter();
        if let Some(other) = before.find(|other| other.secret == client.secret) {
            found.add(
                finding(Kind::SecretShared, "openssl rand -base64 24")
                    .with("other", other.name.as_str()),
            );
        }
        let word = match client.message_authenticator {
            MessageAuthenticator::Require => continue,
            MessageAuthenticator::Auto => "auto",
            MessageAuthenticator::Off => "off",
        };
        let finding = finding(Kind::MessageAuthenticatorOff, &edit);
        found.add(finding.with("value", word));
    }
}

/// What they were seen to send.
pub(crate) fn look_at_seen(clients: &[ClientView], found: &mut Found) {
    for client in clients {
        let without = client.without_message_authenticator;
        if client.with_message_authenticator == 0 && without > 0 {
            let finding = Finding::new(Kind::MessageAuthenticatorNever, "sekisho client list");
            found.add(
                finding
                    .with("client", client.name.as_str())
                    .with("requests", without.to_string()),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_never_signed_is_found_and_one_that_did_once_is_not() {
        let client = |with, without| ClientView {
            name: "branch-012".into(),
            methods: Vec::new(),
            with_message_authenticator: with,
            without_message_authenticator: without,
            retransmissions: 0,
            retry_ms_min: None,
            retry_ms_max: None,
            accepts: 0,
            rejects: 0,
            dropped: 0,
            last_drop: None,
            last_seen_ms: None,
            last_accept_ms: None,
            accounting: 0,
            auto: None,
            warnings: Vec::new(),
        };
        for (with, without, expected) in [(0, 7, 1), (1, 7, 0), (0, 0, 0)] {
            let mut found = Found::default();
            look_at_seen(&[client(with, without)], &mut found);
            assert_eq!(found.findings.len(), expected, "{with} {without}");
        }
    }
}
