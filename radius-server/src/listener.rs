//! The sockets, and for each a thread that empties it and does nothing else.
//!
//! The kernel's buffer is small and drops in silence; a burst is survived only by taking datagrams
//! out as fast as they come.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::thread;

use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, MultiHeaders, RecvMsg, SockaddrStorage, recvmmsg, sockopt};
use sekisho_radius_protocol::packet::PACKET_MAX;
use socket2::{Domain, Protocol, Socket, Type};

use crate::endpoints::{Endpoints, OfSocket, Source};
use crate::mailbox::{Mailbox, Port};
use crate::metrics::{Counter, Metrics};

/// Datagrams that one system call takes.
const BATCH: usize = 64;

/// A socket that is open and not read yet.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: Arc<Socket>,
    port: Port,
    /// Where it listens, with the port that the kernel chose if 0 was asked for.
    pub(crate) address: SocketAddr,
    /// What the kernel gave for the receive buffer, in its own accounting.
    pub(crate) receive_buffer: usize,
}

impl Listener {
    /// Opens a socket for `port` and asks for a receive buffer of `octets`.
    pub(crate) fn open(port: Port, address: SocketAddr, octets: usize) -> io::Result<Self> {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::DGRAM,
            Some(Protocol::UDP),
        )?;
        if address.is_ipv6() {
            // IPv4 has sockets of its own; both kinds may be bound to all addresses.
            socket.set_only_v6(true)?;
        }
        if address.ip().is_unspecified() {
            ask_for_destinations(&socket, address)?;
        }
        grow_receive_buffer(&socket, octets);
        // Replies are small; what does not fit at once is in the duplicate cache.
        let _ = socket.set_send_buffer_size(octets);
        socket.bind(&address.into())?;
        let address = socket.local_addr()?.as_socket().unwrap_or(address);
        Ok(Self {
            receive_buffer: socket.recv_buffer_size()?,
            socket: Arc::new(socket),
            port,
            address,
        })
    }

    /// Starts to read. The thread ends with the process.
    pub(crate) fn start(
        self,
        endpoints: &Arc<Endpoints>,
        mailbox: Arc<Mailbox>,
        metrics: Arc<Metrics>,
    ) -> io::Result<()> {
        let endpoints = OfSocket::new(Arc::clone(&self.socket), Arc::clone(endpoints))
            .ok_or_else(|| io::Error::other("too many sockets"))?;
        let reader = Reader {
            socket: self.socket,
            port: self.port,
            endpoints,
            mailbox,
            metrics,
        };
        thread::Builder::new()
            .name("listener".into())
            .spawn(move || reader.run())?;
        Ok(())
    }
}

/// True where a machine has no IPv6 at all: then nobody can send to `[::]` either, and to listen
/// there, as the settings do unless told otherwise, is no mistake.
pub(crate) fn is_family_missing(address: SocketAddr, error: &io::Error) -> bool {
    let missing = error.raw_os_error() == Some(Errno::EAFNOSUPPORT as i32)
        || error.kind() == io::ErrorKind::AddrNotAvailable;
    address.is_ipv6() && address.ip().is_unspecified() && missing
}

/// Lets the kernel say with each datagram which of our addresses it was sent to.
fn ask_for_destinations(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    if address.is_ipv4() {
        nix::sys::socket::setsockopt(socket, sockopt::Ipv4PacketInfo, &true)?;
    } else {
        nix::sys::socket::setsockopt(socket, sockopt::Ipv6RecvPacketInfo, &true)?;
    }
    Ok(())
}

/// More than net.core.rmem_max needs CAP_NET_ADMIN. With less, the thread must be faster.
fn grow_receive_buffer(socket: &Socket, octets: usize) {
    if nix::sys::socket::setsockopt(socket, sockopt::RcvBufForce, &octets).is_err() {
        // The kernel cuts the wish down and does not fail; what it gave is logged.
        let _ = socket.set_recv_buffer_size(octets);
    }
}

struct Reader {
    socket: Arc<Socket>,
    port: Port,
    endpoints: OfSocket,
    mailbox: Arc<Mailbox>,
    metrics: Arc<Metrics>,
}

impl Reader {
    fn run(mut self) {
        let mut room = vec![0; BATCH * PACKET_MAX];
        let destination = cmsg_space!(libc::in6_pktinfo);
        let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(BATCH, Some(destination));
        loop {
            // What is longer than a packet is cut: it was padding.
            let mut slices: [[io::IoSliceMut<'_>; 1]; BATCH] = {
                let mut pieces = room.chunks_mut(PACKET_MAX);
                std::array::from_fn(|_| [io::IoSliceMut::new(pieces.next().unwrap_or_default())])
            };
            match recvmmsg(
                self.socket.as_raw_fd(),
                &mut headers,
                slices.iter_mut(),
                MsgFlags::MSG_WAITFORONE,
                None,
            ) {
                Ok(received) => self.deliver(received),
                // A signal, or an ICMP error that an earlier reply caused.
                Err(Errno::EINTR | Errno::ECONNREFUSED) => {}
                // Out of memory, for instance: without a pause this would burn a core.
                Err(_) => thread::sleep(std::time::Duration::from_millis(10)),
            }
        }
    }

    fn deliver<'m>(&mut self, received: impl Iterator<Item = RecvMsg<'m, 'm, SockaddrStorage>>) {
        let endpoints = &mut self.endpoints;
        let mut count = 0;
        let datagrams = received.filter_map(|message| {
            count += 1;
            let source = message
                .cmsgs()
                .ok()
                .and_then(|mut all| all.find_map(|one| Source::from_message(&one)));
            Some((
                std_address(message.address.as_ref()?)?,
                endpoints.number(source.unwrap_or(Source::Bound)),
                message.iovs().next().unwrap_or_default(),
            ))
        });
        let lost = self.mailbox.deliver(self.port, datagrams);
        self.metrics.add(Counter::Received, count);
        self.metrics.add(Counter::QueueFull, lost);
    }
}

fn std_address(address: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = address.as_sockaddr_in() {
        return Some(SocketAddr::V4((*v4).into()));
    }
    Some(SocketAddr::V6((*address.as_sockaddr_in6()?).into()))
}
