//! Settings that are permitted and not good, told at the start.

use sekisho_daemon::Log;
use sekisho_settings::{Client, MessageAuthenticator, Method, Quirk, Radius};

/// Tells them all.
pub(crate) fn tell(radius: &Radius, log: &Log) {
    for client in radius.client.iter().map(|client| client.get_ref()) {
        for warning in of_client(client) {
            log.warning(format_args!("client {}: {warning}", client.name));
        }
    }
    if let Some(ldap) = &radius.ldap
        && ldap.allow_plain
    {
        log.warning("radius.ldap: allow-plain is on, so passwords may travel in clear");
    }
    if radius.client.is_empty() {
        log.warning("no radius client in the settings: nobody will be answered");
    }
}

fn of_client(client: &Client) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut warn = |is_so: bool, warning: &str| {
        if is_so {
            warnings.push(warning.to_owned());
        }
    };
    let method = |method| client.methods.contains(&method);
    warn(
        client.message_authenticator == MessageAuthenticator::Off,
        "requests without message-authenticator are taken and can be forged",
    );
    warn(
        client.message_authenticator == MessageAuthenticator::Auto,
        "requests without message-authenticator are taken, and can be forged, until the first that \
         has one",
    );
    warn(
        client.quirks.contains(&Quirk::OmitMessageAuthenticator),
        "replies go out without message-authenticator and can be forged",
    );
    warn(
        method(Method::MsChapV2),
        "ms-chap-v2 is on: who can listen on the way finds the code, and the keys, in a moment",
    );
    warn(
        method(Method::EapGtc),
        "eap-gtc is on: codes, and passwords, travel in clear between gateway and server",
    );
    if client.secret.is_short() {
        warnings.push(format!(
            "the secret is under {} octets and can be guessed",
            sekisho_settings::SECRET_OCTETS_ADVISED
        ));
    }
    let own = client.disconnect.secret.as_ref();
    if own.is_some_and(|secret| secret.is_short()) {
        warnings.push(format!(
            "the secret for disconnect is under {} octets and can be guessed",
            sekisho_settings::SECRET_OCTETS_ADVISED
        ));
    }
    warnings
}
