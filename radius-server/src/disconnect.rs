//! Ends sessions: takes orders from the verifier, sends Disconnect-Requests, and reports what
//! became of each session.
//!
//! What is sent when is decided by the protocol crate; here are the sockets and the clocks.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use sekisho_daemon::Log;
use sekisho_radius_protocol::disconnect::{
    NotBegun, Order, Outcome, RANDOM_OCTETS, Sender, Session,
};
use sekisho_radius_protocol::packet::PACKET_MAX;
use sekisho_radius_protocol::server::Moment;
use sekisho_verifier_socket::radius::{EndOutcome, Ended, Order as Ordered};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::authority::Authority;
use crate::clients::Clients;
use crate::metrics::{Counter, Metrics};

/// Source ports. Each has 256 Identifiers for each NAS, and a NAS answers some hundreds of requests
/// in the time that one is tried.
const PORTS: u16 = 4;
/// Datagrams that may wait to be looked at.
const ARRIVED_MAX: usize = 256;
/// How long to sleep when there is nothing to do.
const IDLE: Duration = Duration::from_secs(3_600);

/// Something that came to one of our ports.
struct Arrived {
    slot: u16,
    peer: SocketAddr,
    octets: Vec<u8>,
}

/// Ends sessions for as long as the process runs.
#[derive(Debug)]
pub(crate) struct Disconnector {
    pub(crate) clients: Arc<Clients>,
    pub(crate) orders: mpsc::Receiver<Ordered>,
    pub(crate) authority: Arc<Authority>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) log: Log,
}

impl Disconnector {
    pub(crate) async fn run(mut self) {
        let origin = Instant::now();
        let mut first = [0; 1];
        // Without randomness the first Identifier is 0, and nothing worse.
        let _ = getrandom::fill(&mut first);
        let mut sender = Sender::new(PORTS, first[0]);
        let (arrivals, mut arrived) = mpsc::channel(ARRIVED_MAX);
        let mut ports = Ports::new(arrivals);
        loop {
            let timer = sender.next_timer();
            let wake = origin + timer.unwrap_or_else(|| origin.elapsed() + IDLE);
            tokio::select! {
                order = self.orders.recv() => match order {
                    Some(order) => self.begin(&mut sender, order),
                    None => return,
                },
                Some(Arrived { slot, peer, octets }) = arrived.recv() => {
                    if sender.receive(slot, peer, &octets).is_err() {
                        self.metrics.count(Counter::DisconnectNoReply);
                    }
                }
                () = tokio::time::sleep_until(wake) => {}
            }
            self.send(&mut sender, &mut ports, origin);
            while let Some((id, outcome)) = sender.poll_ended() {
                self.ended(id, outcome);
            }
        }
    }

    fn begin(&self, sender: &mut Sender, ordered: Ordered) {
        self.metrics.count(Counter::DisconnectOrders);
        let id = ordered.id;
        let Some(order) = self.order(ordered) else {
            self.metrics.count(Counter::DisconnectNotSent);
            let outcome = EndOutcome::NotSent;
            return self.authority.report(Ended { id, outcome });
        };
        match sender.begin(order) {
            // It came twice: the connection to the verifier was lost. One report will do.
            Ok(()) | Err(NotBegun::InProgress) => {}
            Err(NotBegun::Full) => {
                self.metrics.count(Counter::DisconnectNotSent);
                let outcome = EndOutcome::NotSent;
                self.authority.report(Ended { id, outcome });
            }
        }
    }

    /// Nothing if it can not be sent: no such client (any more), or it is off for this one.
    fn order(&self, ordered: Ordered) -> Option<Order> {
        let client = self.clients.named(&ordered.client)?;
        let disconnect = client.disconnect.as_ref()?;
        let from: IpAddr = ordered.from.parse().ok()?;
        // The settings may have changed since: no secret is used towards a stranger.
        let is_of_client = self
            .clients
            .find(from)
            .is_some_and(|found| found.number == client.number);
        if !is_of_client && !disconnect.is_fixed() {
            return None;
        }
        let mut random = [0; RANDOM_OCTETS];
        // For jitter: without randomness there is less of it.
        let _ = getrandom::fill(&mut random);
        let mut session = Session::new(ordered.session);
        session.user_name = ordered.user_name;
        session.nas_identifier = ordered.nas_identifier;
        session.nas_address = ordered.nas_address.and_then(|text| text.parse().ok());
        session.framed = ordered.framed_address.and_then(|text| text.parse().ok());
        session.calling_station = ordered.calling_station;
        session.nas_port = ordered.nas_port;
        Some(Order {
            id: ordered.id,
            peer: disconnect.target(from),
            client: Arc::clone(&disconnect.rules),
            message_authenticator: disconnect.message_authenticator,
            require_message_authenticator: false,
            session,
            random,
        })
    }

    fn send(&self, sender: &mut Sender, ports: &mut Ports, origin: Instant) {
        let now = Moment {
            now: origin.elapsed(),
            wall: SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default(),
        };
        while let Some(transmit) = sender.poll_transmit(now) {
            self.metrics.count(match transmit.is_again {
                true => Counter::DisconnectAgain,
                false => Counter::DisconnectSent,
            });
            if let Err(error) = ports.send(transmit.slot, transmit.peer, transmit.octets) {
                // It will be sent again.
                self.metrics.count(Counter::SendFailed);
                let peer = transmit.peer;
                self.log
                    .debug(format_args!("can not send to {peer}: {error}"));
            }
        }
    }

    fn ended(&self, id: u64, outcome: Outcome) {
        let (outcome, counter) = match outcome {
            Outcome::Ended => (EndOutcome::Ended, Counter::DisconnectEnded),
            Outcome::Gone => (EndOutcome::Gone, Counter::DisconnectGone),
            Outcome::Refused(cause) => (
                EndOutcome::Refused(cause.map(|cause| cause.0)),
                Counter::DisconnectRefused,
            ),
            Outcome::Unsupported => (EndOutcome::Unsupported, Counter::DisconnectRefused),
            Outcome::Timeout => (EndOutcome::Timeout, Counter::DisconnectTimeout),
            // Nothing was sent, and nobody has said anything.
            _ => (EndOutcome::NotSent, Counter::DisconnectNotSent),
        };
        self.metrics.count(counter);
        self.authority.report(Ended { id, outcome });
    }
}

/// Our ports; each is opened when it is first used.
struct Ports {
    arrivals: mpsc::Sender<Arrived>,
    v4: Vec<Option<std::net::UdpSocket>>,
    v6: Vec<Option<std::net::UdpSocket>>,
}

impl Ports {
    fn new(arrivals: mpsc::Sender<Arrived>) -> Self {
        Self {
            arrivals,
            v4: (0..PORTS).map(|_| None).collect(),
            v6: (0..PORTS).map(|_| None).collect(),
        }
    }

    /// Never waits: what finds no room is sent again later.
    fn send(&mut self, slot: u16, peer: SocketAddr, octets: &[u8]) -> io::Result<()> {
        let (sockets, any): (_, IpAddr) = if peer.is_ipv4() {
            (&mut self.v4, Ipv4Addr::UNSPECIFIED.into())
        } else {
            (&mut self.v6, Ipv6Addr::UNSPECIFIED.into())
        };
        let place = sockets
            .get_mut(usize::from(slot))
            .ok_or_else(|| io::Error::other("no such port"))?;
        let socket = match place {
            Some(socket) => socket,
            None => place.insert(open(any, slot, &self.arrivals)?),
        };
        socket.send_to(octets, peer).map(drop)
    }
}

/// Opens a port and listens on it.
fn open(
    any: IpAddr,
    slot: u16,
    arrivals: &mpsc::Sender<Arrived>,
) -> io::Result<std::net::UdpSocket> {
    let socket = std::net::UdpSocket::bind((any, 0))?;
    socket.set_nonblocking(true)?;
    let listening = UdpSocket::from_std(socket.try_clone()?)?;
    tokio::spawn(listen(listening, slot, arrivals.clone()));
    Ok(socket)
}

/// Passes on what comes. What comes too fast is lost, as it would be in the kernel's buffer.
async fn listen(socket: UdpSocket, slot: u16, arrivals: mpsc::Sender<Arrived>) {
    let mut buffer = vec![0; PACKET_MAX];
    loop {
        // An error is what an earlier packet has caused: nobody listens there.
        let Ok((length, peer)) = socket.recv_from(&mut buffer).await else {
            continue;
        };
        let _ = arrivals.try_send(Arrived {
            slot,
            peer,
            octets: buffer[..length].to_vec(),
        });
    }
}
