//! `sekisho-radiusd`: RADIUS in, attempts to the verifier out.
//!
//! Datagrams take this way: a thread for each socket empties it into the [`mailbox`]; the thread
//! of the [`processor`] judges what can be judged from the packet alone; the [`authority`] asks the
//! verifier, on the thread of the runtime; its opinions come back through the mailbox, and replies
//! leave through the [`outbox`], rejects after a rest with [`held`].
//!
//! This process parses what strangers send. It holds no seed, and can not change a token.

mod authority;
mod clients;
mod endpoints;
mod held;
mod listener;
mod log;
mod mailbox;
mod metrics;
mod options;
mod outbox;
mod processor;
mod shutdown;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use sd_notify::NotifyState;
use sekisho_radius_protocol::duplicate::Bounds;
use sekisho_radius_protocol::server::Server;
use sekisho_settings::{MessageAuthenticator, Radius, Settings};

use authority::{Authority, Connection};
use clients::Clients;
use endpoints::Endpoints;
use held::Held;
use listener::Listener;
use log::Log;
use mailbox::Mailbox;
use metrics::Metrics;
use options::Options;
use shutdown::Signals;

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    abort_on_panic();
    let options = match Options::parse(std::env::args_os().skip(1)) {
        Ok(options) => options,
        Err(code) => return code,
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            options::complain(failure.as_ref());
            ExitCode::FAILURE
        }
    }
}

/// A daemon with a dead thread would answer some and not others. systemd starts it afresh.
fn abort_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        std::process::abort();
    }));
}

fn run(options: &Options) -> Result<(), Failure> {
    let settings = Settings::load(&options.settings)?;
    let log = Arc::new(Log::start(&settings.log)?);
    warn(&settings.radius, &log);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(serve(&settings, &log))
}

/// Settings that are permitted and not good.
fn warn(radius: &Radius, log: &Log) {
    for client in radius.client.iter().map(|client| client.get_ref()) {
        if client.secret.is_short() {
            log.warning(format!(
                "client {}: the secret is under {} octets and can be guessed",
                client.name,
                sekisho_settings::SECRET_OCTETS_ADVISED
            ));
        }
        if client.message_authenticator == MessageAuthenticator::Off {
            log.warning(format!(
                "client {}: requests without message-authenticator are taken and can be forged",
                client.name
            ));
        }
    }
    if radius.client.is_empty() {
        log.warning("no radius client in the settings: nobody will be answered");
    }
}

async fn serve(settings: &Settings, log: &Arc<Log>) -> Result<(), Failure> {
    let radius = &settings.radius;
    let mut signals = Signals::listen()?;
    let metrics = Arc::new(Metrics::default());
    let mailbox = Arc::new(Mailbox::default());
    let endpoints = Arc::new(Endpoints::default());
    let authority = Arc::new(Authority::new(number(radius.attempts_in_flight.value())));
    let finished = Arc::new(AtomicBool::new(false));

    let listeners = open_listeners(radius, log)?;
    let entries = number(radius.duplicate_entries.value());
    let bounds = Bounds::new(radius.duplicate_life(), entries)
        .ok_or("duplicate-seconds or duplicate-entries out of bounds")?;
    let pieces = processor::Pieces {
        server: Server::new(bounds),
        clients: Clients::new(radius.client.iter().map(|client| client.get_ref())),
        mailbox: Arc::clone(&mailbox),
        authority: Arc::clone(&authority),
        endpoints: Arc::clone(&endpoints),
        held: Held::new(radius.reject_delay(), entries),
        metrics: Arc::clone(&metrics),
        finished: Arc::clone(&finished),
    };
    processor::start(pieces)?;
    tokio::spawn(
        Connection {
            authority,
            socket: settings.verifier.socket.clone(),
            mailbox: Arc::clone(&mailbox),
            metrics: Arc::clone(&metrics),
            log: Arc::clone(log),
        }
        .run(),
    );
    for listener in listeners {
        listener.start(&endpoints, Arc::clone(&mailbox), Arc::clone(&metrics))?;
    }
    shutdown::notify(NotifyState::Ready);

    signals.watch(&metrics, log).await;
    shutdown::drain(&mailbox, &finished, log).await;
    shutdown::tell_all(&metrics, log);
    Ok(())
}

fn open_listeners(radius: &Radius, log: &Log) -> Result<Vec<Listener>, Failure> {
    let octets = number(radius.receive_buffer_octets.value());
    let mut listeners = Vec::new();
    for &address in &radius.listen {
        let listener = Listener::open(address, octets)
            .map_err(|error| format!("can not listen on {address}: {error}"))?;
        log.info(format!(
            "listening on {}, receive buffer {} octets",
            listener.address, listener.receive_buffer
        ));
        listeners.push(listener);
    }
    if listeners.is_empty() {
        return Err("radius.listen is empty: there is nothing to do".into());
    }
    Ok(listeners)
}

/// Bounds of the settings are far below 2^32.
fn number(bounded: u64) -> usize {
    usize::try_from(bounded).unwrap_or(usize::MAX)
}
