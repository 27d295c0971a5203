//! `sekisho-radiusd`: RADIUS in, attempts to the verifier out.
//!
//! Datagrams take this way: a thread for each socket empties it into the [`mailbox`]; the thread
//! of the [`processor`] judges what can be judged from the packet alone; the [`authority`] asks the
//! verifier, and [`judges`](mod@judges) whoever judges passwords, on the thread of the runtime; their words come
//! back through the mailbox, and replies leave through the [`outbox`], rejects after a rest with
//! [`held`]. Sessions are ended by [`disconnect`], which is asked by the verifier.
//!
//! This process parses what strangers send. It holds no seed, and can not change a token.

mod authority;
mod clients;
mod disconnect;
mod endpoints;
mod first_factor;
mod held;
mod judges;
mod listener;
mod mailbox;
mod metrics;
mod outbox;
mod processor;
mod random;
mod rates;
mod replies;
mod seen;
mod shutdown;
mod warnings;

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use clap::Parser;
use sekisho_daemon::Log;
use sekisho_radius_protocol::accounting::Accounting;
use sekisho_radius_protocol::duplicate::Bounds;
use sekisho_radius_protocol::server::Server;
use sekisho_settings::{DEFAULT_FILE, Radius, Settings};
use sekisho_verifier_socket::radius::ORDERS_MAX;
use tokio::sync::mpsc;

use authority::{Authority, Connection};
use clients::Clients;
use disconnect::Disconnector;
use endpoints::Endpoints;
use first_factor::{FirstFactor, GroupSource, LDAP_THREAD, Ldap, Pam, Unix};
use held::Held;
use judges::Judges;
use listener::Listener;
use mailbox::{Mailbox, Port};
use metrics::Metrics;
use seen::Seen;
use shutdown::Signals;

const PROGRAM: &str = "sekisho-radiusd";
/// How long to wait for the verifier before we call ourselves ready without it: whoever waits for us
/// at boot must not wait for ever.
const READY_MAX: Duration = Duration::from_secs(20);

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
    sekisho_daemon::abort_on_panic(&[LDAP_THREAD]);
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
    let clients = Clients::new(&settings, &arguments.settings)?;
    if arguments.check {
        return Ok(());
    }
    // Codes and the clients' secrets pass through here.
    sekisho_daemon::close_memory()?;
    let log = Log::start(&settings.log, PROGRAM)?;
    warnings::tell(&settings.radius, &log);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let served = runtime.block_on(serve(&settings, Arc::new(clients), &log));
    log.flush();
    served
}

async fn serve(settings: &Settings, clients: Arc<Clients>, log: &Log) -> Result<(), Failure> {
    let radius = &settings.radius;
    let mut signals = Signals::listen()?;
    let metrics = Arc::new(Metrics::default());
    let mailbox = Arc::new(Mailbox::default());
    let endpoints = Arc::new(Endpoints::default());
    let authority = Arc::new(Authority::new(number(radius.attempts_in_flight.value())));
    let finished = Arc::new(AtomicBool::new(false));
    let names = clients.all().iter().map(|client| client.name.as_str());
    let seen = Arc::new(Seen::new(names));

    let listeners = open_listeners(radius, log)?;
    let entries = number(radius.duplicate_entries.value());
    let bounds = Bounds::new(radius.duplicate_life(), entries)
        .ok_or("duplicate-seconds or duplicate-entries out of bounds")?;
    let challenges = u32::try_from(radius.challenges_per_minute.value()).unwrap_or(u32::MAX);
    let pieces = processor::Pieces {
        server: Server::new(bounds).with_challenges_per_minute(challenges),
        accounting: Accounting::new(bounds),
        clients: Arc::clone(&clients),
        mailbox: Arc::clone(&mailbox),
        authority: Arc::clone(&authority),
        judges: judges(radius, &mailbox, log)?,
        endpoints: Arc::clone(&endpoints),
        held: Held::new(entries),
        seen: Arc::clone(&seen),
        metrics: Arc::clone(&metrics),
        log: log.clone(),
        finished: Arc::clone(&finished),
    };
    processor::start(pieces)?;
    let (orders, ordered) = mpsc::channel(2 * ORDERS_MAX);
    tokio::spawn(
        Connection {
            authority: Arc::clone(&authority),
            socket: settings.verifier.socket.clone(),
            mailbox: Arc::clone(&mailbox),
            metrics: Arc::clone(&metrics),
            seen,
            orders,
            log: log.clone(),
        }
        .run(),
    );
    tokio::spawn(
        Disconnector {
            clients,
            orders: ordered,
            authority: Arc::clone(&authority),
            metrics: Arc::clone(&metrics),
            log: log.clone(),
        }
        .run(),
    );
    for listener in listeners {
        listener.start(&endpoints, Arc::clone(&mailbox), Arc::clone(&metrics))?;
    }
    tokio::spawn(tell_ready(Arc::clone(&authority)));

    signals.watch(&metrics, log).await;
    shutdown::drain(&mailbox, &finished, log).await;
    authority.leave().await;
    shutdown::tell_all(&metrics, log);
    Ok(())
}

/// Ready is who can answer: not before the verifier was found, if it comes in time.
async fn tell_ready(authority: Arc<Authority>) {
    // Late: then gateways get silence until it is there, and try the next server.
    let _ = tokio::time::timeout(READY_MAX, authority.first_keys()).await;
    sekisho_daemon::notify_ready();
}

fn judges(radius: &Radius, mailbox: &Arc<Mailbox>, log: &Log) -> Result<Judges, Failure> {
    let passwords_max = number(radius.passwords_in_flight.value());
    let ldap = match &radius.ldap {
        Some(ldap) => {
            let opened = Ldap::new(ldap, passwords_max, log);
            Some(Arc::new(
                opened.map_err(|why| format!("radius.ldap: {why}"))?,
            ))
        }
        None => None,
    };
    let pam = Pam::new(&radius.pam, passwords_max, log);
    Ok(Judges {
        runtime: tokio::runtime::Handle::current(),
        mailbox: Arc::clone(mailbox),
        pam: Some(FirstFactor::Pam(Arc::new(pam))),
        ldap: ldap.clone().map(FirstFactor::Ldap),
        unix_groups: Some(GroupSource::Unix(Arc::new(Unix::new(log)))),
        ldap_groups: ldap.map(GroupSource::Ldap),
        passwords_max,
        with_pam: Arc::default(),
        with_ldap: Arc::default(),
        lookups: Arc::default(),
    })
}

fn open_listeners(radius: &Radius, log: &Log) -> Result<Vec<Listener>, Failure> {
    let octets = number(radius.receive_buffer_octets.value());
    let mut listeners = Vec::new();
    for &address in &radius.listen {
        listeners.extend(open_listener(Port::Authentication, address, octets, log)?);
    }
    if listeners.is_empty() {
        return Err("radius.listen names no usable address: there is nothing to do".into());
    }
    for &address in &radius.accounting_listen {
        listeners.extend(open_listener(Port::Accounting, address, octets, log)?);
    }
    Ok(listeners)
}

/// Nothing where a machine has no IPv6.
fn open_listener(
    port: Port,
    address: SocketAddr,
    octets: usize,
    log: &Log,
) -> Result<Option<Listener>, Failure> {
    let listener = match Listener::open(port, address, octets) {
        Ok(listener) => listener,
        Err(error) if listener::is_family_missing(address, &error) => {
            log.warning(format!("not listening on {address}: no IPv6 here"));
            return Ok(None);
        }
        Err(error) => return Err(format!("can not listen on {address}: {error}").into()),
    };
    let doing = match port {
        Port::Authentication => "listening on",
        Port::Accounting => "taking accounting on",
    };
    log.info(format!(
        "{doing} {}, receive buffer {} octets",
        listener.address, listener.receive_buffer
    ));
    Ok(Some(listener))
}

/// Bounds of the settings are far below 2^32.
fn number(bounded: u64) -> usize {
    usize::try_from(bounded).unwrap_or(usize::MAX)
}
