//! Our side of a conversation: a socket, and which of our addresses a datagram was sent to.
//!
//! A reply must leave from the address that the request went to, or the client drops it. On a
//! socket that is bound to all addresses the kernel would choose by route, so we remember the
//! address and ask for it. An endpoint is also what RFC 5080 section 2.2.2 means by the receiving
//! socket, and so a part of the key of the duplicate cache.

use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, PoisonError, RwLock};

use nix::sys::socket::ControlMessageOwned;
use socket2::Socket;

/// Endpoints that are told apart. Our own addresses are few; above this the kernel chooses.
const ENDPOINTS_MAX: usize = 4_096;
/// Of which so many are loopback addresses, of which any local user has millions.
const LOOPBACKS_MAX: usize = 256;

/// From where a reply leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    /// The socket is bound to one address, or the address is not known.
    Bound,
    /// This address of ours.
    V4(Ipv4Addr),
    /// This address of ours; the interface counts for link-local addresses, and is 0 for others.
    V6(Ipv6Addr, u32),
}

impl Source {
    /// Reads what the kernel says about where a datagram was sent to.
    pub(crate) fn from_message(message: &ControlMessageOwned) -> Option<Self> {
        match message {
            ControlMessageOwned::Ipv4PacketInfo(info) => {
                let address = Ipv4Addr::from_bits(u32::from_be(info.ipi_spec_dst.s_addr));
                Some(Self::V4(address))
            }
            ControlMessageOwned::Ipv6PacketInfo(info) => {
                let address = Ipv6Addr::from(info.ipi6_addr.s6_addr);
                let interface = if address.is_unicast_link_local() {
                    info.ipi6_ifindex
                } else {
                    0
                };
                Some(Self::V6(address, interface))
            }
            _ => None,
        }
    }

    fn is_loopback(self) -> bool {
        matches!(self, Self::V4(address) if address.is_loopback())
    }
}

/// A socket and a source.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    pub(crate) socket: Arc<Socket>,
    pub(crate) source: Source,
}

/// All endpoints that were seen. They are only added, by the listeners.
#[derive(Debug, Default)]
pub(crate) struct Endpoints {
    all: RwLock<Vec<Endpoint>>,
}

impl Endpoints {
    fn add(&self, endpoint: Endpoint) -> Option<u16> {
        // A panic aborts the daemon, so a poisoned lock is never seen.
        let mut all = self.all.write().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= ENDPOINTS_MAX {
            return None;
        }
        all.push(endpoint);
        u16::try_from(all.len() - 1).ok()
    }

    /// Adds those that `known` does not have yet.
    pub(crate) fn update(&self, known: &mut Vec<Endpoint>) {
        let all = self.all.read().unwrap_or_else(PoisonError::into_inner);
        known.extend_from_slice(&all[known.len()..]);
    }
}

/// The endpoints of one socket, for the thread that reads it.
#[derive(Debug)]
pub(crate) struct OfSocket {
    socket: Arc<Socket>,
    endpoints: Arc<Endpoints>,
    bound: u16,
    numbers: HashMap<Source, u16>,
    loopbacks: usize,
}

impl OfSocket {
    /// `None` if there are too many sockets.
    pub(crate) fn new(socket: Arc<Socket>, endpoints: Arc<Endpoints>) -> Option<Self> {
        let bound = endpoints.add(Endpoint {
            socket: Arc::clone(&socket),
            source: Source::Bound,
        })?;
        Some(Self {
            socket,
            endpoints,
            bound,
            numbers: HashMap::from([(Source::Bound, bound)]),
            loopbacks: 0,
        })
    }

    /// The number of the endpoint with this source.
    pub(crate) fn number(&mut self, source: Source) -> u16 {
        if let Some(&number) = self.numbers.get(&source) {
            return number;
        }
        if source.is_loopback() {
            if self.loopbacks == LOOPBACKS_MAX {
                return self.bound;
            }
            self.loopbacks += 1;
        }
        let endpoint = Endpoint {
            socket: Arc::clone(&self.socket),
            source,
        };
        let number = self.endpoints.add(endpoint).unwrap_or(self.bound);
        if self.numbers.len() < ENDPOINTS_MAX {
            self.numbers.insert(source, number);
        }
        number
    }
}
