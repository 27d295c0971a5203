//! One request, sent again until a reply comes that can be trusted.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::reply::Reply;

/// The largest packet (RFC 2865 section 3), and one more octet to see that it is larger.
const DATAGRAM_OCTETS_MAX: usize = 4_097;

/// What came of a request.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The last reply, the authentic one if there was one; `None` if nobody answered.
    pub reply: Option<Reply>,
    /// From the first sending to the reply.
    pub time: Duration,
    /// How often the request was sent.
    pub sent: u8,
}

/// Sends `request`, and sends the same octets again after each `timeout` without an authentic reply.
pub(crate) fn exchange(
    server: SocketAddr,
    request: &[u8],
    secret: &[u8],
    timeout: Duration,
    retries: u8,
) -> io::Result<Outcome> {
    let any: SocketAddr = match server {
        SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
        SocketAddr::V6(_) => ([0u16; 8], 0).into(),
    };
    let socket = UdpSocket::bind(any)?;
    // From then on the kernel drops what comes from elsewhere, and tells if nobody listens.
    socket.connect(server)?;
    let start = Instant::now();
    let mut outcome = Outcome {
        reply: None,
        time: Duration::ZERO,
        sent: 0,
    };
    while outcome.sent <= retries {
        socket.send(request)?;
        outcome.sent += 1;
        let deadline = Instant::now() + timeout;
        while let Some(reply) = receive(&socket, request, secret, deadline)? {
            outcome.time = start.elapsed();
            let authentic = reply.is_authentic();
            outcome.reply = Some(reply);
            if authentic {
                return Ok(outcome);
            }
        }
        // Somebody answers, but with another secret: asking again would change nothing.
        if outcome.reply.is_some() {
            break;
        }
    }
    Ok(outcome)
}

/// The next well-formed reply to our request, or `None` when the time is over.
fn receive(
    socket: &UdpSocket,
    request: &[u8],
    secret: &[u8],
    deadline: Instant,
) -> io::Result<Option<Reply>> {
    let mut datagram = Zeroizing::new([0; DATAGRAM_OCTETS_MAX]);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        socket.set_read_timeout(Some(left))?;
        match socket.recv(&mut datagram[..]) {
            Ok(length) => {
                if let Some(reply) = Reply::read(&datagram[..length], request, secret) {
                    return Ok(Some(reply));
                }
            }
            Err(e) if is_transient(&e) => {}
            Err(e) => return Err(e),
        }
    }
}

fn is_transient(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
    )
}
