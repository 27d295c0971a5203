//! Accepts each second by each method that gateways prove a code by, side by side in one run.
//!
//! A method takes one to four requests, one after the other, so a window of conversations is kept
//! open over a few sockets. The load is the same simple one for all methods: what counts is each
//! method's share of what PAP reaches in the same minute.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use des::Des;
use des::cipher::{BlockCipherEncrypt, KeyInit};
use md4::Md4;
use md5::{Digest, Md5};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use sekisho_radius_protocol::authenticator::Authenticator;
use sekisho_radius_protocol::eap::ms_chap_v2;
use sekisho_radius_protocol::eap::{self, EapPacket, EapType};
use sekisho_radius_protocol::error::WriteError;
use sekisho_radius_protocol::packet::PACKET_MAX;
use sekisho_radius_protocol::{AttributeType, Code, Packet, Secret, request};
use sha1::Sha1;

use crate::Failure;
use crate::attempts::{Login, Tokens};
use crate::figures::Figures;
use crate::installation::{Installation, SECRET};
use crate::plan::{Plan, say};

/// Conversations that are open at once; one socket has identifiers for all of them.
const WINDOW: usize = 64;
/// A reply that takes longer is lost, and the run fails: nothing here is to lose any.
const PATIENCE: Duration = Duration::from_secs(10);
const MICROSOFT: u32 = 311;
const MS_CHAP_CHALLENGE: u8 = 11;
const MS_CHAP2_RESPONSE: u8 = 25;
const CHAP_IDENTIFIER: u8 = 7;
const PEER_CHALLENGE: [u8; 16] = [0x3c; 16];
const NT_HASH_OCTETS: usize = 16;

/// How a code is proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Pap,
    Chap,
    MsChapV2,
    EapGtc,
    EapMsChapV2,
    /// PAP in two rounds; the first one is not looked at by anybody here.
    Challenge,
}

impl Method {
    const ALL: [Self; 6] = [
        Self::Pap,
        Self::Chap,
        Self::MsChapV2,
        Self::EapGtc,
        Self::EapMsChapV2,
        Self::Challenge,
    ];

    /// Its name in the figures.
    const fn name(self) -> &'static str {
        match self {
            Self::Pap => "pap",
            Self::Chap => "chap",
            Self::MsChapV2 => "ms_chap_v2",
            Self::EapGtc => "eap_gtc",
            Self::EapMsChapV2 => "eap_ms_chap_v2",
            Self::Challenge => "challenge",
        }
    }

    /// The lines of a client that takes it, and nothing else.
    const fn settings(self) -> &'static str {
        match self {
            Self::Pap => "",
            Self::Chap => "methods = [\"chap\"]\n",
            Self::MsChapV2 => "methods = [\"ms-chap-v2\"]\n",
            Self::EapGtc => "methods = [\"eap-gtc\"]\n",
            Self::EapMsChapV2 => "methods = [\"eap-ms-chap-v2\"]\n",
            Self::Challenge => "mode = \"challenge\"\n",
        }
    }

    /// Where its client sends from.
    const fn address(self) -> Ipv4Addr {
        Ipv4Addr::new(127, 0, 1, 1 + self as u8)
    }
}

/// A client for each method, for the settings.
pub(crate) fn clients() -> String {
    Method::ALL
        .iter()
        .map(|method| {
            format!(
                "[[radius.client]]\nname = \"{}\"\naddress = [\"{}\"]\nsecret = \"{SECRET}\"\nrequests-per-second = 1000000\n{}\n",
                method.name(),
                method.address(),
                method.settings()
            )
        })
        .collect()
}

/// Measures all methods by turns.
pub(crate) fn measure(plan: &Plan, folder: &Path, figures: &mut Figures) -> Result<(), Failure> {
    let accepts = plan.method_accepts;
    let tokens = (accepts * Method::ALL.len()) as u64;
    say(format_args!("importing {tokens} tokens for methods"));
    let installation = Installation::new(folder)?;
    let verifier = installation.start_verifier()?;
    installation.import(tokens)?;
    let radius = installation.start_radius()?;
    let mut tokens = Tokens::new(tokens);
    for round in 1..=plan.rounds {
        say(format_args!("methods, round {round} of {}", plan.rounds));
        let mut of_pap = None;
        for method in Method::ALL {
            let logins = tokens.logins(accepts)?;
            let run = Run::new(installation.radius, method, &logins)?;
            let (elapsed, times) = run.run()?;
            let rate = logins.len() as f64 / elapsed.as_secs_f64();
            let share = 100.0 * rate / *of_pap.get_or_insert(rate);
            let name = format!("method_{}", method.name());
            figures.put(format!("{name}_accepts_per_s"), rate);
            figures.put(format!("{name}_of_pap_percent"), share);
            figures.put_percentiles(&name, times);
        }
    }
    radius.stop()?;
    verifier.stop()?;
    Ok(())
}

/// All logins of one method.
struct Run<'l> {
    socket: UdpSocket,
    secret: Secret,
    method: Method,
    waiting: std::slice::Iter<'l, Login>,
    /// The conversation that an identifier stands for.
    open: Vec<Option<Conversation<'l>>>,
    times: Vec<Duration>,
}

/// A login that goes on.
struct Conversation<'l> {
    login: &'l Login,
    began: Instant,
    authenticator: Authenticator,
}

impl<'l> Run<'l> {
    fn new(server: SocketAddr, method: Method, logins: &'l [Login]) -> Result<Self, Failure> {
        let socket = UdpSocket::bind((method.address(), 0))?;
        socket.connect(server)?;
        Ok(Self {
            socket,
            secret: Secret::new(SECRET.as_bytes()).map_err(|_| "an empty secret")?,
            method,
            waiting: logins.iter(),
            open: (0..WINDOW).map(|_| None).collect(),
            times: Vec::with_capacity(logins.len()),
        })
    }

    /// Runs all of them; how long that took, and how long each.
    fn run(mut self) -> Result<(Duration, Vec<Duration>), Failure> {
        let started = Instant::now();
        for slot in 0..WINDOW {
            self.begin(slot)?;
        }
        let mut buffer = [0; PACKET_MAX];
        while self.open.iter().any(Option::is_some) {
            let patience = PollTimeout::try_from(PATIENCE)?;
            let mut wanted = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
            if poll(&mut wanted, patience)? == 0 {
                return Err(format!("{}: a reply is missing", self.method.name()).into());
            }
            let length = self.socket.recv(&mut buffer)?;
            self.take(&buffer[..length])?;
        }
        Ok((started.elapsed(), self.times))
    }

    fn begin(&mut self, slot: usize) -> Result<(), Failure> {
        let Some(login) = self.waiting.next() else {
            return Ok(());
        };
        let proof = match self.method {
            Method::EapGtc | Method::EapMsChapV2 => {
                let identity = eap::response(0, EapType::IDENTITY, login.account.as_bytes());
                Proof::Eap(identity.ok_or("an account name that fits")?)
            }
            Method::Pap => Proof::Password(&login.code),
            Method::Challenge => Proof::Password("ignored"),
            Method::Chap => Proof::Chap(&login.code),
            Method::MsChapV2 => Proof::MsChapV2(&login.code),
        };
        self.send(slot, login, Instant::now(), None, &proof)
    }

    fn take(&mut self, octets: &[u8]) -> Result<(), Failure> {
        let slot = octets.get(1).map_or(WINDOW, |&slot| usize::from(slot));
        let Some(conversation) = self.open.get_mut(slot).and_then(Option::take) else {
            return Err("a reply that nobody waits for".into());
        };
        let authenticator = &conversation.authenticator;
        let reply = request::check_reply(&self.secret, slot as u8, authenticator, octets)
            .map_err(|error| format!("a reply is not authentic: {error}"))?;
        match reply.code() {
            Code::ACCESS_ACCEPT => {
                self.times.push(conversation.began.elapsed());
                self.begin(slot)
            }
            Code::ACCESS_CHALLENGE => self.answer(slot, &conversation, &reply),
            other => Err(format!(
                "{}: a right code was answered with code {}",
                self.method.name(),
                other.0
            )
            .into()),
        }
    }

    fn answer(
        &mut self,
        slot: usize,
        conversation: &Conversation<'l>,
        challenge: &Packet<'_>,
    ) -> Result<(), Failure> {
        let login = conversation.login;
        let state = value(challenge, AttributeType::STATE);
        let proof = if self.method == Method::Challenge {
            Proof::Password(&login.code)
        } else {
            Proof::Eap(eap_answer(
                &value(challenge, AttributeType::EAP_MESSAGE),
                login,
            )?)
        };
        self.send(slot, login, conversation.began, Some(&state), &proof)
    }

    fn send(
        &mut self,
        slot: usize,
        login: &'l Login,
        began: Instant,
        state: Option<&[u8]>,
        proof: &Proof<'_>,
    ) -> Result<(), Failure> {
        let mut authenticator = Authenticator::default();
        getrandom::fill(&mut authenticator)?;
        let octets = self
            .packet(slot, login, &authenticator, state, proof)
            .map_err(|error| format!("a request: {error}"))?;
        self.socket.send(&octets)?;
        self.open[slot] = Some(Conversation {
            login,
            began,
            authenticator,
        });
        Ok(())
    }

    fn packet(
        &self,
        slot: usize,
        login: &Login,
        authenticator: &Authenticator,
        state: Option<&[u8]>,
        proof: &Proof<'_>,
    ) -> Result<Vec<u8>, WriteError> {
        let mut buffer = [0; PACKET_MAX];
        let mut writer = request::access_request(&mut buffer, slot as u8, authenticator)?;
        writer.attribute(AttributeType::USER_NAME, login.account.as_bytes())?;
        match proof {
            Proof::Password(password) => writer.user_password(&self.secret, password.as_bytes())?,
            Proof::Chap(code) => {
                let mut hash = Md5::new();
                hash.update([CHAP_IDENTIFIER]);
                hash.update(code);
                hash.update(authenticator);
                let mut value = vec![CHAP_IDENTIFIER];
                value.extend(hash.finalize());
                writer.attribute(AttributeType::CHAP_PASSWORD, &value)?;
            }
            Proof::MsChapV2(code) => {
                let response = nt_response(authenticator, login.account.as_bytes(), code);
                let mut value = vec![0, 0];
                value.extend(PEER_CHALLENGE);
                value.extend([0; 8]);
                value.extend(response);
                writer.vendor(MICROSOFT, MS_CHAP_CHALLENGE, authenticator)?;
                writer.vendor(MICROSOFT, MS_CHAP2_RESPONSE, &value)?;
            }
            Proof::Eap(message) => writer.pieces(AttributeType::EAP_MESSAGE, message)?,
        }
        if let Some(state) = state {
            writer.attribute(AttributeType::STATE, state)?;
        }
        let length = writer.seal(&self.secret);
        Ok(buffer[..length].to_vec())
    }
}

enum Proof<'p> {
    Password(&'p str),
    Chap(&'p str),
    MsChapV2(&'p str),
    Eap(Vec<u8>),
}

/// All values of an attribute, one behind the other.
fn value(packet: &Packet<'_>, kind: AttributeType) -> Vec<u8> {
    let all = packet.attributes().filter(|found| found.kind == kind);
    all.flat_map(|found| found.value.iter().copied()).collect()
}

/// What the user's side of EAP says to a request.
fn eap_answer(octets: &[u8], login: &Login) -> Result<Vec<u8>, Failure> {
    let asked = EapPacket::parse(octets).map_err(|error| format!("EAP: {error}"))?;
    let data = match asked.kind {
        EapType::GTC => login.code.as_bytes().to_vec(),
        // A challenge has its value behind four octets and a length; all else is the server's proof.
        EapType::MS_CHAP_V2 if asked.data.first() == Some(&1) => {
            let challenge = asked.data.get(5..21).ok_or("a short challenge")?;
            let challenge = challenge.try_into()?;
            let name = login.account.as_bytes();
            let response = ms_chap_v2::Response {
                peer_challenge: PEER_CHALLENGE,
                nt_response: nt_response(challenge, name, &login.code),
                name,
            };
            ms_chap_v2::response(asked.data[1], &response)
        }
        EapType::MS_CHAP_V2 => ms_chap_v2::acknowledgement(),
        other => return Err(format!("EAP of type {}", other.0).into()),
    };
    let answer = eap::response(asked.identifier, asked.kind, &data);
    answer.ok_or_else(|| "an answer that fits".into())
}

/// RFC 2759 section 8.1.
fn nt_response(challenge: &[u8; 16], name: &[u8], code: &str) -> [u8; 24] {
    let mut hash = Sha1::new();
    hash.update(PEER_CHALLENGE);
    hash.update(challenge);
    hash.update(name);
    let mut clear = [0; 8];
    clear.copy_from_slice(&hash.finalize()[..8]);
    let unicode: Vec<u8> = code.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut keys = [0; 21];
    keys[..NT_HASH_OCTETS].copy_from_slice(&Md4::digest(unicode));
    let mut response = [0; 24];
    for (seven, block) in keys.chunks_exact(7).zip(response.chunks_exact_mut(8)) {
        let bits = seven
            .iter()
            .fold(0u64, |bits, &octet| bits << 8 | u64::from(octet));
        let key: [u8; 8] = std::array::from_fn(|n| ((bits >> (49 - 7 * n)) as u8 & 0x7f) << 1);
        let mut piece = clear.into();
        Des::new(&key.into()).encrypt_block(&mut piece);
        block.copy_from_slice(&piece);
    }
    response
}
