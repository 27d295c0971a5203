//! A gateway.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use sekisho_radius_protocol::packet::{PacketWriter, Requesting};
use sekisho_radius_protocol::request::{access_request, check_reply, pap, status_server};
use sekisho_radius_protocol::{AttributeType, Code, Packet, Secret};

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

    /// An Access-Request with what a test puts into it. The Message-Authenticator is there already.
    pub(crate) fn access_request(
        &mut self,
        fill: impl FnOnce(&mut PacketWriter<'_, Requesting>, &Secret),
    ) -> Request {
        let (identifier, authenticator) = self.next();
        let mut buffer = [0; 4096];
        let mut writer = access_request(&mut buffer, identifier, &authenticator).expect("room");
        fill(&mut writer, &self.secret);
        let length = writer.seal(&self.secret);
        Request {
            octets: buffer[..length].to_vec(),
            identifier,
            authenticator,
        }
    }

    /// A login by PAP without Message-Authenticator.
    pub(crate) fn bare_request(&mut self, account: &str, code: &str) -> Request {
        let (identifier, authenticator) = self.next();
        let mut buffer = [0; 512];
        let code_octets = code.as_bytes();
        let mut writer = PacketWriter::request(
            &mut buffer,
            Code::ACCESS_REQUEST,
            identifier,
            &authenticator,
        )
        .expect("room");
        let name = account.as_bytes();
        writer
            .attribute(AttributeType::USER_NAME, name)
            .expect("short");
        writer
            .user_password(&self.secret, code_octets)
            .expect("short");
        let length = writer.seal(&self.secret);
        Request {
            octets: buffer[..length].to_vec(),
            identifier,
            authenticator,
        }
    }

    /// A login by PAP with more attributes.
    pub(crate) fn request_with(
        &mut self,
        account: &str,
        code: &str,
        more: &[(AttributeType, &[u8])],
    ) -> Request {
        self.access_request(|writer, secret| {
            let name = account.as_bytes();
            writer
                .attribute(AttributeType::USER_NAME, name)
                .expect("short");
            writer
                .user_password(secret, code.as_bytes())
                .expect("short");
            for (kind, value) in more {
                writer.attribute(*kind, value).expect("short");
            }
        })
    }

    /// A report of a session.
    pub(crate) fn accounting_request(&mut self, attributes: &[(AttributeType, &[u8])]) -> Request {
        let (identifier, _) = self.next();
        let mut buffer = [0; 4096];
        let mut writer = PacketWriter::digested(&mut buffer, Code::ACCOUNTING_REQUEST, identifier)
            .expect("room");
        for (kind, value) in attributes {
            writer.attribute(*kind, value).expect("short");
        }
        let length = writer.seal(&self.secret);
        Request {
            identifier,
            authenticator: buffer[4..20].try_into().expect("16 octets"),
            octets: buffer[..length].to_vec(),
        }
    }

    /// Sends a request and waits for its reply: the code, and all of it.
    #[track_caller]
    pub(crate) fn ask(&mut self, request: &Request) -> Option<(Code, Vec<u8>)> {
        self.send(&request.octets);
        let reply = self.receive()?;
        Some((self.check(request, &reply), reply))
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
