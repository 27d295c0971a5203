//! The door of gateways: a RADIUS client of ours that can race, and the real radclient.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::process::Command;
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use sekisho_radius_protocol::authenticator::Authenticator;
use sekisho_radius_protocol::packet::PACKET_MAX;
use sekisho_radius_protocol::{AttributeType, Code, Secret, request};

use crate::Verdict;
use crate::process::{self, Finished};

/// The secret that servers in tests share with everybody on loopback. Some gateways would cut it at
/// a blank.
pub const SECRET: &str = "a-shared-secret-of-32-octets....";
/// Octets before the attributes.
const HEADER: usize = 20;
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

/// A packet that is put together octet by octet, right or wrong; with nothing of what it is to test.
#[derive(Debug, Clone)]
pub struct Raw {
    code: u8,
    identifier: u8,
    authenticator: Authenticator,
    attributes: Vec<u8>,
    seal_at: Option<usize>,
}

impl Raw {
    /// A packet without attributes.
    pub fn new(code: u8, identifier: u8) -> Self {
        Self {
            code,
            identifier,
            authenticator: random(),
            attributes: Vec::new(),
            seal_at: None,
        }
    }

    /// An Access-Request of `user`.
    pub fn access(identifier: u8, user: &str) -> Self {
        Self::new(1, identifier).with(1, user.as_bytes())
    }

    /// An Accounting-Request: start 1, stop 2, interim 3, on 7, off 8.
    pub fn accounting(identifier: u8, status: u8) -> Self {
        Self::new(4, identifier).with(40, &[0, 0, 0, status])
    }

    /// Adds an attribute.
    pub fn with(self, kind: u8, value: &[u8]) -> Self {
        let length = u8::try_from(value.len() + 2).expect("at most 253 octets");
        self.octets(&[kind, length]).octets(value)
    }

    /// Adds an attribute of a vendor.
    pub fn vendor(self, vendor: u32, kind: u8, value: &[u8]) -> Self {
        let length = u8::try_from(value.len() + 2).expect("a short value");
        let mut all = vendor.to_be_bytes().to_vec();
        all.extend([kind, length]);
        all.extend(value);
        self.with(26, &all)
    }

    /// Adds octets as they are.
    pub fn octets(mut self, octets: &[u8]) -> Self {
        self.attributes.extend(octets);
        self
    }

    /// Adds a User-Password (RFC 2865 section 5.2).
    pub fn password(self, password: &[u8]) -> Self {
        let hidden = self.hide(password);
        self.with(2, &hidden)
    }

    /// A password as it is hidden in this packet.
    pub fn hide(&self, password: &[u8]) -> Vec<u8> {
        let mut clear = password.to_vec();
        clear.resize(password.len().max(1).next_multiple_of(16), 0);
        let mut before = self.authenticator.to_vec();
        let mut hidden = Vec::new();
        for block in clear.chunks(16) {
            let mut hash = Md5::new();
            hash.update(SECRET);
            hash.update(&before);
            before = block
                .iter()
                .zip(hash.finalize())
                .map(|(a, b)| a ^ b)
                .collect();
            hidden.extend(&before);
        }
        hidden
    }

    /// Adds a CHAP-Password over the Request Authenticator (RFC 2865 section 5.3).
    pub fn chap(self, password: &[u8]) -> Self {
        let mut hash = Md5::new();
        hash.update([7]);
        hash.update(password);
        hash.update(self.authenticator);
        let mut value = vec![7];
        value.extend(hash.finalize());
        self.with(3, &value)
    }

    /// Adds a Message-Authenticator, which is right in the end.
    pub fn sealed(mut self) -> Self {
        self.seal_at = Some(HEADER + self.attributes.len() + 2);
        self.with(80, &[0; 16])
    }

    /// The packet.
    pub fn build(&self) -> Request {
        let mut octets = vec![self.code, self.identifier];
        let length = u16::try_from(HEADER + self.attributes.len()).expect("a datagram");
        octets.extend(length.to_be_bytes());
        let reports = self.code == 4;
        octets.extend(if reports {
            Authenticator::default()
        } else {
            self.authenticator
        });
        octets.extend(&self.attributes);
        if let Some(at) = self.seal_at {
            seal(&mut octets, at);
        }
        if reports {
            sign_report(&mut octets);
        }
        Request::of(octets)
    }
}

/// Writes a right Request Authenticator of an Accounting-Request (RFC 2866 section 3).
pub fn sign_report(octets: &mut [u8]) {
    octets[4..HEADER].fill(0);
    let mut hash = Md5::new();
    hash.update(&octets);
    hash.update(SECRET);
    octets[4..HEADER].copy_from_slice(&hash.finalize());
}

/// Writes a right Response Authenticator over the request's, which stands there.
pub fn sign_reply(octets: &mut [u8]) {
    let mut hash = Md5::new();
    hash.update(&octets);
    hash.update(SECRET);
    octets[4..HEADER].copy_from_slice(&hash.finalize());
}

/// Writes a right Message-Authenticator at `at`, where 16 octets of anything are.
pub fn seal(octets: &mut [u8], at: usize) {
    octets[at..at + 16].fill(0);
    let mut mac = Hmac::<Md5>::new_from_slice(SECRET.as_bytes()).expect("any length will do");
    mac.update(octets);
    octets[at..at + 16].copy_from_slice(&mac.finalize().into_bytes());
}

impl Request {
    /// The State of the Access-Challenge that a reply must be.
    #[track_caller]
    pub fn state(&self, reply: &[u8]) -> Vec<u8> {
        let packet = request::check_reply(&secret(), self.identifier, &self.authenticator, reply)
            .expect("the reply is authentic");
        assert_eq!(packet.code(), Code::ACCESS_CHALLENGE, "{reply:?}");
        let state = packet.attributes().find(|a| a.kind == AttributeType::STATE);
        state.expect("a challenge has a State").value.to_vec()
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

    /// A gateway that sends from this address of loopback.
    pub fn at(source: IpAddr, server: SocketAddr) -> Self {
        let socket = UdpSocket::bind((source, 0)).expect("a socket on loopback");
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

    /// Sends any octets.
    pub fn send_octets(&self, octets: &[u8]) {
        let _ = self.socket.send(octets);
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
    radclient_to(server, "auth", attributes)
}

/// The same for any of its commands: `auth`, `acct`, `status`, `disconnect`.
pub fn radclient_to(server: SocketAddr, what: &str, attributes: &str) -> Finished {
    let mut command: Command = process::leashed("radclient");
    command
        .args([
            "-x",
            "-r",
            "1",
            "-t",
            if what == "auth" { "5" } else { "2" },
        ])
        .arg(server.to_string())
        .args([what, SECRET]);
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
