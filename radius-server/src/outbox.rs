//! Replies on their way out, many to one system call.

use std::io::IoSlice;
use std::net::SocketAddr;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::sync::Arc;

use nix::cmsg_space;
use nix::sys::socket::{ControlMessage, MsgFlags, MultiHeaders, SockaddrStorage, sendmmsg};
use sekisho_radius_protocol::server::Outgoing;

use crate::endpoints::{Endpoint, Endpoints, Source};
use crate::metrics::{Counter, Metrics};

/// Replies that wait before they are sent.
pub(crate) const BATCH: usize = 64;

/// Replies that wait for the next flush, never more than [`BATCH`].
#[derive(Debug)]
pub(crate) struct Outbox {
    endpoints: Arc<Endpoints>,
    known: Vec<Endpoint>,
    metrics: Arc<Metrics>,
    octets: Vec<u8>,
    replies: Vec<Reply>,
    /// One set for each kind of source: the room for control messages must fit exactly.
    bound: MultiHeaders<SockaddrStorage>,
    v4: MultiHeaders<SockaddrStorage>,
    v6: MultiHeaders<SockaddrStorage>,
}

#[derive(Debug)]
struct Reply {
    endpoint: u16,
    peer: SocketAddr,
    octets: Range<usize>,
}

impl Outbox {
    pub(crate) fn new(endpoints: Arc<Endpoints>, metrics: Arc<Metrics>) -> Self {
        let v4 = cmsg_space!(libc::in_pktinfo);
        let v6 = cmsg_space!(libc::in6_pktinfo);
        Self {
            endpoints,
            known: Vec::new(),
            metrics,
            octets: Vec::new(),
            replies: Vec::new(),
            bound: MultiHeaders::preallocate(BATCH, None),
            v4: MultiHeaders::preallocate(BATCH, Some(v4)),
            v6: MultiHeaders::preallocate(BATCH, Some(v6)),
        }
    }

    /// Takes a reply, and sends what waits when it is enough.
    pub(crate) fn push(&mut self, outgoing: &Outgoing<'_>) {
        let start = self.octets.len();
        self.octets.extend_from_slice(outgoing.octets);
        self.replies.push(Reply {
            endpoint: outgoing.socket,
            peer: outgoing.peer,
            octets: start..self.octets.len(),
        });
        if self.replies.len() >= BATCH {
            self.flush();
        }
    }

    /// Sends what waits.
    pub(crate) fn flush(&mut self) {
        if self.replies.is_empty() {
            return;
        }
        let highest = self.replies.iter().map(|reply| reply.endpoint).max();
        if highest.is_some_and(|highest| usize::from(highest) >= self.known.len()) {
            self.endpoints.update(&mut self.known);
        }
        let replies = std::mem::take(&mut self.replies);
        for run in replies.chunk_by(|a, b| a.endpoint == b.endpoint) {
            self.send(run);
        }
        self.replies = replies;
        self.replies.clear();
        self.octets.clear();
    }

    /// Sends replies that leave from one endpoint. One that can not be sent is passed over: the
    /// client asks again, and gets it from the duplicate cache.
    fn send(&mut self, mut run: &[Reply]) {
        let Some(endpoint) = run
            .first()
            .and_then(|reply| self.known.get(usize::from(reply.endpoint)))
        else {
            return self.metrics.add(Counter::SendFailed, run.len());
        };
        while !run.is_empty() {
            let headers = match endpoint.source {
                Source::Bound => &mut self.bound,
                Source::V4(_) => &mut self.v4,
                Source::V6(..) => &mut self.v6,
            };
            let sent = send_some(endpoint, headers, &self.octets, run).unwrap_or(0);
            if sent == 0 {
                self.metrics.count(Counter::SendFailed);
            }
            run = &run[sent.max(1)..];
        }
    }
}

/// Sends as many as the kernel takes. Never waits: a full network card must not stop the logins
/// of others.
fn send_some(
    endpoint: &Endpoint,
    headers: &mut MultiHeaders<SockaddrStorage>,
    octets: &[u8],
    run: &[Reply],
) -> nix::Result<usize> {
    let slices: Vec<[IoSlice<'_>; 1]> = run
        .iter()
        .map(|reply| [IoSlice::new(&octets[reply.octets.clone()])])
        .collect();
    let peers: Vec<Option<SockaddrStorage>> =
        run.iter().map(|reply| Some(reply.peer.into())).collect();
    let (v4, v6) = (pktinfo_v4(endpoint.source), pktinfo_v6(endpoint.source));
    let source: Vec<ControlMessage<'_>> = v4
        .iter()
        .map(ControlMessage::Ipv4PacketInfo)
        .chain(v6.iter().map(ControlMessage::Ipv6PacketInfo))
        .collect();
    let sent = sendmmsg(
        endpoint.socket.as_raw_fd(),
        headers,
        &slices,
        peers,
        source,
        MsgFlags::MSG_DONTWAIT,
    )?;
    Ok(sent.count())
}

fn pktinfo_v4(source: Source) -> Option<libc::in_pktinfo> {
    let Source::V4(address) = source else {
        return None;
    };
    Some(libc::in_pktinfo {
        ipi_ifindex: 0,
        ipi_spec_dst: libc::in_addr {
            s_addr: address.to_bits().to_be(),
        },
        ipi_addr: libc::in_addr { s_addr: 0 },
    })
}

fn pktinfo_v6(source: Source) -> Option<libc::in6_pktinfo> {
    let Source::V6(address, interface) = source else {
        return None;
    };
    Some(libc::in6_pktinfo {
        ipi6_addr: libc::in6_addr {
            s6_addr: address.octets(),
        },
        ipi6_ifindex: interface,
    })
}
