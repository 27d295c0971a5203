//! A gateway.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use sekisho_radius_protocol::request::{check_reply, pap, status_server};
use sekisho_radius_protocol::{Code, Packet, Secret};

pub(crate) const SECRET: &str = "a shared secret of 32 octets....";
/// Long enough for an answer on a busy machine, short enough to wait for silence.
pub(crate) const QUIET: Duration = Duration::from_millis(700);

/// A request that was made, so that its reply can be checked.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) octets: Vec<u8>,
    pub(crate) identifier: u8,
    pub(crate) authenticator: [u8; 16],
}

pub(crate) struct Gateway {
    pub(crate) socket: UdpSocket,
    server: SocketAddr,
    secret: Secret,
    made: u64,
}

impl Gateway {
    pub(crate) fn new(server: SocketAddr) -> Self {
        let any = if server.is_ipv4() {
            "127.0.0.1:0"
        } else {
            "[::1]:0"
        };
        Self::at(any, server, SECRET)
    }

    pub(crate) fn at(from: &str, server: SocketAddr, secret: &str) -> Self {
        let socket = UdpSocket::bind(from).expect("a free port");
        socket.set_read_timeout(Some(QUIET)).expect("not zero");
        Self {
            socket,
            server,
            secret: Secret::new(secret.as_bytes()).expect("not empty"),
            made: 0,
        }
    }

    /// An authenticator of its own for each request; unpredictable it need not be here.
    fn next(&mut self) -> (u8, [u8; 16]) {
        self.made += 1;
        let mut authenticator = [0; 16];
        authenticator[..8].copy_from_slice(&self.made.to_be_bytes());
        (self.made as u8, authenticator)
    }

    pub(crate) fn request(&mut self, account: &str, code: &str) -> Request {
        let (identifier, authenticator) = self.next();
        let mut buffer = [0; 512];
        let length = pap(
            &mut buffer,
            &self.secret,
            identifier,
            &authenticator,
            account.as_bytes(),
            code.as_bytes(),
        )
        .expect("short names");
        Request {
            octets: buffer[..length].to_vec(),
            identifier,
            authenticator,
        }
    }

    pub(crate) fn send(&self, octets: &[u8]) {
        self.socket
            .send_to(octets, self.server)
            .expect("loopback takes it");
    }

    /// The next datagram from the server's address, or nothing.
    pub(crate) fn receive(&self) -> Option<Vec<u8>> {
        let mut buffer = [0; 4096];
        let (length, from) = loop {
            match self.socket.recv_from(&mut buffer) {
                Ok(received) => break received,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
                // Children of other tests end now and then.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("{error}"),
            }
        };
        assert_eq!(from, self.server, "a client would drop this reply");
        Some(buffer[..length].to_vec())
    }

    #[track_caller]
    pub(crate) fn check(&self, request: &Request, reply: &[u8]) -> Code {
        let packet: Packet<'_> = check_reply(
            &self.secret,
            request.identifier,
            &request.authenticator,
            reply,
        )
        .expect("an authentic reply");
        packet.code()
    }

    /// Sends a login and waits for its reply.
    #[track_caller]
    pub(crate) fn login(&mut self, account: &str, code: &str) -> Option<Code> {
        let request = self.request(account, code);
        self.send(&request.octets);
        let reply = self.receive()?;
        Some(self.check(&request, &reply))
    }

    pub(crate) fn status_server(&mut self) -> Option<Code> {
        let (identifier, authenticator) = self.next();
        let mut buffer = [0; 64];
        let length = status_server(&mut buffer, &self.secret, identifier, &authenticator)
            .expect("it is short");
        let request = Request {
            octets: buffer[..length].to_vec(),
            identifier,
            authenticator,
        };
        self.send(&request.octets);
        let reply = self.receive()?;
        Some(self.check(&request, &reply))
    }
}
