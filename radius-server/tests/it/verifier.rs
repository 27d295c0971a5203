//! A verifier that does as it is told.

use std::collections::HashMap;
use std::fs;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use md5::{Digest, Md5};
use sekisho_verifier_socket::radius::{
    ClientSeen, EndOutcome, Order, PasswordCheck, SessionReport, StateKey,
};
use sekisho_verifier_socket::{
    Accepted, Answer, Attempt, Envelope, First, LENGTH_OCTETS, MsChapKeys, Reply, Request, Secret,
    Verdict, decode, encode, frame_length,
};

/// The one code that is right.
pub(crate) const RIGHT: &str = "123456";
/// The one password that is right.
pub(crate) const PASSWORD: &str = "correct horse";
/// The NT-Response that is right. None is ever computed.
pub(crate) const RIGHT_RESPONSE: [u8; 24] = [7; 24];

/// What happens to an attempt, a password or a report. The rest is answered as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Accept `RIGHT`, reject everything else.
    Judge,
    /// Say nothing to any of them.
    Silent,
    /// Say nothing at all, to whatever it is.
    Dead,
    /// Say that nothing can be said.
    Unavailable,
    /// Accept, in the name of another account.
    WrongAccount,
    /// Accept, under another id.
    WrongId,
    /// Half a frame, then the end.
    CutShort,
    /// Something that is no frame.
    Garbage,
}

#[derive(Debug, Default)]
struct Told {
    attempts: Vec<Attempt>,
    passwords: Vec<PasswordCheck>,
    sessions: Vec<SessionReport>,
    ended: Vec<(u64, EndOutcome)>,
    seen: HashMap<String, ClientSeen>,
    /// Rounds of conversations that were taken, and by what.
    rounds: HashMap<[u8; 16], (Answer, Verdict)>,
    /// What goes with accepts.
    accepted: Accepted,
    orders: Vec<Order>,
    /// Who waits for orders.
    polls: Vec<(UnixStream, u64)>,
}

#[derive(Debug)]
struct Shared {
    manner: Mutex<Manner>,
    told: Mutex<Told>,
    streams: Mutex<Vec<UnixStream>>,
    stopped: AtomicBool,
}

#[derive(Debug)]
pub(crate) struct Verifier {
    shared: Arc<Shared>,
    path: PathBuf,
}

impl Verifier {
    pub(crate) fn start(path: &Path, manner: Manner) -> Self {
        let listener = UnixListener::bind(path).expect("a free path");
        let shared = Arc::new(Shared {
            manner: Mutex::new(manner),
            told: Mutex::default(),
            streams: Mutex::default(),
            stopped: AtomicBool::new(false),
        });
        let ours = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if ours.stopped.load(Ordering::SeqCst) {
                    return;
                }
                let copy = stream.try_clone().expect("a descriptor");
                ours.streams.lock().expect("no panic").push(copy);
                let shared = Arc::clone(&ours);
                thread::spawn(move || serve(&shared, stream));
            }
        });
        Self {
            shared,
            path: path.to_owned(),
        }
    }

    pub(crate) fn behave(&self, manner: Manner) {
        *self.shared.manner.lock().expect("no panic") = manner;
    }

    fn told<T>(&self, look: impl FnOnce(&mut Told) -> T) -> T {
        look(&mut self.shared.told.lock().expect("no panic"))
    }

    pub(crate) fn attempts(&self) -> Vec<Attempt> {
        self.told(|told| told.attempts.clone())
    }

    pub(crate) fn passwords(&self) -> Vec<PasswordCheck> {
        self.told(|told| told.passwords.clone())
    }

    pub(crate) fn sessions(&self) -> Vec<SessionReport> {
        self.told(|told| told.sessions.clone())
    }

    pub(crate) fn ended(&self) -> Vec<(u64, EndOutcome)> {
        self.told(|told| told.ended.clone())
    }

    pub(crate) fn seen(&self, client: &str) -> Option<ClientSeen> {
        self.told(|told| told.seen.get(client).cloned())
    }

    /// What goes with accepts from now on.
    pub(crate) fn accept_with(&self, accepted: Accepted) {
        self.told(|told| told.accepted = accepted);
    }

    /// Has a session ended.
    pub(crate) fn order(&self, order: Order) {
        self.told(|told| match told.polls.pop() {
            Some((mut stream, id)) => {
                let body = Reply::Orders(vec![order]);
                let mut output = Vec::new();
                encode(&Envelope { id, body }, &mut output).expect("a short frame");
                stream.write_all(&output).expect("somebody waits");
            }
            None => told.orders.push(order),
        });
    }

    /// How often each account was tried.
    pub(crate) fn tries(&self) -> HashMap<String, usize> {
        let mut tries = HashMap::new();
        for attempt in self.attempts() {
            *tries.entry(attempt.account).or_default() += 1;
        }
        tries
    }

    /// Ends all connections and takes no more.
    pub(crate) fn stop(self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        fs::remove_file(&self.path).expect("our socket");
        for stream in self.shared.streams.lock().expect("no panic").drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn serve(shared: &Shared, mut stream: UnixStream) {
    let mut input = Vec::new();
    let mut piece = [0; 65_536];
    loop {
        let read = match stream.read(&mut piece) {
            Ok(0) | Err(_) => return,
            Ok(read) => read,
        };
        input.extend_from_slice(&piece[..read]);
        while let Some(frame) = next_frame(&mut input) {
            let Envelope { id, body } = decode(&frame).expect("a frame of ours");
            let manner = *shared.manner.lock().expect("no panic");
            // Held while it is written, so that no order comes in between.
            let mut told = shared.told.lock().expect("no panic");
            let mut output = Vec::new();
            handle(manner, &mut told, &stream, id, body, &mut output);
            let ended =
                matches!(manner, Manner::CutShort | Manner::Garbage) && !told.attempts.is_empty();
            let written = stream.write_all(&output);
            drop(told);
            if ended {
                let _ = stream.shutdown(Shutdown::Both);
            }
            if ended || written.is_err() {
                return;
            }
        }
    }
}

fn next_frame(input: &mut Vec<u8>) -> Option<Vec<u8>> {
    let length = frame_length(input, 65_536).expect("a short frame")?;
    if input.len() < LENGTH_OCTETS + length {
        return None;
    }
    let rest = input.split_off(LENGTH_OCTETS + length);
    let frame = std::mem::replace(input, rest);
    Some(frame[LENGTH_OCTETS..].to_vec())
}

fn handle(
    manner: Manner,
    told: &mut Told,
    stream: &UnixStream,
    id: u64,
    request: Request,
    output: &mut Vec<u8>,
) {
    let mut say = |body| encode(&Envelope { id, body }, output).expect("a short frame");
    match request {
        _ if manner == Manner::Dead => {}
        Request::Attempt(attempt) => {
            told.attempts.push(attempt.clone());
            answer(manner, id, &attempt, told, output);
        }
        Request::StateKeys => say(Reply::StateKeys(vec![StateKey {
            number: 1,
            key: Secret::new(vec![9; 32]),
        }])),
        Request::Seen(clients) => {
            for client in clients {
                told.seen.insert(client.client.clone(), client);
            }
            say(Reply::Taken);
        }
        Request::AwaitOrders if told.orders.is_empty() => {
            let stream = stream.try_clone().expect("a descriptor");
            told.polls.push((stream, id));
        }
        Request::AwaitOrders => say(Reply::Orders(std::mem::take(&mut told.orders))),
        Request::Ended(ended) => {
            told.ended.push((ended.id, ended.outcome));
            say(Reply::Taken);
        }
        _ if manner == Manner::Silent => {}
        _ if manner == Manner::Unavailable => say(Reply::Unavailable),
        Request::Password(check) => {
            let is_right = check.password.expose() == PASSWORD.as_bytes();
            told.passwords.push(check);
            say(Reply::Ticket(Secret::new(vec![is_right.into(); 40])));
        }
        Request::Session(report) => {
            told.sessions.push(*report);
            say(Reply::SessionStored);
        }
        other => panic!("nobody asks this: {other:?}"),
    }
}

fn answer(manner: Manner, id: u64, attempt: &Attempt, told: &mut Told, output: &mut Vec<u8>) {
    let decided = |verdict, account: &str, told: &Told| Reply::Decided {
        verdict,
        account: account.to_owned(),
        accepted: (verdict == Verdict::Accept).then(|| Box::new(accepted(attempt, told))),
    };
    let own = attempt.account.as_str();
    let (id, body) = match manner {
        Manner::Silent | Manner::Dead => return,
        Manner::Judge => {
            let verdict = judge(attempt, told);
            (id, decided(verdict, own, told))
        }
        Manner::Unavailable => (id, Reply::Unavailable),
        Manner::WrongAccount => (id, decided(Verdict::Accept, "somebody-else", told)),
        Manner::WrongId => (id + 1_000_000, decided(Verdict::Accept, own, told)),
        Manner::CutShort | Manner::Garbage => (id, decided(Verdict::Accept, own, told)),
    };
    let start = output.len();
    encode(&Envelope { id, body }, output).expect("a short frame");
    match manner {
        Manner::CutShort => output.truncate(output.len() - 3),
        Manner::Garbage => output[start + LENGTH_OCTETS..].fill(0xff),
        _ => {}
    }
}

fn accepted(attempt: &Attempt, told: &Told) -> Accepted {
    let mut accepted = told.accepted.clone();
    if accepted.account.is_empty() {
        accepted.account = attempt.account.clone();
    }
    if matches!(attempt.answer, Answer::MsChapV2 { .. }) {
        accepted.ms_chap = Some(MsChapKeys {
            authenticator_response: Secret::new(vec![1; 20]),
            send: Secret::new(vec![2; 16]),
            receive: Secret::new(vec![3; 16]),
        });
    }
    accepted
}

fn judge(attempt: &Attempt, told: &mut Told) -> Verdict {
    let Some(round) = &attempt.conversation else {
        return judge_alone(attempt);
    };
    // The same again gets the same again, and nothing else gets anything.
    if let Some((answer, verdict)) = told.rounds.get(&round.id) {
        return match *answer == attempt.answer && attempt.correlation.is_some() {
            true => *verdict,
            false => Verdict::Reject,
        };
    }
    let verdict = judge_alone(attempt);
    told.rounds
        .insert(round.id, (attempt.answer.clone(), verdict));
    verdict
}

fn judge_alone(attempt: &Attempt) -> Verdict {
    let first = match &attempt.first {
        None | Some(First::Right) => true,
        Some(First::Password(password)) => password.expose() == PASSWORD.as_bytes(),
        Some(First::Ticket(ticket)) => ticket.expose() == [1; 40],
        Some(_) => false,
    };
    let code = match &attempt.answer {
        Answer::Code(code) => code.expose() == RIGHT.as_bytes(),
        Answer::Chap {
            identifier,
            challenge,
            response,
        } => {
            let mut digest = Md5::new_with_prefix([*identifier]);
            digest.update(RIGHT);
            digest.update(challenge);
            digest.finalize()[..] == response[..]
        }
        Answer::MsChapV2 { response, .. } => *response == RIGHT_RESPONSE,
        _ => false,
    };
    match first && code {
        true => Verdict::Accept,
        false => Verdict::Reject,
    }
}
