//! The RADIUS server from outside: gateways with many sockets, each with its 256 identifiers.
//!
//! The load shares the processors with what it measures, so packets are made before the clock
//! starts, and go out and come in many to a system call.

use std::io::{IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::socket::{MsgFlags, MultiHeaders, recvmmsg, sendmmsg, setsockopt, sockopt};
use sekisho_radius_protocol::authenticator::Authenticator;
use sekisho_radius_protocol::packet::PACKET_MAX;
use sekisho_radius_protocol::{Code, Secret, request};

use crate::Failure;
use crate::attempts::Login;
use crate::installation::SECRET;

/// Identifiers of a socket: what one octet can hold (RFC 2865 section 3).
pub(crate) const IDENTIFIERS: usize = 256;
/// Packets that one system call takes.
const BATCH: usize = 64;
/// Octets of a reply that are read; an accept has 38.
const REPLY_OCTETS: usize = 256;
/// A request that has no reply after so long is lost. Rejects come after at most 1.25 s.
const LOST_AFTER: Duration = Duration::from_secs(4);
/// How often lost requests are looked for.
const SWEEP: Duration = Duration::from_millis(500);
/// Room for all replies that a socket may have to hold.
const RECEIVE_OCTETS: usize = 4 << 20;

/// What came of a run.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// From the first request to the last reply.
    pub(crate) elapsed: Duration,
    /// How long each accept took.
    pub(crate) times: Vec<Duration>,
    /// Requests that were never answered.
    pub(crate) lost: usize,
}

/// Gateways that are ready to send.
#[derive(Debug)]
pub(crate) struct Gateways {
    flows: Vec<Flow>,
    epoll: Epoll,
    secret: Secret,
    outcome: Outcome,
    last_reply: Instant,
}

impl Gateways {
    /// So many sockets towards `server`, with `logins` dealt out to them.
    pub(crate) fn prepare(
        server: SocketAddr,
        sockets: usize,
        logins: &[Login],
    ) -> Result<Self, Failure> {
        let secret = Secret::new(SECRET.as_bytes()).map_err(|_| "an empty secret")?;
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let mut flows = Vec::with_capacity(sockets);
        for (index, share) in shares(logins, sockets).enumerate() {
            let flow = Flow::prepare(server, &secret, share)?;
            epoll.add(
                &flow.socket,
                EpollEvent::new(EpollFlags::EPOLLIN, index as u64),
            )?;
            flows.push(flow);
        }
        Ok(Self {
            flows,
            epoll,
            secret,
            outcome: Outcome::default(),
            last_reply: Instant::now(),
        })
    }

    /// Sends everything with at most `window` requests open on each socket. Every reply must be
    /// authentic and an accept.
    pub(crate) fn run(mut self, window: usize) -> Result<Outcome, Failure> {
        let window = window.min(IDENTIFIERS);
        let mut headers = Headers::new();
        let mut events = vec![EpollEvent::empty(); self.flows.len()];
        let started = Instant::now();
        let mut swept = started;
        for flow in &mut self.flows {
            flow.send(window, &mut headers)?;
        }
        while self.flows.iter().any(|flow| flow.open > 0) {
            let patience = EpollTimeout::try_from(SWEEP)?;
            let ready = self.epoll.wait(&mut events, patience)?;
            for event in &events[..ready] {
                self.serve(event.data() as usize, window, &mut headers)?;
            }
            if swept.elapsed() >= SWEEP {
                swept = Instant::now();
                self.sweep(window, &mut headers)?;
            }
        }
        self.outcome.elapsed = self.last_reply - started;
        Ok(self.outcome)
    }

    /// Takes what one socket holds, and sends as much again.
    fn serve(&mut self, index: usize, window: usize, headers: &mut Headers) -> Result<(), Failure> {
        let flow = &mut self.flows[index];
        flow.receive(&self.secret, headers, &mut self.outcome.times)?;
        self.last_reply = Instant::now();
        flow.send(window, headers)
    }

    fn sweep(&mut self, window: usize, headers: &mut Headers) -> Result<(), Failure> {
        for flow in &mut self.flows {
            self.outcome.lost += flow.give_up_lost();
            flow.send(window, headers)?;
        }
        Ok(())
    }
}

/// `logins` in as many shares, as equal as can be.
fn shares(logins: &[Login], count: usize) -> impl Iterator<Item = &[Login]> {
    let at = move |index: usize| logins.len() * index / count;
    (0..count).map(move |index| &logins[at(index)..at(index + 1)])
}

/// One socket and the requests that go out on it, in order; identifiers run round.
#[derive(Debug)]
struct Flow {
    socket: UdpSocket,
    octets: Vec<u8>,
    requests: Vec<Prepared>,
    /// How many were sent.
    sent: usize,
    /// The request that an identifier stands for now.
    slots: Vec<Option<(usize, Instant)>>,
    open: usize,
}

#[derive(Debug)]
struct Prepared {
    octets: Range<usize>,
    authenticator: Authenticator,
}

/// What system calls for many packets need; made once.
struct Headers {
    outgoing: MultiHeaders<()>,
    incoming: MultiHeaders<()>,
    room: Vec<u8>,
}

impl Headers {
    fn new() -> Self {
        Self {
            outgoing: MultiHeaders::preallocate(BATCH, None),
            incoming: MultiHeaders::preallocate(BATCH, None),
            room: vec![0; BATCH * REPLY_OCTETS],
        }
    }
}

impl Flow {
    fn prepare(server: SocketAddr, secret: &Secret, logins: &[Login]) -> Result<Self, Failure> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.connect(server)?;
        socket.set_nonblocking(true)?;
        setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_OCTETS)?;
        let mut flow = Self {
            socket,
            octets: Vec::new(),
            requests: Vec::with_capacity(logins.len()),
            sent: 0,
            slots: vec![None; IDENTIFIERS],
            open: 0,
        };
        let mut authenticators = vec![Authenticator::default(); logins.len()];
        for authenticator in &mut authenticators {
            getrandom::fill(authenticator)?;
        }
        for (login, authenticator) in logins.iter().zip(authenticators) {
            flow.add(secret, login, authenticator)?;
        }
        Ok(flow)
    }

    fn add(
        &mut self,
        secret: &Secret,
        login: &Login,
        authenticator: Authenticator,
    ) -> Result<(), Failure> {
        let mut buffer = [0; PACKET_MAX];
        let length = request::pap(
            &mut buffer,
            secret,
            identifier(self.requests.len()),
            &authenticator,
            login.account.as_bytes(),
            login.code.as_bytes(),
        )
        .map_err(|error| error.to_string())?;
        let start = self.octets.len();
        self.octets.extend_from_slice(&buffer[..length]);
        self.requests.push(Prepared {
            octets: start..self.octets.len(),
            authenticator,
        });
        Ok(())
    }

    /// Sends until `window` are open. Stops before an identifier that is still in use.
    fn send(&mut self, window: usize, headers: &mut Headers) -> Result<(), Failure> {
        loop {
            let room = window.saturating_sub(self.open).min(BATCH);
            let last = (self.sent + room).min(self.requests.len());
            let free = (self.sent..last)
                .take_while(|&at| self.slots[usize::from(identifier(at))].is_none())
                .count();
            if free == 0 {
                return Ok(());
            }
            self.send_batch(free, headers)?;
        }
    }

    fn send_batch(&mut self, count: usize, headers: &mut Headers) -> Result<(), Failure> {
        let batch = &self.requests[self.sent..self.sent + count];
        let slices: Vec<[IoSlice<'_>; 1]> = batch
            .iter()
            .map(|request| [IoSlice::new(&self.octets[request.octets.clone()])])
            .collect();
        let now = Instant::now();
        let sent = sendmmsg(
            self.socket.as_raw_fd(),
            &mut headers.outgoing,
            &slices,
            vec![None; count],
            [],
            MsgFlags::empty(),
        )?
        .count();
        for at in self.sent..self.sent + sent {
            self.slots[usize::from(identifier(at))] = Some((at, now));
        }
        self.sent += sent;
        self.open += sent;
        Ok(())
    }

    /// Takes every reply that waits.
    fn receive(
        &mut self,
        secret: &Secret,
        headers: &mut Headers,
        times: &mut Vec<Duration>,
    ) -> Result<(), Failure> {
        loop {
            let mut pieces: Vec<[IoSliceMut<'_>; 1]> = headers
                .room
                .chunks_mut(REPLY_OCTETS)
                .map(|piece| [IoSliceMut::new(piece)])
                .collect();
            let received = recvmmsg(
                self.socket.as_raw_fd(),
                &mut headers.incoming,
                pieces.iter_mut(),
                MsgFlags::MSG_DONTWAIT,
                None,
            );
            let replies = match received {
                Ok(replies) => replies,
                Err(Errno::EAGAIN | Errno::EINTR) => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            let now = Instant::now();
            let mut count = 0;
            for reply in replies {
                count += 1;
                let octets = reply.iovs().next().unwrap_or_default();
                let slot = octets.get(1).map_or(0, |&id| usize::from(id));
                // One that comes after it was given up has been counted as lost.
                let Some((at, sent)) = self.slots[slot].take() else {
                    continue;
                };
                check(secret, slot as u8, &self.requests[at], octets)?;
                self.open -= 1;
                times.push(now - sent);
            }
            if count < BATCH {
                return Ok(());
            }
        }
    }

    /// Frees identifiers whose requests are lost; says how many.
    fn give_up_lost(&mut self) -> usize {
        let mut lost = 0;
        for slot in &mut self.slots {
            if slot.is_some_and(|(_, sent)| sent.elapsed() >= LOST_AFTER) {
                *slot = None;
                lost += 1;
            }
        }
        self.open -= lost;
        lost
    }
}

fn identifier(request: usize) -> u8 {
    (request % IDENTIFIERS) as u8
}

/// A right code must get an accept, and nobody but the server may have sent it.
fn check(
    secret: &Secret,
    identifier: u8,
    request: &Prepared,
    octets: &[u8],
) -> Result<(), Failure> {
    let reply = request::check_reply(secret, identifier, &request.authenticator, octets)
        .map_err(|error| format!("a reply is not authentic: {error}"))?;
    match reply.code() {
        Code::ACCESS_ACCEPT => Ok(()),
        other => Err(format!("a right code was answered with code {}", other.0).into()),
    }
}
