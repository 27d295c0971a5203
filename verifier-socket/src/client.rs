//! A small blocking client: connect, ask, close. What PAM and the CLI link.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
use zeroize::Zeroize;

#[cfg(feature = "admin")]
use crate::FRAME_MAX;
use crate::{
    ATTEMPT_FRAME_MAX, Envelope, FrameError, LENGTH_OCTETS, Reply, Request, TrustError, check_peer,
    decode, encode, frame_length,
};

/// Why there is no reply. None of these says anything about the code.
#[derive(Debug)]
pub enum ClientError {
    /// Nobody listens, or the time limit passed.
    Io(io::Error),
    /// The socket is not the verifier's.
    Trust(TrustError),
    /// What came back is no frame of ours.
    Frame(FrameError),
    /// The reply belongs to another request.
    WrongReply,
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                f.write_str("the verifier closed the connection in the middle of a reply")
            }
            Self::Io(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                ) =>
            {
                f.write_str("the verifier did not answer in time")
            }
            Self::Io(error) => write!(f, "the verifier can not be reached: {error}"),
            Self::Trust(error) => write!(f, "the socket is not trusted: {error}"),
            Self::Frame(error) => write!(f, "the verifier's reply: {error}"),
            Self::WrongReply => f.write_str("the verifier answered another request"),
        }
    }
}

impl std::error::Error for ClientError {}

impl From<io::Error> for ClientError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<FrameError> for ClientError {
    fn from(error: FrameError) -> Self {
        Self::Frame(error)
    }
}

/// How long to wait before trying again while the verifier's backlog is full.
const BACKLOG_PAUSE: Duration = Duration::from_millis(10);

/// One connection to the verifier, used for one request after the other.
///
/// Every call takes the moment by which it must have ended; after an error the connection is of
/// no further use.
#[derive(Debug)]
pub struct Client {
    stream: UnixStream,
    next_id: u64,
}

impl Client {
    /// Connects to the socket at `path` and checks whose it is.
    pub fn connect(path: &Path, deadline: Instant) -> Result<Self, ClientError> {
        let stream = connect_by(path, deadline)?;
        check_peer(path, &stream).map_err(ClientError::Trust)?;
        Ok(Self {
            stream,
            // Not a secret: it only has to differ from what another connection uses.
            next_id: RandomState::new().hash_one(path),
        })
    }

    /// Sends `request` and waits for its reply.
    pub fn call(&mut self, request: Request, deadline: Instant) -> Result<Reply, ClientError> {
        let id = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        let limit = frame_limit(&request);
        let mut frame = Vec::with_capacity(limit);
        encode(&Envelope { id, body: request }, &mut frame)?;
        let sent = self.send(&frame, deadline);
        // The frame holds what somebody typed.
        frame.zeroize();
        sent?;
        let mut body = self.receive(limit, deadline)?;
        let reply = decode::<Reply>(&body);
        // A reply may hold a fresh seed.
        body.zeroize();
        let reply = reply?;
        if reply.id != id {
            return Err(ClientError::WrongReply);
        }
        Ok(reply.body)
    }

    fn send(&mut self, mut octets: &[u8], deadline: Instant) -> Result<(), ClientError> {
        while !octets.is_empty() {
            self.stream.set_write_timeout(Some(left(deadline)?))?;
            match self.stream.write(octets) {
                Ok(0) => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
                Ok(written) => octets = &octets[written..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn receive(&mut self, limit: usize, deadline: Instant) -> Result<Vec<u8>, ClientError> {
        let mut head = [0; LENGTH_OCTETS];
        self.fill(&mut head, deadline)?;
        let length = frame_length(&head, limit)?.unwrap_or(0);
        let mut body = vec![0; length];
        self.fill(&mut body, deadline)?;
        Ok(body)
    }

    fn fill(&mut self, mut target: &mut [u8], deadline: Instant) -> Result<(), ClientError> {
        while !target.is_empty() {
            self.stream.set_read_timeout(Some(left(deadline)?))?;
            match self.stream.read(target) {
                Ok(0) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                Ok(count) => target = &mut target[count..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// The largest frame for a request of this kind and for its reply. Room for all of it is taken at
/// once: a frame that has to move while it grows would leave a copy of a typed code or a seed behind.
fn frame_limit(request: &Request) -> usize {
    match request {
        Request::Ask(_)
        | Request::Attempt(_)
        | Request::Start(_)
        | Request::LoginSession { .. } => ATTEMPT_FRAME_MAX,
        #[cfg(feature = "admin")]
        Request::Admin { .. } => FRAME_MAX,
        #[cfg(feature = "radius")]
        Request::Password(_)
        | Request::StateKeys
        | Request::Session(_)
        | Request::AwaitOrders
        | Request::Ended(_)
        | Request::Seen(_) => crate::RADIUS_FRAME_MAX,
    }
}

/// Connects without ever waiting in the kernel: a verifier that is stopped has a full backlog,
/// where a blocking connect would hang without end.
fn connect_by(path: &Path, deadline: Instant) -> Result<UnixStream, ClientError> {
    let address = UnixAddr::new(path).map_err(io::Error::from)?;
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Unix, SockType::Stream, flags, None);
    let stream = UnixStream::from(socket.map_err(io::Error::from)?);
    loop {
        match connect(stream.as_raw_fd(), &address) {
            Ok(()) => break,
            Err(Errno::EAGAIN | Errno::EINTR) => {
                std::thread::sleep(left(deadline)?.min(BACKLOG_PAUSE));
            }
            Err(error) => return Err(io::Error::from(error).into()),
        }
    }
    stream.set_nonblocking(false)?;
    Ok(stream)
}

/// What is left until `deadline`; a peer that sends one octet a second does not get past it.
fn left(deadline: Instant) -> Result<Duration, ClientError> {
    deadline
        .checked_duration_since(Instant::now())
        .filter(|rest| !rest.is_zero())
        .ok_or_else(|| io::Error::from(io::ErrorKind::TimedOut).into())
}
