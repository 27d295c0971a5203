//! One connection: frames in, jobs out, replies back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sekisho_verifier::account::AccountName;
use sekisho_verifier::place::{Door, Place};
use sekisho_verifier::serial::Serial;
use sekisho_verifier::verify::Phase;
use sekisho_verifier_socket as wire;
use sekisho_verifier_socket::{
    ATTEMPT_FRAME_MAX, Envelope, FRAME_MAX, FrameError, LENGTH_OCTETS, RADIUS_FRAME_MAX, Reply,
    Request, frame_length,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;
use tokio::time::timeout;
use zeroize::{Zeroize, Zeroizing};

use crate::admin::{About, Desk};
use crate::clock::Moment;
use crate::decider::Job;
use crate::outbox::{Outbox, ReplyTo};
use crate::peer::Peer;
use crate::second_use::{KernelSession, Origin};
use crate::service::Shared;
use crate::{logins, owners, sessions};

/// Open requests of one connection of root or a daemon.
const IN_FLIGHT_TRUSTED: usize = 4_096;
/// Open requests of one connection of anybody else.
const IN_FLIGHT: usize = 4;
/// How long a connection may say nothing. The RADIUS server keeps its connection for ever.
const IDLE: Duration = Duration::from_secs(120);
/// How long a peer may take to accept our replies.
const WRITE: Duration = Duration::from_secs(10);
/// What is read at once, at most.
const READ_OCTETS: usize = 64 * 1024;
/// What is read at once at first: a login is one connection with one small frame, and to make and
/// wipe a buffer for the largest frame would take longer than to decide.
const FIRST_READ_OCTETS: usize = 1024;

/// Serves `stream` until the peer closes it, breaks the protocol, or the daemon ends.
pub(crate) async fn serve(stream: UnixStream, peer: Peer, shared: Arc<Shared>) {
    let (reader, writer) = stream.into_split();
    let outbox = Arc::new(Outbox::default());
    let writing = tokio::spawn(write(writer, Arc::clone(&outbox)));
    let mut connection = Connection {
        desk: Desk::new(&peer),
        ending: shared.ending.clone(),
        peer,
        shared,
        outbox: Arc::clone(&outbox),
    };
    if let Err(error) = connection.read(reader).await {
        let Peer { name, uid, .. } = &connection.peer;
        let log = &connection.shared.log;
        log.debug(format_args!(
            "connection of {name} (uid {uid}) closed: {error}"
        ));
    }
    outbox.close();
    if connection.peer.serves_gateways() {
        sessions::gone(&outbox, &connection.shared);
    }
    // It ends by itself after the last reply; a panic in it has ended the process.
    let _ = writing.await;
}

async fn write(mut writer: OwnedWriteHalf, outbox: Arc<Outbox>) {
    let mut gone = false;
    while let Some(mut frames) = outbox.next().await {
        if !gone {
            let written = timeout(WRITE, writer.write_all(&frames)).await;
            gone = !matches!(written, Ok(Ok(())));
        }
        frames.zeroize();
    }
}

struct Connection {
    peer: Peer,
    shared: Arc<Shared>,
    outbox: Arc<Outbox>,
    desk: Desk,
    ending: watch::Receiver<bool>,
}

impl Connection {
    async fn read(&mut self, mut reader: OwnedReadHalf) -> Result<(), FrameError> {
        let limit = match () {
            () if self.peer.has_verbs() => FRAME_MAX,
            () if self.peer.serves_gateways() => RADIUS_FRAME_MAX,
            () => ATTEMPT_FRAME_MAX,
        };
        let mut input = Input::new(LENGTH_OCTETS + limit.max(READ_OCTETS));
        loop {
            input.make_room();
            let Some(count) = self.fill(&mut reader, input.room()).await else {
                return Ok(());
            };
            input.read(count);
            let consumed = self.take_frames(input.octets(), limit).await?;
            input.consume(consumed);
        }
    }

    /// Reads some octets; `None` at the end, after an error, when the peer is silent too long, or
    /// when the daemon ends.
    async fn fill(&mut self, reader: &mut OwnedReadHalf, target: &mut [u8]) -> Option<usize> {
        let forever = self.peer.roles.radius;
        let read = async {
            let read = reader.read(target);
            if forever {
                return read.await.ok();
            }
            timeout(IDLE, read).await.ok()?.ok()
        };
        tokio::select! {
            count = read => count.filter(|&count| count > 0),
            _ = self.ending.wait_for(|&ending| ending) => None,
        }
    }

    /// Handles every whole frame in `octets`; says how many octets those were.
    async fn take_frames(&mut self, octets: &[u8], limit: usize) -> Result<usize, FrameError> {
        let mut consumed = 0;
        while let Some(length) = frame_length(&octets[consumed..], limit)? {
            let start = consumed + LENGTH_OCTETS;
            let Some(frame) = octets.get(start..start + length) else {
                break;
            };
            let Envelope { id, body } = wire::decode::<Request>(frame)?;
            self.handle(id, body).await;
            consumed = start + length;
        }
        Ok(consumed)
    }

    async fn handle(&mut self, id: u64, request: Request) {
        let limit = if self.peer.is_trusted() {
            IN_FLIGHT_TRUSTED
        } else {
            IN_FLIGHT
        };
        self.outbox.begin(limit).await;
        let to = ReplyTo {
            outbox: Arc::clone(&self.outbox),
            id,
        };
        match request {
            Request::Ask(_) | Request::Attempt(_) | Request::Password(_) | Request::Start(_)
                if self.shared.hold.is_on() =>
            {
                self.put_off(to);
            }
            Request::Ask(ask) => self.ask(ask, to),
            Request::Attempt(attempt) => self.attempt(attempt, to),
            Request::Password(_)
            | Request::StateKeys
            | Request::Session(_)
            | Request::AwaitOrders
            | Request::Ended(_)
            | Request::Seen(_)
                if !self.peer.serves_gateways() =>
            {
                to.answer(Reply::NotPermitted);
            }
            Request::Password(check) => logins::password(check, to, &self.shared),
            Request::StateKeys => to.answer(logins::state_keys(&self.shared)),
            Request::Session(report) => sessions::reported(*report, to, &self.shared),
            Request::AwaitOrders => sessions::await_orders(to, &self.shared),
            Request::Ended(ended) => {
                sessions::ended(ended, &self.shared);
                to.answer(Reply::Taken);
            }
            Request::Seen(clients) => {
                self.shared.seen.told(clients);
                to.answer(Reply::Taken);
            }
            Request::Start(start) if self.peer.roles.pam => {
                let place = self.place(&start.place);
                owners::start(*start, place, &self.peer, to, &self.shared);
            }
            Request::LoginSession {
                account,
                place,
                opens,
            } if self.peer.roles.pam => {
                self.login_session(&account, &place, opens);
                to.answer(Reply::Taken);
            }
            Request::Admin {
                verb,
                key,
                language,
                approval,
            } => {
                let about = About {
                    key,
                    language,
                    approval,
                };
                let answer = self.desk.handle(*verb, about, &self.peer, &self.shared);
                let answer = answer.await;
                to.answer(Reply::Admin(Box::new(answer)));
            }
            _ => to.answer(Reply::NotPermitted),
        }
    }

    fn ask(&self, ask: wire::Ask, to: ReplyTo) {
        if !self.peer.may_attempt(&ask.account, ask.place.door) {
            return self.refuse(&ask.place, to);
        }
        if !self.may_ask_now() {
            return self.put_off(to);
        }
        let place = self.place(&ask.place);
        let phase = match ask.phase {
            wire::Phase::Authenticate => Phase::Authenticate,
            wire::Phase::Account => Phase::Account,
            wire::Phase::Change => Phase::Change,
        };
        self.submit(
            Job::Ask {
                second_use: self.second_use(&ask.account, &place),
                account: ask.account,
                place,
                phase,
                to: to.clone(),
            },
            to,
        );
    }

    /// The process of root on the other end, if its login session may matter.
    fn origin(&self) -> Option<Origin> {
        let may = self.peer.roles.pam && self.shared.second_use.is_on();
        may.then(|| Origin {
            session: self.peer.pid.and_then(KernelSession::of),
        })
    }

    fn second_use(&self, account: &str, place: &Place) -> Option<Serial> {
        let session = self.origin()?.session;
        let account = AccountName::parse(account).ok()?;
        let uses = &self.shared.second_use;
        uses.granted(&account, place, session, Moment::now())
    }

    fn login_session(&self, account: &str, place: &wire::Place, opens: bool) {
        let (Some(origin), Ok(account)) = (self.origin(), AccountName::parse(account)) else {
            return;
        };
        let uses = &self.shared.second_use;
        match opens {
            true => uses.opened(&account, &self.place(place), origin.session, Moment::now()),
            false => uses.closed(&account, origin.session),
        }
    }

    fn attempt(&self, attempt: wire::Attempt, to: ReplyTo) {
        if !self.peer.may_attempt(&attempt.account, attempt.place.door) {
            return self.refuse(&attempt.place, to);
        }
        if !self.may_ask_now() {
            return self.put_off(to);
        }
        let place = self.place(&attempt.place);
        let Some(decided) = logins::attempt_of(&attempt, place) else {
            return to.answer(Reply::NotPermitted);
        };
        match attempt.place.door {
            wire::Door::Radius => logins::of_gateway(attempt, decided, to, &self.shared),
            wire::Door::Pam => logins::submit(decided, self.origin(), to, &self.shared),
        }
    }

    fn submit(&self, job: Job, to: ReplyTo) {
        if self.shared.queue.put(job).is_err() {
            self.put_off(to);
        }
    }

    fn refuse(&self, place: &wire::Place, to: ReplyTo) {
        if self.may_ask_now() {
            let Peer { name, uid, .. } = &self.peer;
            let place = self.place(place);
            let log = &self.shared.log;
            log.warning(format_args!(
                "refused to {name} (uid {uid}): an attempt of another at {place}"
            ));
        }
        to.answer(Reply::NotPermitted);
    }

    /// Where the attempt happens. What somebody who is not trusted says of a remote host could lay
    /// a trail to others, so their own uid stands there.
    fn place(&self, place: &wire::Place) -> Place {
        let door = match place.door {
            wire::Door::Pam => Door::Pam,
            wire::Door::Radius => Door::Radius,
        };
        let own = format!("uid={}", self.peer.uid);
        let remote = if self.peer.is_trusted() {
            place.remote.as_deref()
        } else {
            Some(own.as_str())
        };
        Place::new(door, &place.name, place.terminal.as_deref(), remote)
    }

    fn may_ask_now(&self) -> bool {
        self.peer.is_trusted() || self.shared.rates.take(self.peer.uid, Instant::now())
    }

    /// Nothing is decided, and nothing is written.
    fn put_off(&self, to: ReplyTo) {
        self.shared.counters.undecided.add();
        to.answer(Reply::Unavailable);
    }
}

/// Octets that were read and not understood yet. They hold what people typed, so what is consumed
/// or outgrown is wiped.
struct Input {
    octets: Zeroizing<Vec<u8>>,
    filled: usize,
    /// The last read left no room: a frame is not whole yet, or the peer has much to say.
    crowded: bool,
    most: usize,
}

impl Input {
    /// Grows to at most `most` octets: room for the largest frame, and for the start of the next.
    fn new(most: usize) -> Self {
        Self {
            octets: Zeroizing::new(vec![0; FIRST_READ_OCTETS.min(most)]),
            filled: 0,
            crowded: false,
            most,
        }
    }

    /// Doubles the buffer when the last read has filled it.
    fn make_room(&mut self) {
        let size = (2 * self.octets.len()).min(self.most);
        if !self.crowded || size == self.octets.len() {
            return;
        }
        // A Vec that grows by itself leaves its old octets behind.
        let mut larger = Zeroizing::new(vec![0; size]);
        larger[..self.filled].copy_from_slice(self.octets());
        self.octets = larger;
    }

    fn room(&mut self) -> &mut [u8] {
        &mut self.octets[self.filled..]
    }

    fn read(&mut self, count: usize) {
        self.filled += count;
        self.crowded = self.filled == self.octets.len();
    }

    fn octets(&self) -> &[u8] {
        &self.octets[..self.filled]
    }

    fn consume(&mut self, count: usize) {
        self.octets.copy_within(count..self.filled, 0);
        let rest = self.filled - count;
        self.octets[rest..self.filled].zeroize();
        self.filled = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 5 * FIRST_READ_OCTETS;

    fn read(input: &mut Input, octets: &[u8]) -> usize {
        input.make_room();
        let count = octets.len().min(input.room().len());
        input.room()[..count].copy_from_slice(&octets[..count]);
        input.read(count);
        count
    }

    #[test]
    fn input_grows_with_what_comes_up_to_its_bound() {
        let octets: Vec<u8> = (0..MOST).map(|n| (n % 251) as u8).collect();
        let mut input = Input::new(MOST);
        let mut at = 0;
        let mut sizes = Vec::new();
        while at < octets.len() {
            at += read(&mut input, &octets[at..]);
            sizes.push(input.octets.len() / FIRST_READ_OCTETS);
        }
        assert_eq!(sizes, [1, 2, 4, 5]);
        assert_eq!(input.octets(), octets);
    }

    #[test]
    fn small_frames_need_no_more_room() {
        let mut input = Input::new(MOST);
        for _ in 0..100 {
            read(&mut input, b"a login");
            input.consume(7);
        }
        assert_eq!(input.octets.len(), FIRST_READ_OCTETS);
    }

    #[test]
    fn what_is_consumed_is_wiped() {
        let mut input = Input::new(MOST);
        read(&mut input, b"123456 and a rest");
        input.consume(7);
        assert_eq!(input.octets(), b"and a rest");
        assert!(input.room().iter().all(|&octet| octet == 0));
    }
}
