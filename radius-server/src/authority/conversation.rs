//! One connection to the verifier, from its first frame to its end.

use std::collections::{HashMap, VecDeque};
use std::io;

use sekisho_radius_protocol::server::Ticket;
use sekisho_verifier_socket::{
    ATTEMPT_FRAME_MAX, LENGTH_OCTETS, Reply, Verdict, decode, frame_length,
};
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::time::Instant;

use super::wiping::WipingBuffer;
use super::{Asked, Attempts, Connection, VERDICT_TIME};
use crate::mailbox::Opinion;

/// Room for replies that were read and not understood yet; more than any one of them needs.
const INPUT_OCTETS: usize = 16 * ATTEMPT_FRAME_MAX;

/// An attempt that waits for its reply.
#[derive(Debug)]
struct Waiting {
    ticket: Ticket,
    account: String,
}

pub(super) struct Conversation<'c> {
    connection: &'c Connection,
    stream: UnixStream,
    taken: Attempts,
    output: WipingBuffer,
    input: Box<[u8]>,
    /// How many octets of the input have been read.
    filled: usize,
    waiting: HashMap<u64, Waiting>,
    /// In the order of asking, which is the order of giving up. Holds answered ones too.
    deadlines: VecDeque<(Instant, u64)>,
    opinions: Vec<(Ticket, Opinion)>,
    has_answered: bool,
}

impl<'c> Conversation<'c> {
    pub(super) fn new(connection: &'c Connection, stream: UnixStream) -> Self {
        Self {
            connection,
            stream,
            taken: Attempts::default(),
            output: WipingBuffer::default(),
            input: vec![0; INPUT_OCTETS].into(),
            filled: 0,
            waiting: HashMap::new(),
            deadlines: VecDeque::new(),
            opinions: Vec::new(),
            has_answered: false,
        }
    }

    pub(super) fn has_answered(&self) -> bool {
        self.has_answered
    }

    /// Writes what is to be asked, waits until something happens, reads what was answered.
    pub(super) async fn turn(&mut self) -> io::Result<()> {
        self.take_attempts();
        self.write()?;
        self.wait().await?;
        self.read()?;
        self.give_up_late(Instant::now());
        self.connection.settle(&mut self.opinions);
        Ok(())
    }

    fn take_attempts(&mut self) {
        // The frames change places with an empty buffer, so this lock is held for no time.
        std::mem::swap(&mut *self.connection.authority.lock(), &mut self.taken);
        self.output.append(&mut self.taken.frames);
        let deadline = Instant::now() + VERDICT_TIME;
        for Asked {
            id,
            ticket,
            account,
        } in self.taken.asked.drain(..)
        {
            self.waiting.insert(id, Waiting { ticket, account });
            self.deadlines.push_back((deadline, id));
        }
    }

    fn write(&mut self) -> io::Result<()> {
        while !self.output.is_empty() {
            match self.stream.try_write(self.output.unread()) {
                Ok(written) => self.output.consume(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn wait(&self) -> io::Result<()> {
        let interest = if self.output.is_empty() {
            Interest::READABLE
        } else {
            Interest::READABLE | Interest::WRITABLE
        };
        let late = async {
            match self.deadlines.front() {
                Some((deadline, _)) => tokio::time::sleep_until(*deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            ready = self.stream.ready(interest) => ready.map(drop),
            () = self.connection.authority.arrived.notified() => Ok(()),
            () = late => Ok(()),
        }
    }

    fn read(&mut self) -> io::Result<()> {
        match self.stream.try_read(&mut self.input[self.filled..]) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(octets) => {
                self.filled += octets;
                self.understand()
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Takes every whole frame out of the input. What is left is less than one frame, so there is
    /// always room to read more.
    fn understand(&mut self) -> io::Result<()> {
        let mut at = 0;
        while let Some(length) = frame_length(&self.input[at..self.filled], ATTEMPT_FRAME_MAX)
            .map_err(io::Error::other)?
        {
            let start = at + LENGTH_OCTETS;
            let Some(frame) = self.input[..self.filled].get(start..start + length) else {
                break;
            };
            let envelope = decode::<Reply>(frame).map_err(io::Error::other)?;
            at = start + length;
            self.answered(envelope.id, envelope.body)?;
        }
        self.input.copy_within(at..self.filled, 0);
        self.filled -= at;
        Ok(())
    }

    /// A reply that nobody waits for came too late; what it says is lost on purpose.
    fn answered(&mut self, id: u64, reply: Reply) -> io::Result<()> {
        let Some(waiting) = self.waiting.remove(&id) else {
            return Ok(());
        };
        let opinion = opinion(&waiting, reply);
        let ticket = waiting.ticket;
        self.opinions
            .push((ticket, *opinion.as_ref().unwrap_or(&Opinion::Undecided)));
        self.has_answered |= opinion.is_ok();
        opinion.map(drop)
    }

    fn give_up_late(&mut self, now: Instant) {
        while let Some(&(deadline, id)) = self.deadlines.front() {
            let is_answered = !self.waiting.contains_key(&id);
            if !is_answered && deadline > now {
                break;
            }
            self.deadlines.pop_front();
            if let Some(late) = self.waiting.remove(&id) {
                self.opinions.push((late.ticket, Opinion::Undecided));
            }
        }
    }

    /// The connection has ended: nothing is known about whatever waits.
    pub(super) fn abandon(&mut self) {
        self.take_attempts();
        let lost = self.waiting.drain();
        self.opinions
            .extend(lost.map(|(_, waiting)| (waiting.ticket, Opinion::Undecided)));
        self.connection.settle(&mut self.opinions);
    }
}

/// What a reply says about the attempt that waits for it. An accept comes from here only.
///
/// An error means that the other side does not keep to the protocol, and nothing more it says on
/// this connection can be believed.
fn opinion(waiting: &Waiting, reply: Reply) -> io::Result<Opinion> {
    match reply {
        Reply::Decided { verdict, account, .. } if account == waiting.account => Ok(match verdict {
            Verdict::Accept => Opinion::Accept,
            Verdict::Reject => Opinion::Reject,
        }),
        Reply::Decided { .. } => Err(io::Error::other("reply for another account")),
        Reply::Unavailable => Ok(Opinion::Undecided),
        Reply::NotPermitted => Err(io::Error::other("not permitted to send attempts")),
        _ => Err(io::Error::other("reply to another question")),
    }
}
