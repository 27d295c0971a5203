//! The flow against a scripted host and a scripted verifier: no C, no socket, no clock.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use pam_sekisho::account::account;
use pam_sekisho::authenticate::authenticate;
use pam_sekisho::handle::{Echo, Handle, Item, Level, NoAnswer};
use pam_sekisho::return_code::ReturnCode::{self, *};
use pam_sekisho::verifier::{ASK_LIMIT, LIMIT, Verifier};
use sekisho_verifier_socket::{
    Answer, ClientError, Door, FrameError, Reply, Request, Secret, TrustError, Verdict,
};

const CODE: &str = "271828";
const DUMMY: &str = "\x08\n\r\x7fINCORRECT";

/// What the scripted verifier says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    Needed,
    NotNeeded,
    Accept,
    Reject,
    AcceptOther,
    RejectOther,
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

const EVERYTHING: [Says; 14] = [
    Needed,
    NotNeeded,
    Accept,
    Reject,
    AcceptOther,
    RejectOther,
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
        Ok(match self {
            Needed => Reply::CodeNeeded,
            NotNeeded => Reply::CodeNotNeeded,
            Accept => decided(Verdict::Accept, account),
            Reject => decided(Verdict::Reject, account),
            AcceptOther => decided(Verdict::Accept, "mallory"),
            RejectOther => decided(Verdict::Reject, "mallory"),
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

struct ScriptedVerifier {
    ask: Says,
    attempts: VecDeque<Says>,
    last_attempt: Option<Says>,
    asked: usize,
    sent: Vec<(String, Vec<u8>)>,
    deadlines: Vec<Duration>,
}

impl ScriptedVerifier {
    fn new(ask: Says, attempts: &[Says]) -> Self {
        Self {
            ask,
            attempts: attempts.iter().copied().collect(),
            last_attempt: None,
            asked: 0,
            sent: Vec::new(),
            deadlines: Vec::new(),
        }
    }
}

impl Verifier for ScriptedVerifier {
    fn call(&mut self, _: &Path, request: Request, by: Instant) -> Result<Reply, ClientError> {
        self.deadlines.push(by - Instant::now());
        match request {
            Request::Ask(ask) => {
                self.asked += 1;
                assert_eq!(ask.place.door, Door::Pam);
                assert_eq!(ask.place.name, "sshd");
                assert_eq!(ask.place.terminal.as_deref(), Some("pts/3"));
                assert_eq!(ask.place.remote.as_deref(), Some("192.0.2.7"));
                self.ask.reply(&ask.account)
            }
            Request::Attempt(attempt) => {
                let Answer::Code(code) = &attempt.answer else {
                    unreachable!()
                };
                self.sent
                    .push((attempt.account.clone(), code.expose().to_vec()));
                // The last word of the script holds from then on.
                let says = if self.attempts.len() > 1 {
                    self.attempts.pop_front().expect("more than one")
                } else {
                    self.attempts[0]
                };
                self.last_attempt = Some(says);
                says.reply(&attempt.account)
            }
            request => panic!("PAM never asks this: {request:?}"),
        }
    }
}

/// What the scripted person or host does at a prompt.
#[derive(Debug, Clone)]
enum Does {
    Types(String),
    Null,
    Fails,
}

fn types(text: &str) -> Does {
    Does::Types(text.into())
}

struct ScriptedHandle {
    user: Result<Vec<u8>, NoAnswer>,
    service: Option<Vec<u8>>,
    authtok: Option<String>,
    does: Vec<Does>,
    prompts: Vec<(Echo, String)>,
    told: Vec<String>,
    logged: RefCell<Vec<(Level, String)>>,
    delays: Vec<Duration>,
}

impl ScriptedHandle {
    fn new(authtok: Option<&str>, does: &[Does]) -> Self {
        Self {
            user: Ok(b"alice".to_vec()),
            service: Some(b"sshd".to_vec()),
            authtok: authtok.map(Into::into),
            does: does.to_vec(),
            prompts: Vec::new(),
            told: Vec::new(),
            logged: RefCell::default(),
            delays: Vec::new(),
        }
    }

    fn log_text(&self) -> String {
        format!("{:?}", self.logged.borrow())
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

    fn prompt(&mut self, echo: Echo, text: &str) -> Result<Secret, NoAnswer> {
        let does = &self.does[self.prompts.len().min(self.does.len() - 1)];
        self.prompts.push((echo, text.into()));
        match does {
            Does::Types(text) => Ok(Secret::from(text.as_str())),
            Does::Null => Err(NoAnswer::Nothing),
            Does::Fails => Err(NoAnswer::Conversation),
        }
    }

    fn tell(&mut self, text: &str) {
        self.told.push(text.into());
    }

    fn log(&self, level: Level, text: &str) {
        self.logged.borrow_mut().push((level, text.into()));
    }

    fn ask_fail_delay(&mut self, delay: Duration) {
        self.delays.push(delay);
    }
}

fn run(
    handle: &mut ScriptedHandle,
    verifier: &mut ScriptedVerifier,
    options: &str,
    silent: bool,
) -> ReturnCode {
    let words: Vec<&[u8]> = options.split_whitespace().map(str::as_bytes).collect();
    authenticate(handle, verifier, &words, silent)
}

fn check(options: &str, ask: Says, attempts: &[Says], does: &[Does], expected: ReturnCode) {
    let mut handle = ScriptedHandle::new(None, does);
    let mut verifier = ScriptedVerifier::new(ask, attempts);
    let code = run(&mut handle, &mut verifier, options, false);
    assert_eq!(code, expected, "{options} {ask:?} {attempts:?} {does:?}");
}

#[test]
fn each_reply_to_the_question_has_its_return_code() {
    for (ask, expected) in [
        (Needed, Success),
        (NotNeeded, Ignore),
        (Accept, AuthinfoUnavail),
        (Reject, AuthinfoUnavail),
        (AcceptOther, AuthinfoUnavail),
        (RejectOther, AuthinfoUnavail),
        (Unavailable, AuthinfoUnavail),
        (NotPermitted, ServiceErr),
        (NoSocket, AuthinfoUnavail),
        (Late, AuthinfoUnavail),
        (CutShort, AuthinfoUnavail),
        (Malformed, AuthinfoUnavail),
        (WrongReply, AuthinfoUnavail),
        (Untrusted, AuthinfoUnavail),
    ] {
        check("", ask, &[Accept], &[types(CODE)], expected);
    }
}

#[test]
fn each_reply_to_an_attempt_has_its_return_code() {
    for (attempt, expected) in [
        (Needed, AuthinfoUnavail),
        (NotNeeded, AuthinfoUnavail),
        (Accept, Success),
        (Reject, AuthErr),
        (AcceptOther, AuthErr),
        (RejectOther, AuthErr),
        (Unavailable, AuthinfoUnavail),
        (NotPermitted, ServiceErr),
        (NoSocket, AuthinfoUnavail),
        (Late, AuthinfoUnavail),
        (CutShort, AuthinfoUnavail),
        (Malformed, AuthinfoUnavail),
        (WrongReply, AuthinfoUnavail),
        (Untrusted, AuthinfoUnavail),
    ] {
        check("", Needed, &[attempt], &[types(CODE)], expected);
    }
}

#[test]
fn each_answer_that_can_not_be_a_code_is_denied_and_not_sent() {
    for does in [
        types(""),
        types(" "),
        types("\n"),
        types(DUMMY),
        types(&DUMMY[..1]),
        types(&"1".repeat(513)),
        types(&"1".repeat(65_536)),
        Does::Null,
        Does::Fails,
    ] {
        for options in ["", "retry=3", "try_first_pass"] {
            let mut handle = ScriptedHandle::new(None, std::slice::from_ref(&does));
            let mut verifier = ScriptedVerifier::new(Needed, &[Accept]);
            let code = run(&mut handle, &mut verifier, options, false);
            assert_eq!(code, AuthErr);
            assert_eq!(handle.prompts.len(), 1, "ends at once");
            assert!(verifier.sent.is_empty(), "costs no guess");
        }
    }
}

#[test]
fn first_pass_is_taken_when_it_has_the_shape_of_a_code() {
    type Row<'a> = (
        &'a str,
        Option<&'a str>,
        &'a [Says],
        ReturnCode,
        usize,
        &'a [&'a str],
    );
    let rows: &[Row<'_>] = &[
        // options, AUTHTOK, verdicts, expected, prompts, sent
        ("", Some(CODE), &[Accept], Success, 1, &["typed"]),
        ("use_first_pass", Some(CODE), &[Accept], Success, 0, &[CODE]),
        ("use_first_pass", Some(CODE), &[Reject], AuthErr, 0, &[CODE]),
        (
            "use_first_pass",
            Some(CODE),
            &[Unavailable],
            AuthinfoUnavail,
            0,
            &[CODE],
        ),
        (
            "use_first_pass",
            Some("the password"),
            &[Accept],
            AuthErr,
            0,
            &[],
        ),
        ("use_first_pass", Some(""), &[Accept], AuthErr, 0, &[]),
        ("use_first_pass", Some(DUMMY), &[Accept], AuthErr, 0, &[]),
        ("use_first_pass", None, &[Accept], AuthErr, 0, &[]),
        ("try_first_pass", Some(CODE), &[Accept], Success, 0, &[CODE]),
        (
            "try_first_pass",
            Some(CODE),
            &[Reject, Accept],
            Success,
            1,
            &[CODE, "typed"],
        ),
        (
            "try_first_pass",
            Some(CODE),
            &[Reject],
            AuthErr,
            1,
            &[CODE, "typed"],
        ),
        (
            "try_first_pass",
            Some(CODE),
            &[Late],
            AuthinfoUnavail,
            0,
            &[CODE],
        ),
        (
            "try_first_pass",
            Some("the password"),
            &[Accept],
            Success,
            1,
            &["typed"],
        ),
        ("try_first_pass", None, &[Accept], Success, 1, &["typed"]),
    ];
    for (options, authtok, attempts, expected, prompts, sent) in rows {
        let mut handle = ScriptedHandle::new(*authtok, &[types("typed")]);
        let mut verifier = ScriptedVerifier::new(Needed, attempts);
        let code = run(&mut handle, &mut verifier, options, false);
        let seen: Vec<_> = verifier.sent.iter().map(|(_, code)| &code[..]).collect();
        let sent: Vec<_> = sent.iter().map(|code| code.as_bytes()).collect();
        assert_eq!(
            (code, handle.prompts.len(), seen),
            (*expected, *prompts, sent),
            "{options} {authtok:?} {attempts:?}"
        );
    }
}

#[test]
fn retry_prompts_again_and_ends_in_maxtries() {
    for (options, attempts, expected, prompts) in [
        ("", &[Reject] as &[Says], AuthErr, 1),
        ("retry=1", &[Reject], AuthErr, 1),
        ("retry=2", &[Reject], MaxTries, 2),
        ("retry=3", &[Reject], MaxTries, 3),
        ("retry=3", &[Reject, Reject, Accept], Success, 3),
        ("retry=3", &[Reject, Accept], Success, 2),
        ("retry=3", &[Reject, Late], AuthinfoUnavail, 2),
        ("retry=3", &[Reject, NotPermitted], ServiceErr, 2),
        ("retry=3", &[RejectOther], AuthErr, 1),
    ] {
        let mut handle = ScriptedHandle::new(None, &[types(CODE)]);
        let mut verifier = ScriptedVerifier::new(Needed, attempts);
        let code = run(&mut handle, &mut verifier, options, false);
        assert_eq!(
            (code, handle.prompts.len()),
            (expected, prompts),
            "{options} {attempts:?}"
        );
    }
}

#[test]
fn names_that_no_account_can_have_are_prompted_like_others_and_never_sent() {
    let long = vec![b'a'; 257];
    for user in [&b""[..], b"\xff\xfe", &long] {
        for (options, expected, prompts) in [
            ("", AuthErr, 1),
            ("retry=3", MaxTries, 3),
            ("use_first_pass", AuthErr, 0),
            ("try_first_pass", AuthErr, 1),
        ] {
            let mut handle = ScriptedHandle::new(Some(CODE), &[types(CODE)]);
            handle.user = Ok(user.to_vec());
            // Even a verifier that exempts everybody is not asked.
            let mut verifier = ScriptedVerifier::new(NotNeeded, &[Accept]);
            let code = run(&mut handle, &mut verifier, options, false);
            assert_eq!((code, handle.prompts.len()), (expected, prompts));
            assert!(verifier.sent.is_empty() && verifier.asked == 0);
        }
    }
    let mut handle = ScriptedHandle::new(None, &[types(CODE)]);
    handle.user = Ok(vec![b'a'; 256]);
    let mut verifier = ScriptedVerifier::new(Needed, &[Accept]);
    assert_eq!(run(&mut handle, &mut verifier, "", false), Success);
}

#[test]
fn r34_names_are_passed_on_as_they_are_and_never_become_paths() {
    for name in ["../../etc/passwd", "/", ".", "a:b", "a\nb", "~root", "%s%n"] {
        let mut handle = ScriptedHandle::new(None, &[types(CODE)]);
        handle.user = Ok(name.into());
        let mut verifier = ScriptedVerifier::new(Needed, &[Reject]);
        assert_eq!(run(&mut handle, &mut verifier, "", false), AuthErr);
        assert_eq!(verifier.sent[0].0, name);
        assert!(!handle.logged.borrow()[0].1.contains('\n'));
    }
}

#[test]
fn host_without_user_or_service_gets_a_denial() {
    for no in [NoAnswer::Conversation, NoAnswer::Nothing] {
        let mut handle = ScriptedHandle::new(None, &[types(CODE)]);
        handle.user = Err(no);
        let mut verifier = ScriptedVerifier::new(NotNeeded, &[Accept]);
        assert_eq!(run(&mut handle, &mut verifier, "", false), AuthErr);
        assert_eq!(handle.delays.len(), 1);
    }
    for service in [
        None,
        Some(vec![]),
        Some(vec![b's'; 256]),
        Some(b"\xff".to_vec()),
    ] {
        let mut handle = ScriptedHandle::new(None, &[types(CODE)]);
        handle.service = service;
        let mut verifier = ScriptedVerifier::new(NotNeeded, &[Accept]);
        assert_eq!(run(&mut handle, &mut verifier, "", false), ServiceErr);
        assert_eq!(handle.delays.len(), 1);
    }
}

#[test]
fn verifier_has_three_seconds_in_all() {
    let mut handle = ScriptedHandle::new(None, &[types(CODE)]);
    let mut verifier = ScriptedVerifier::new(Needed, &[Reject]);
    run(&mut handle, &mut verifier, "", false);
    let [ask, attempt] = verifier.deadlines[..] else {
        panic!("one question, one attempt")
    };
    assert!(ask <= ASK_LIMIT && attempt <= LIMIT);
    assert!(attempt + Duration::from_millis(100) >= LIMIT - ASK_LIMIT);
    assert_eq!(LIMIT, Duration::from_secs(3));
}

#[test]
fn exemption_is_logged_at_notice_and_nothing_is_prompted() {
    let mut handle = ScriptedHandle::new(None, &[types(CODE)]);
    let mut verifier = ScriptedVerifier::new(NotNeeded, &[Accept]);
    assert_eq!(run(&mut handle, &mut verifier, "", false), Ignore);
    assert!(handle.prompts.is_empty() && handle.delays.is_empty());
    let logged = handle.logged.borrow();
    assert_eq!(logged.len(), 1);
    assert_eq!(logged[0].0, Level::Notice);
    assert!(logged[0].1.contains("no code needed") && logged[0].1.contains("\"alice\""));
}

#[test]
fn verifier_that_is_away_is_told_before_anybody_types() {
    for ask in [Unavailable, NoSocket, Late, Untrusted] {
        let mut handle = ScriptedHandle::new(None, &[types(CODE)]);
        let mut verifier = ScriptedVerifier::new(ask, &[Accept]);
        run(&mut handle, &mut verifier, "", false);
        assert!(handle.prompts.is_empty());
        assert_eq!(handle.told.len(), 1);
    }
}

#[test]
fn wrong_option_is_a_denial_and_its_name_is_logged() {
    for (options, name) in [
        ("nullok", "nullok"),
        ("retry=0", "retry"),
        ("retry=4", "retry"),
        ("socket=x", "socket"),
        ("use_first_pass try_first_pass", "use_first_pass"),
        ("debug nosuch=1", "nosuch"),
    ] {
        let mut handle = ScriptedHandle::new(Some(CODE), &[types(CODE)]);
        // The verifier would even exempt.
        let mut verifier = ScriptedVerifier::new(NotNeeded, &[Accept]);
        assert_eq!(run(&mut handle, &mut verifier, options, false), ServiceErr);
        assert!(handle.log_text().contains(name), "{}", handle.log_text());
        assert_eq!(handle.delays.len(), 1);
        assert_eq!(verifier.asked, 0);

        let words: Vec<&[u8]> = options.split(' ').map(str::as_bytes).collect();
        let mut handle = ScriptedHandle::new(None, &[types(CODE)]);
        assert_eq!(account(&mut handle, &mut verifier, &words), ServiceErr);
    }
}

#[test]
fn prompt_and_echo_follow_the_options() {
    for (words, echo, text) in [
        (&[] as &[&[u8]], Echo::Off, "One-time code: "),
        (&[b"echo"], Echo::On, "One-time code: "),
        (&[b"prompt=Tegata: "], Echo::Off, "Tegata: "),
    ] {
        let mut handle = ScriptedHandle::new(None, &[types(CODE)]);
        let mut verifier = ScriptedVerifier::new(Needed, &[Accept]);
        let code = authenticate(&mut handle, &mut verifier, words, false);
        assert_eq!(code, Success);
        assert_eq!(handle.prompts, [(echo, text.to_owned())]);
    }
}

#[test]
fn p06_account_management_never_succeeds_on_our_own_failure() {
    for ask in EVERYTHING {
        let expected = match ask {
            Needed | NotNeeded => Success,
            NotPermitted => ServiceErr,
            _ => AuthinfoUnavail,
        };
        let mut handle = ScriptedHandle::new(None, &[types(CODE)]);
        let mut verifier = ScriptedVerifier::new(ask, &[Accept]);
        assert_eq!(account(&mut handle, &mut verifier, &[]), expected);
        assert!(handle.prompts.is_empty());
    }
    let mut handle = ScriptedHandle::new(None, &[types(CODE)]);
    handle.user = Ok(b"\xff".to_vec());
    let mut verifier = ScriptedVerifier::new(NotNeeded, &[Accept]);
    assert_eq!(account(&mut handle, &mut verifier, &[]), AuthErr);
}

/// Every option × every reply to the question × every reply to an attempt × every conversation.
#[test]
fn r27_success_needs_an_accept_and_ignore_needs_an_exemption() {
    let optionses = [
        "",
        "echo",
        "debug",
        "prompt=Code:",
        "retry=2",
        "retry=3",
        "use_first_pass",
        "try_first_pass",
        "try_first_pass retry=3 debug",
        "socket=/run/x",
        "fail_delay_ms=5",
        "nosuch",
        "retry=0",
    ];
    let conversations = [
        vec![types(CODE)],
        vec![types("wrong"), types(CODE)],
        vec![types("")],
        vec![types(DUMMY)],
        vec![types(&"9".repeat(65_536))],
        vec![Does::Null],
        vec![Does::Fails],
        vec![types("wrong"), Does::Fails],
    ];
    let authtoks = [None, Some(CODE), Some("the password")];
    let mut runs = 0;
    for options in optionses {
        for ask in EVERYTHING {
            for attempt in EVERYTHING {
                for attempts in [&[attempt][..], &[Reject, attempt]] {
                    for does in &conversations {
                        for authtok in authtoks {
                            for silent in [false, true] {
                                invariants(options, ask, attempts, does, authtok, silent);
                                runs += 1;
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(runs > 200_000, "{runs}");
}

fn invariants(
    options: &str,
    ask: Says,
    attempts: &[Says],
    does: &[Does],
    authtok: Option<&str>,
    silent: bool,
) {
    let case = format!("{options} {ask:?} {attempts:?} {does:?} {authtok:?} {silent}");
    let mut handle = ScriptedHandle::new(authtok, does);
    let mut verifier = ScriptedVerifier::new(ask, attempts);
    let code = run(&mut handle, &mut verifier, options, silent);

    let good_options = options != "nosuch" && options != "retry=0";
    let accepted = ask == Needed && verifier.last_attempt == Some(Accept) && good_options;
    assert_eq!(code == Success, accepted, "{case}");
    let exempt = ask == NotNeeded && good_options;
    assert_eq!(code == Ignore, exempt, "{case}");
    if ask != Needed || !good_options {
        assert!(
            verifier.sent.is_empty() && handle.prompts.is_empty(),
            "{case}"
        );
    }
    let denied = !accepted && !exempt;
    assert_eq!(handle.delays.len(), usize::from(denied), "{case}");
    if silent {
        assert!(handle.told.is_empty(), "{case}");
    }
    assert!(handle.prompts.len() <= 3 && verifier.sent.len() <= 4);
    let logs = handle.log_text();
    assert!(!logs.contains(CODE) && !logs.contains("the password") && !logs.contains("wrong"));
}
