//! A scripted host and a scripted verifier: no C, no socket, no clock.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use pam_sekisho::handle::{Echo, Handle, Item, Level, NoAnswer, NotKept, Tone};
use pam_sekisho::verifier::Verifier;
use sekisho_verifier_socket::{
    Answer, ClientError, Door, FrameError, Language, Phase, Place, Reply, Request, Secret, Speech,
    Start, Started, TrustError, Verdict, Wanted,
};

pub(crate) const CODE: &str = "271828";
pub(crate) const DUMMY: &str = "\x08\n\r\x7fINCORRECT";

/// What the scripted verifier says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Says {
    Needed,
    NeededIn(Option<Language>, Language),
    NotNeeded,
    Accept,
    Reject,
    AcceptOther,
    RejectOther,
    /// A first token, without more.
    StartWanted,
    /// A first token, until a day, with characters of the start-of-use password.
    AllWanted,
    /// Another token, with the code of the old one.
    ExchangeWanted,
    /// Another token, after a start code.
    GrantWanted,
    /// More characters than any question names.
    TooMuchWanted,
    NothingWanted,
    InUse,
    NotStarted,
    Taken,
    Unavailable,
    NotPermitted,
    NoSocket,
    Late,
    CutShort,
    Malformed,
    WrongReply,
    Untrusted,
}
use Says::*;

pub(crate) const EVERYTHING: [Says; 23] = [
    Needed,
    NotNeeded,
    Accept,
    Reject,
    AcceptOther,
    RejectOther,
    StartWanted,
    AllWanted,
    ExchangeWanted,
    GrantWanted,
    TooMuchWanted,
    NothingWanted,
    InUse,
    NotStarted,
    Taken,
    Unavailable,
    NotPermitted,
    NoSocket,
    Late,
    CutShort,
    Malformed,
    WrongReply,
    Untrusted,
];

impl Says {
    fn reply(self, account: &str) -> Result<Reply, ClientError> {
        let decided = |verdict, account: &str| Reply::Decided {
            verdict,
            account: account.into(),
            accepted: None,
        };
        let wanted = |exchange, old_code, positions: &[u8]| {
            Reply::TokenWanted(Box::new(Wanted {
                speech: Speech::default(),
                exchange,
                old_code,
                positions: positions.to_vec(),
                grace_until: (!exchange && !positions.is_empty())
                    .then(|| "2026-12-01 09:00".to_owned()),
            }))
        };
        Ok(match self {
            Needed => Reply::CodeNeeded(Speech::default()),
            NeededIn(chosen, usual) => Reply::CodeNeeded(Speech { chosen, usual }),
            NotNeeded => Reply::CodeNotNeeded(Speech::default()),
            Accept => decided(Verdict::Accept, account),
            Reject => decided(Verdict::Reject, account),
            AcceptOther => decided(Verdict::Accept, "mallory"),
            RejectOther => decided(Verdict::Reject, "mallory"),
            StartWanted => wanted(false, false, &[]),
            AllWanted => wanted(false, false, &[1, 10]),
            ExchangeWanted => wanted(true, true, &[]),
            GrantWanted => wanted(true, false, &[2, 7]),
            TooMuchWanted => wanted(false, false, &[1; 11]),
            NothingWanted => Reply::NothingWanted(Speech::default()),
            InUse => Reply::Started(Box::new(Started {
                number: "4711".into(),
                time: "2026-11-22 20:15:03".into(),
                serial: "SKTS00012345".into(),
                ended: None,
            })),
            NotStarted => Reply::NotStarted,
            Taken => Reply::Taken,
            Unavailable => Reply::Unavailable,
            NotPermitted => Reply::NotPermitted,
            NoSocket => return Err(ClientError::Io(io::ErrorKind::NotFound.into())),
            Late => return Err(ClientError::Io(io::ErrorKind::TimedOut.into())),
            CutShort => return Err(ClientError::Io(io::ErrorKind::UnexpectedEof.into())),
            Malformed => return Err(ClientError::Frame(FrameError::Malformed)),
            WrongReply => return Err(ClientError::WrongReply),
            Untrusted => {
                return Err(ClientError::Trust(TrustError::NotASocket("/x".into())));
            }
        })
    }
}

/// The next word of a script; the last one holds from then on.
fn next(script: &mut VecDeque<Says>) -> Says {
    if script.len() > 1 {
        script.pop_front().expect("more than one")
    } else {
        script[0]
    }
}

pub(crate) struct ScriptedVerifier {
    asks: VecDeque<Says>,
    attempts: VecDeque<Says>,
    starts: VecDeque<Says>,
    session: Says,
    pub(crate) last_attempt: Option<Says>,
    pub(crate) last_start: Option<Says>,
    pub(crate) phases: Vec<Phase>,
    pub(crate) sent: Vec<(String, Vec<u8>)>,
    pub(crate) started: Vec<Start>,
    pub(crate) sessions: Vec<(String, bool)>,
    pub(crate) deadlines: Vec<Duration>,
}

impl ScriptedVerifier {
    pub(crate) fn new(ask: Says, attempts: &[Says]) -> Self {
        Self {
            attempts: attempts.iter().copied().collect(),
            ..Self::starts(&[ask], &[NotPermitted])
        }
    }

    pub(crate) fn starts(asks: &[Says], starts: &[Says]) -> Self {
        Self {
            asks: asks.iter().copied().collect(),
            attempts: [NotPermitted].into(),
            starts: starts.iter().copied().collect(),
            session: NotPermitted,
            last_attempt: None,
            last_start: None,
            phases: Vec::new(),
            sent: Vec::new(),
            started: Vec::new(),
            sessions: Vec::new(),
            deadlines: Vec::new(),
        }
    }

    pub(crate) fn session(says: Says) -> Self {
        Self {
            session: says,
            ..Self::starts(&[NotPermitted], &[NotPermitted])
        }
    }

    pub(crate) fn asked(&self) -> usize {
        self.phases.len()
    }
}

fn check_place(place: &Place) {
    assert_eq!(place.door, Door::Pam);
    assert_eq!(place.name, "sshd");
    assert_eq!(place.terminal.as_deref(), Some("pts/3"));
    assert_eq!(place.remote.as_deref(), Some("192.0.2.7"));
}

impl Verifier for ScriptedVerifier {
    fn call(&mut self, _: &Path, request: Request, by: Instant) -> Result<Reply, ClientError> {
        self.deadlines.push(by - Instant::now());
        match request {
            Request::Ask(ask) => {
                self.phases.push(ask.phase);
                check_place(&ask.place);
                next(&mut self.asks).reply(&ask.account)
            }
            Request::Attempt(attempt) => {
                let Answer::Code(code) = &attempt.answer else {
                    unreachable!()
                };
                self.sent
                    .push((attempt.account.clone(), code.expose().to_vec()));
                let says = next(&mut self.attempts);
                self.last_attempt = Some(says);
                says.reply(&attempt.account)
            }
            Request::Start(start) => {
                check_place(&start.place);
                let says = next(&mut self.starts);
                self.last_start = Some(says);
                let reply = says.reply(&start.account);
                self.started.push(*start);
                reply
            }
            Request::LoginSession {
                account,
                place,
                opens,
            } => {
                check_place(&place);
                self.sessions.push((account.clone(), opens));
                self.session.reply(&account)
            }
            request => panic!("PAM never asks this: {request:?}"),
        }
    }
}

/// What the scripted person or host does at a prompt.
#[derive(Debug, Clone)]
pub(crate) enum Does {
    Types(String),
    Null,
    Fails,
}

pub(crate) fn types(text: &str) -> Does {
    Does::Types(text.into())
}

pub(crate) struct ScriptedHandle {
    pub(crate) user: Result<Vec<u8>, NoAnswer>,
    pub(crate) service: Option<Vec<u8>>,
    pub(crate) authtok: Option<String>,
    /// Whether libpam has room for what it is given.
    pub(crate) room: bool,
    pub(crate) wanted: Option<bool>,
    does: Vec<Does>,
    pub(crate) prompts: Vec<(Echo, String)>,
    pub(crate) told: Vec<String>,
    pub(crate) logged: RefCell<Vec<(Level, String)>>,
    pub(crate) delays: Vec<Duration>,
}

impl ScriptedHandle {
    pub(crate) fn new(authtok: Option<&str>, does: &[Does]) -> Self {
        Self {
            user: Ok(b"alice".to_vec()),
            service: Some(b"sshd".to_vec()),
            authtok: authtok.map(Into::into),
            room: true,
            wanted: None,
            does: does.to_vec(),
            prompts: Vec::new(),
            told: Vec::new(),
            logged: RefCell::default(),
            delays: Vec::new(),
        }
    }

    pub(crate) fn log_text(&self) -> String {
        format!("{:?}", self.logged.borrow())
    }

    pub(crate) fn questions(&self) -> Vec<&str> {
        self.prompts.iter().map(|(_, text)| text.as_str()).collect()
    }
}

impl Handle for ScriptedHandle {
    fn user(&mut self) -> Result<Vec<u8>, NoAnswer> {
        self.user.clone()
    }

    fn item(&self, item: Item) -> Option<Vec<u8>> {
        match item {
            Item::Service => self.service.clone(),
            Item::Terminal => Some(b"pts/3".to_vec()),
            Item::Remote => Some(b"192.0.2.7".to_vec()),
        }
    }

    fn first_pass(&self) -> Option<Secret> {
        self.authtok.as_deref().map(Secret::from)
    }

    fn hand_on(&mut self, password: &Secret) -> Result<(), NotKept> {
        if !self.room {
            return Err(NotKept);
        }
        self.authtok = Some(String::from_utf8_lossy(password.expose()).into_owned());
        Ok(())
    }

    fn prompt(&mut self, echo: Echo, text: &str) -> Result<Secret, NoAnswer> {
        assert!(text.len() < 512 && !text.contains(char::is_control));
        let does = &self.does[self.prompts.len().min(self.does.len() - 1)];
        self.prompts.push((echo, text.into()));
        match does {
            Does::Types(text) => Ok(Secret::from(text.as_str())),
            Does::Null => Err(NoAnswer::Nothing),
            Does::Fails => Err(NoAnswer::Conversation),
        }
    }

    fn tell(&mut self, _: Tone, text: &str) {
        assert!(text.len() < 512 && !text.contains(char::is_control));
        self.told.push(text.into());
    }

    fn log(&self, level: Level, text: &str) {
        self.logged.borrow_mut().push((level, text.into()));
    }

    fn keep_wanted(&mut self, wanted: bool) -> Result<(), NotKept> {
        if !self.room {
            return Err(NotKept);
        }
        self.wanted = Some(wanted);
        Ok(())
    }

    fn kept_wanted(&self) -> Option<bool> {
        self.wanted
    }

    fn ask_fail_delay(&mut self, delay: Duration) {
        self.delays.push(delay);
    }
}
