//! The door of gateways: a RADIUS client of ours that can race, and the real radclient.

use std::net::{SocketAddr, UdpSocket};
use std::process::Command;
use std::time::{Duration, Instant};

use sekisho_radius_protocol::authenticator::Authenticator;
use sekisho_radius_protocol::packet::PACKET_MAX;
use sekisho_radius_protocol::{Code, Secret, request};

use crate::Verdict;
use crate::process::{self, Finished};

/// The secret that servers in tests share with everybody on loopback.
pub const SECRET: &str = "a shared secret of 32 octets....";
/// How long radclient may take.
const LIMIT: Duration = Duration::from_secs(10);
/// How long a gateway waits before it sends a request again.
const RETRANSMISSION: Duration = Duration::from_secs(2);
/// How often it sends it.
const TRIES: usize = 10;

/// The shared secret.
pub fn secret() -> Secret {
    Secret::new(SECRET.as_bytes()).expect("it is not empty")
}

/// A request, as it is sent and as its reply is checked.
#[derive(Debug, Clone)]
pub struct Request {
    /// The datagram.
    pub octets: Vec<u8>,
    identifier: u8,
    authenticator: Authenticator,
}

impl Request {
    /// A PAP login.
    pub fn pap(identifier: u8, user: &[u8], password: &[u8]) -> Self {
        let authenticator = random();
        let mut buffer = [0; PACKET_MAX];
        let length = request::pap(
            &mut buffer,
            &secret(),
            identifier,
            &authenticator,
            user,
            password,
        )
        .expect("a login fits into a packet");
        Self {
            octets: buffer[..length].to_vec(),
            identifier,
            authenticator,
        }
    }

    /// A Status-Server.
    pub fn status(identifier: u8) -> Self {
        let authenticator = random();
        let mut buffer = [0; PACKET_MAX];
        let length = request::status_server(&mut buffer, &secret(), identifier, &authenticator)
            .expect("it fits into a packet");
        Self {
            octets: buffer[..length].to_vec(),
            identifier,
            authenticator,
        }
    }

    /// A datagram of one's own making.
    pub fn of(octets: Vec<u8>) -> Self {
        let authenticator = octets[4..20].try_into().expect("a packet has a header");
        Self {
            identifier: octets[1],
            authenticator,
            octets,
        }
    }

    /// Its Request Authenticator.
    pub fn authenticator(&self) -> &Authenticator {
        &self.authenticator
    }

    /// What a reply means. One that is not from the server fails the test.
    #[track_caller]
    pub fn verdict(&self, reply: &[u8]) -> Verdict {
        let packet = request::check_reply(&secret(), self.identifier, &self.authenticator, reply)
            .expect("the reply is authentic");
        match packet.code() {
            Code::ACCESS_ACCEPT => Verdict::Accept,
            Code::ACCESS_REJECT => Verdict::Reject,
            other => panic!("the server answered with code {}", other.0),
        }
    }
}

/// 16 octets that nobody can predict.
pub fn random() -> Authenticator {
    let mut octets = Authenticator::default();
    getrandom::fill(&mut octets).expect("the kernel has random octets");
    octets
}

/// A gateway: one socket.
#[derive(Debug)]
pub struct Nas {
    socket: UdpSocket,
    next: u8,
}

impl Nas {
    /// A gateway on loopback that talks to `server`.
    pub fn new(server: SocketAddr) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket on loopback");
        socket.connect(server).expect("loopback is connected");
        Self { socket, next: 0 }
    }

    /// A login that is ready to be sent.
    pub fn prepare(&mut self, user: &str, code: &str) -> Request {
        self.next = self.next.wrapping_add(1);
        Request::pap(self.next, user.as_bytes(), code.as_bytes())
    }

    /// Sends it; the same request again is a retransmission.
    pub fn send(&self, request: &Request) {
        // A server that is not there is told by an error that belongs to an earlier datagram.
        let _ = self.socket.send(&request.octets);
    }

    /// The next reply, or nothing by the end of `limit`.
    pub fn receive(&self, limit: Duration) -> Option<Vec<u8>> {
        let deadline = Instant::now() + limit;
        let mut buffer = [0; PACKET_MAX];
        loop {
            let left = deadline.checked_duration_since(Instant::now())?;
            self.socket
                .set_read_timeout(Some(left.max(Duration::from_millis(1))))
                .expect("a time limit can be set");
            match self.socket.recv(&mut buffer) {
                Ok(length) => return Some(buffer[..length].to_vec()),
                // Nobody listens there: wait as a gateway would.
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {}
                Err(_) => return None,
            }
        }
    }

    /// Sends a request and waits for its reply.
    #[track_caller]
    pub fn ask(&self, request: &Request, limit: Duration) -> Verdict {
        self.send(request);
        match self.receive(limit) {
            Some(reply) => request.verdict(&reply),
            None => Verdict::Silent,
        }
    }

    /// One login, with retransmissions as gateways send them.
    #[track_caller]
    pub fn login(&mut self, user: &str, code: &str) -> Verdict {
        let request = self.prepare(user, code);
        self.insist(&request, RETRANSMISSION)
    }

    /// Sends a request again after each `pause`, as gateways do, until there is a reply.
    #[track_caller]
    pub fn insist(&self, request: &Request, pause: Duration) -> Verdict {
        for _ in 0..TRIES {
            match self.ask(request, pause) {
                Verdict::Silent => {}
                decided => return decided,
            }
        }
        Verdict::Silent
    }
}

/// Runs the real radclient once; `attributes` as its input takes them.
pub fn radclient(server: SocketAddr, attributes: &str) -> Finished {
    let mut command: Command = process::leashed("radclient");
    command
        .args(["-x", "-r", "1", "-t", "5"])
        .arg(server.to_string())
        .args(["auth", SECRET]);
    process::run(&mut command, attributes.as_bytes(), LIMIT)
}

/// A login by radclient.
pub fn radclient_login(server: SocketAddr, user: &str, code: &str) -> Verdict {
    let attributes = format!(
        "User-Name = \"{user}\"\nUser-Password = \"{code}\"\nMessage-Authenticator = 0x00\n"
    );
    let done = radclient(server, &attributes);
    let received = |what: &str| done.stdout.contains(&format!("Received {what}"));
    match (received("Access-Accept"), received("Access-Reject")) {
        (true, false) => Verdict::Accept,
        (false, true) => Verdict::Reject,
        (false, false) => Verdict::Silent,
        (true, true) => panic!("two replies: {done}"),
    }
}
