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
#[allow(dead_code, reason = "the processor does not ask it yet")]
mod first_factor;
mod held;
mod listener;
mod mailbox;
mod metrics;
mod outbox;
mod processor;
mod shutdown;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Parser;
use sekisho_daemon::Log;
use sekisho_radius_protocol::duplicate::Bounds;
use sekisho_radius_protocol::server::Server;
use sekisho_settings::{DEFAULT_FILE, MessageAuthenticator, Radius, Settings};

use authority::{Authority, Connection};
use clients::Clients;
use endpoints::Endpoints;
use held::Held;
use listener::Listener;
use mailbox::Mailbox;
use metrics::Metrics;
use shutdown::Signals;

const PROGRAM: &str = "sekisho-radiusd";

/// Lets RADIUS clients log in with one-time codes.
///
/// SIGUSR1 logs the counters; SIGTERM and SIGINT end the daemon once open requests are answered.
#[derive(Debug, Parser)]
#[command(name = PROGRAM, version)]
struct Arguments {
    /// The settings file.
    #[arg(long, value_name = "FILE", default_value = DEFAULT_FILE)]
    settings: PathBuf,
    /// Check the settings and end.
    #[arg(long)]
    check: bool,
}

/// Anything that keeps the daemon from running; told once, on standard error.
type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    sekisho_daemon::abort_on_panic(&[]);
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Nobody is left to tell when standard error is gone.
            let _ = writeln!(std::io::stderr(), "{PROGRAM}: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let settings = Settings::load(&arguments.settings)?;
    if arguments.check {
        return Ok(());
    }
    // Codes and the clients' secrets pass through here.
    sekisho_daemon::close_memory()?;
    let log = Log::start(&settings.log, PROGRAM)?;
    warn(&settings.radius, &log);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let served = runtime.block_on(serve(&settings, &log));
    log.flush();
    served
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

async fn serve(settings: &Settings, log: &Log) -> Result<(), Failure> {
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
            log: log.clone(),
        }
        .run(),
    );
    for listener in listeners {
        listener.start(&endpoints, Arc::clone(&mailbox), Arc::clone(&metrics))?;
    }
    sekisho_daemon::notify_ready();

    signals.watch(&metrics, log).await;
    shutdown::drain(&mailbox, &finished, log).await;
    shutdown::tell_all(&metrics, log);
    Ok(())
}

fn open_listeners(radius: &Radius, log: &Log) -> Result<Vec<Listener>, Failure> {
    let octets = number(radius.receive_buffer_octets.value());
    let mut listeners = Vec::new();
    for &address in &radius.listen {
        let listener = match Listener::open(address, octets) {
            Ok(listener) => listener,
            Err(error) if listener::is_family_missing(address, &error) => {
                log.warning(format!("not listening on {address}: no IPv6 here"));
                continue;
            }
            Err(error) => return Err(format!("can not listen on {address}: {error}").into()),
        };
        log.info(format!(
            "listening on {}, receive buffer {} octets",
            listener.address, listener.receive_buffer
        ));
        listeners.push(listener);
    }
    if listeners.is_empty() {
        return Err("radius.listen names no usable address: there is nothing to do".into());
    }
    Ok(listeners)
}

/// Bounds of the settings are far below 2^32.
fn number(bounded: u64) -> usize {
    usize::try_from(bounded).unwrap_or(usize::MAX)
}
