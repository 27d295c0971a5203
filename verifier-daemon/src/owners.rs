//! What people do with their own account: in a PAM conversation, and by `sekisho self`.
//!
//! PAM has let in who starts the use of a token at a login. Who comes by `sekisho self` is known by
//! the kernel's word, and shows by the login password, which `sekisho-passwordd` judges before
//! anything else, that it is not somebody at an unlocked screen. Then codes count as at a login.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sekisho_settings::Settings;
use sekisho_verifier::account::AccountName;
use sekisho_verifier::event::{Actor, Channel};
use sekisho_verifier::operation::{self, Done, Operation, Order};
use sekisho_verifier::place::Place;
use sekisho_verifier::serial::Serial;
use sekisho_verifier_socket::password::{self, Judged, Question};
use sekisho_verifier_socket::{self as wire, Reply, Secret, Started, check_peer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::admin;
use crate::outbox::ReplyTo;
use crate::peer::Peer;
use crate::requests;
use crate::service::Shared;
use crate::views;

/// So many wrong passwords of one user
const WRONG_MAX: usize = 5;
/// in so long.
const WITHIN: Duration = Duration::from_secs(60);
/// Users whose wrong passwords are counted; further ones are refused.
const USERS: usize = 4_096;
/// Passwords that are judged at once.
const CHECKS: usize = 4;
/// What may pass beside the check itself, which takes its own bounded time.
const MARGIN: Duration = Duration::from_millis(500);

/// The way to `sekisho-passwordd`, and who may not use it for a while.
#[derive(Debug)]
pub(crate) struct Owners {
    socket: PathBuf,
    time: Duration,
    checks: Semaphore,
    tries: Tries,
}

/// What is known of a login password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Password {
    Right,
    Wrong,
    /// Too many were wrong.
    Wait,
    /// Nobody could judge it.
    Unavailable,
}

impl Owners {
    pub(crate) fn new(settings: &Settings) -> Self {
        let pam = &settings.radius.pam;
        Self {
            socket: pam.socket.clone(),
            time: Duration::from_millis(pam.timeout_ms.value()) + MARGIN,
            checks: Semaphore::new(CHECKS),
            tries: Tries::default(),
        }
    }

    /// Judges the login password of the user on the other end.
    pub(crate) async fn judge(&self, peer: &Peer, password: &Secret, shared: &Shared) -> Password {
        let question = Question {
            account: &peer.name,
            password: password.expose(),
            remote: "",
        };
        let Some(octets) = question.encode() else {
            return Password::Wrong;
        };
        let now = Instant::now();
        if !self.tries.begin(peer.uid, now) {
            return Password::Wait;
        }
        let asked = timeout(self.time, self.ask(&octets)).await;
        let asked = asked.unwrap_or_else(|late| Err(late.into()));
        self.tries
            .end(peer.uid, now, matches!(asked, Ok(Judged::Wrong)));
        match asked {
            Ok(Judged::Right) => Password::Right,
            Ok(Judged::Wrong) => Password::Wrong,
            Ok(Judged::Unavailable) => Password::Unavailable,
            Err(error) => {
                if peer.is_trusted() || shared.rates.take(peer.uid, now) {
                    let (log, socket) = (&shared.log, self.socket.display());
                    log.warning(format_args!(
                        "no password can be judged for sekisho self: {socket}: {error}"
                    ));
                }
                Password::Unavailable
            }
        }
    }

    async fn ask(&self, octets: &[u8]) -> io::Result<Judged> {
        let _permit = self.checks.acquire().await.map_err(io::Error::other)?;
        let stream = UnixStream::connect(&self.socket).await?.into_std()?;
        // Before any password is written into it.
        check_peer(&self.socket, &stream).map_err(io::Error::other)?;
        let mut stream = UnixStream::from_std(stream)?;
        stream.write_all(octets).await?;
        stream.read_u8().await.map(password::Judged::from_octet)
    }
}

/// Wrong passwords of late, by user.
#[derive(Debug, Default)]
struct Tries(Mutex<HashMap<u32, Tried>>);

#[derive(Debug, Default)]
struct Tried {
    wrong: Vec<Instant>,
    /// One is being judged: nobody holds more than one of the places.
    judging: bool,
}

impl Tries {
    /// Whether user `uid` may try once more at `now`.
    fn begin(&self, uid: u32, now: Instant) -> bool {
        let mut users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if users.len() >= USERS && !users.contains_key(&uid) {
            users
                .retain(|_, tried| tried.judging || tried.wrong.iter().any(|at| is_late(*at, now)));
            if users.len() >= USERS {
                return false;
            }
        }
        let tried = users.entry(uid).or_default();
        tried.wrong.retain(|at| is_late(*at, now));
        let may = tried.wrong.len() < WRONG_MAX && !tried.judging;
        tried.judging |= may;
        may
    }

    /// The try that was begun at `then` was judged, and whether it was wrong.
    fn end(&self, uid: u32, then: Instant, wrong: bool) {
        let mut users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tried) = users.get_mut(&uid) {
            tried.judging = false;
            if wrong {
                tried.wrong.push(then);
            }
            if tried.wrong.is_empty() {
                users.remove(&uid);
            }
        }
    }
}

fn is_late(at: Instant, now: Instant) -> bool {
    now.saturating_duration_since(at) < WITHIN
}

/// Starts the use of a token in a PAM conversation.
pub(crate) fn start(
    start: wire::Start,
    place: Place,
    peer: &Peer,
    to: ReplyTo,
    shared: &Arc<Shared>,
) {
    let names = (
        AccountName::parse(&start.account),
        Serial::parse(&start.serial),
    );
    let (Ok(account), Ok(serial)) = names else {
        return to.answer(Reply::NotStarted);
    };
    let operation = Operation::Start(Box::new(operation::Start {
        account,
        place: Some(place),
        exchange: None,
        serial,
        code: requests::code(&start.code),
        old_code: start.old_code.as_ref().map(requests::code),
        characters: start.characters.as_ref().map(requests::code),
        code_required: start.code_required,
    }));
    let order = Order {
        channel: Channel::Pam,
        ..Order::of(Actor::new(peer.uid, &peer.name))
    };
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        to.answer(started(operation, order, &shared).await);
    });
}

async fn started(operation: Operation, order: Order, shared: &Shared) -> Reply {
    let undecided = || {
        shared.counters.undecided.add();
        Reply::Unavailable
    };
    let log = &shared.log;
    let Ok(Some((done, _))) = shared.queue.operate(operation, order).await else {
        return undecided();
    };
    let position = match done {
        Done::Receipt(position, event) => {
            log.info(format_args!("{event} (event {position})"));
            position
        }
        // Which of many causes it was, only operators are told.
        Done::Refused(refusal) => {
            log.info(format_args!("a start of use was refused: {refusal}"));
            return Reply::NotStarted;
        }
        Done::Before(_) | Done::NotDone | Done::Unknown => return undecided(),
    };
    match admin::receipt_view(position, shared).await {
        Ok(Some(receipt)) => {
            let (serial, new) = (receipt.serial.unwrap_or_default(), receipt.new_serial);
            let (serial, ended) = match new {
                Some(new) => (new, Some(serial)),
                None => (serial, None),
            };
            Reply::Started(Box::new(Started {
                number: receipt.number,
                time: views::wall_clock(sekisho_verifier::time::Time::from_millis(receipt.time_ms)),
                serial,
                ended,
            }))
        }
        // It is done, and nobody can be told what its receipt is.
        _ => undecided(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_wrong_passwords_a_minute_and_right_ones_do_not_count() {
        let tries = Tries::default();
        let now = Instant::now();
        for _ in 0..100 {
            assert!(tries.begin(7, now));
            tries.end(7, now, false);
        }
        let wrong = |uid, at| {
            let may = tries.begin(uid, at);
            may.then(|| tries.end(uid, at, true)).is_some()
        };
        assert_eq!((0..100).filter(|_| wrong(7, now)).count(), WRONG_MAX);
        assert!(wrong(8, now), "another user is not held up");
        assert!(!wrong(7, now + WITHIN - Duration::from_millis(1)));
        assert!(wrong(7, now + WITHIN));
    }

    #[test]
    fn one_user_has_one_password_judged_at_a_time() {
        let tries = Tries::default();
        let now = Instant::now();
        assert!(tries.begin(7, now));
        assert!(!tries.begin(7, now));
        assert!(tries.begin(8, now));
        tries.end(7, now, false);
        assert!(tries.begin(7, now));
    }

    #[test]
    fn users_that_are_counted_are_bounded() {
        let tries = Tries::default();
        let now = Instant::now();
        for uid in 0..USERS as u32 {
            assert!(tries.begin(uid, now));
            tries.end(uid, now, true);
        }
        assert!(!tries.begin(u32::MAX, now));
        assert!(tries.begin(u32::MAX, now + WITHIN));
    }
}
