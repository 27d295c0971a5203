//! `radius probe`.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use sekisho_admin_cli::text;
use sekisho_verifier_socket::Secret;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::Stop;
use crate::cli::Probe;
use crate::failure::{Failure, Kind, describe};
use crate::output::Output;
use crate::output::block::Block;
use crate::probe::{MessageAuthenticator, Outcome, Question, Reply, exchange};
use crate::prompt;

/// RFC 2865 section 3.
const PORT: u16 = 1812;
const ACCESS_ACCEPT: u8 = 2;
const ACCESS_REJECT: u8 = 3;
const ACCESS_CHALLENGE: u8 = 11;

pub(crate) fn probe(probe: &Probe, output: &mut Output) -> Result<(), Stop> {
    let server = resolve(&probe.server)?;
    let secret = prompt::radius_secret(probe.secret_file.as_deref())?;
    let code = match &probe.user {
        Some(_) => prompt::code(&text!("probe-code-prompt"), probe.code_stdin)?,
        None => Secret::new(Vec::new()),
    };
    let question = match &probe.user {
        Some(user) => Question::Login { user, code: &code },
        None => Question::Status,
    };
    let mut probes = Vec::new();
    let mut worst = None;
    for number in 0..probe.count.unwrap_or(1) {
        let outcome = ask(probe, server, &question, &secret)?;
        if output.is_json() {
            probes.push(value(server, &question, &outcome));
        } else {
            let gap = if number > 0 { "\n" } else { "" };
            output.text(gap)?;
            output.text(&block(server, &question, &outcome).render())?;
        }
        // The first failure decides about the exit code.
        worst = worst.or(judge(&outcome).err());
    }
    if output.is_json() {
        match (probe.count, probes.first()) {
            (None, Some(only)) => output.value(only)?,
            _ => output.value(&probes)?,
        }
    }
    worst.map_or(Ok(()), |failure| Err(failure.into()))
}

fn resolve(server: &str) -> Result<SocketAddr, Failure> {
    let bare = server.trim_start_matches('[').trim_end_matches(']');
    // An address of version 6 without a port is full of colons as well.
    if let Ok(address) = bare.parse() {
        return Ok(SocketAddr::new(address, PORT));
    }
    let found = match server.rsplit_once(':') {
        Some(_) => server.to_socket_addrs(),
        None => (server, PORT).to_socket_addrs(),
    };
    found
        .and_then(|mut all| all.next().ok_or_else(|| io::ErrorKind::NotFound.into()))
        .map_err(|e| {
            Failure::new(
                Kind::Invalid,
                text!("failure-at", what = server, error = describe(&e)),
                text!("probe-server-way"),
            )
        })
}

fn ask(
    probe: &Probe,
    server: SocketAddr,
    question: &Question<'_>,
    secret: &Secret,
) -> Result<Outcome, Failure> {
    let request = question
        .encode(secret.expose())
        .map(Zeroizing::new)
        .map_err(|message| Failure::new(Kind::Invalid, message, text!("probe-too-long-way")))?;
    let timeout = Duration::from_secs(probe.timeout.into());
    exchange(server, &request, secret.expose(), timeout, probe.retries).map_err(|e| {
        let mut failure = no_reply();
        failure.message = text!(
            "failure-at",
            what = server.to_string(),
            error = describe(&e)
        );
        failure
    })
}

/// The exit code, as an error if it is not 0.
fn judge(outcome: &Outcome) -> Result<(), Failure> {
    let Some(reply) = &outcome.reply else {
        return Err(no_reply());
    };
    if !reply.is_authentic() {
        return Err(Failure::new(
            Kind::NotTrusted,
            text!("probe-not-authentic"),
            text!("probe-not-authentic-way"),
        ));
    }
    let (message, way_out) = match reply.code {
        ACCESS_ACCEPT => return Ok(()),
        ACCESS_REJECT => (text!("probe-rejects"), text!("probe-rejects-way")),
        ACCESS_CHALLENGE => (text!("probe-asks"), text!("probe-asks-way")),
        _ => (text!("probe-other"), text!("probe-other-way")),
    };
    Err(Failure::new(Kind::NotProven, message, way_out))
}

fn no_reply() -> Failure {
    Failure::new(
        Kind::Unavailable,
        text!("probe-no-reply"),
        text!("probe-no-reply-way"),
    )
}

fn block(server: SocketAddr, question: &Question<'_>, outcome: &Outcome) -> Block {
    let block = Block::new()
        .with("label-server", server.to_string())
        .with("label-request", question.name())
        .with("label-requests-sent", outcome.sent.to_string());
    let Some(reply) = &outcome.reply else {
        return block.with("label-reply", text!("value-no-reply"));
    };
    let valid = match reply.response_authenticator {
        true => text!("value-valid"),
        false => text!("value-wrong"),
    };
    let time = format!("{:.3}", outcome.time.as_secs_f64() * 1_000.0);
    let time = text!("value-ms", ms = time);
    let mut block = block
        .with("label-reply", reply.name())
        .with("label-time", time)
        .with("label-response-authenticator", valid)
        .with("label-message-authenticator", message_authenticator(reply));
    for attribute in &reply.attributes {
        let text = format!("{} = {}", attribute.label(), attribute.value);
        block = block.with("label-attribute", text);
    }
    block
}

fn message_authenticator(reply: &Reply) -> String {
    match (
        reply.message_authenticator,
        reply.message_authenticator_first,
    ) {
        (MessageAuthenticator::Valid, true) => text!("value-valid"),
        (MessageAuthenticator::Valid, false) => text!("value-valid-not-first"),
        (MessageAuthenticator::Missing, _) => text!("value-missing"),
        (MessageAuthenticator::Wrong, _) => text!("value-wrong"),
    }
}

fn value(server: SocketAddr, question: &Question<'_>, outcome: &Outcome) -> Value {
    let reply = outcome.reply.as_ref();
    json!({
        "server": server.to_string(),
        "request": question.name(),
        "reply": reply.map(Reply::name),
        "time_us": reply.map(|_| outcome.time.as_micros() as u64),
        "sent": outcome.sent,
        "response_authenticator_valid": reply.map(|reply| reply.response_authenticator),
        "message_authenticator": reply.map(|reply| reply.message_authenticator),
        "message_authenticator_first": reply.map(|reply| reply.message_authenticator_first),
        "attributes": reply.map(|reply| &reply.attributes),
    })
}
