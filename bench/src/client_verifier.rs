//! The verifier over its socket: many attempts on one connection, as the RADIUS server asks them.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::ops::Range;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use sekisho_verifier_socket::{
    Attempt, Door, Envelope, FRAME_MAX, LENGTH_OCTETS, Place, Reply, Request, Secret, Verdict,
    decode, encode, frame_length,
};

use crate::Failure;
use crate::attempts::Login;

/// How long one reply may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// What is read at once.
const READ_OCTETS: usize = 64 * 1024;

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// From the first frame to the last reply.
    pub(crate) elapsed: Duration,
    /// How long each accept took.
    pub(crate) times: Vec<Duration>,
}

/// Sends all logins with at most `waiting` of them open; every one must be accepted.
pub(crate) fn run(socket: &Path, logins: &[Login], waiting: usize) -> Result<Outcome, Failure> {
    let stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let (frames, ends) = frames(logins)?;
    let mut pipeline = Pipeline {
        stream,
        logins,
        frames,
        ends,
        sent: 0,
        open: HashMap::new(),
        times: Vec::with_capacity(logins.len()),
    };
    let started = Instant::now();
    pipeline.send(waiting)?;
    let mut input = vec![0; LENGTH_OCTETS + FRAME_MAX.max(READ_OCTETS)];
    let mut filled = 0;
    while !pipeline.open.is_empty() {
        filled += match pipeline.stream.read(&mut input[filled..])? {
            0 => return Err("the verifier closed the connection".into()),
            octets => octets,
        };
        let consumed = pipeline.understand(&input[..filled])?;
        input.copy_within(consumed..filled, 0);
        filled -= consumed;
        pipeline.send(waiting)?;
    }
    Ok(Outcome {
        elapsed: started.elapsed(),
        times: pipeline.times,
    })
}

/// All requests as they will be written, and where each ends. The id is the index.
fn frames(logins: &[Login]) -> Result<(Vec<u8>, Vec<usize>), Failure> {
    let mut frames = Vec::new();
    let mut ends = vec![0];
    for (id, login) in (0..).zip(logins) {
        let place = Place {
            door: Door::Radius,
            name: "vpn".into(),
            terminal: None,
            remote: None,
        };
        let code = Secret::from(&*login.code);
        let body = Request::Attempt(Attempt::of_code(login.account.clone(), code, place));
        encode(&Envelope { id, body }, &mut frames)?;
        ends.push(frames.len());
    }
    Ok((frames, ends))
}

struct Pipeline<'l> {
    stream: UnixStream,
    logins: &'l [Login],
    frames: Vec<u8>,
    ends: Vec<usize>,
    sent: usize,
    open: HashMap<u64, Instant>,
    times: Vec<Duration>,
}

impl Pipeline<'_> {
    /// Sends until `waiting` are open, in one write.
    fn send(&mut self, waiting: usize) -> Result<(), Failure> {
        let last = (self.sent + waiting - self.open.len()).min(self.logins.len());
        let octets: Range<usize> = self.ends[self.sent]..self.ends[last];
        let now = Instant::now();
        self.open
            .extend((self.sent..last).map(|id| (id as u64, now)));
        self.sent = last;
        Ok(self.stream.write_all(&self.frames[octets])?)
    }

    /// Takes every whole reply; returns how many octets those were.
    fn understand(&mut self, octets: &[u8]) -> Result<usize, Failure> {
        let now = Instant::now();
        let mut at = 0;
        while let Some(length) = frame_length(&octets[at..], FRAME_MAX)? {
            let start = at + LENGTH_OCTETS;
            let Some(frame) = octets.get(start..start + length) else {
                break;
            };
            let Envelope { id, body } = decode::<Reply>(frame)?;
            self.accepted(id, &body, now)?;
            at = start + length;
        }
        Ok(at)
    }

    fn accepted(&mut self, id: u64, reply: &Reply, now: Instant) -> Result<(), Failure> {
        let sent = self.open.remove(&id).ok_or("a reply to no request")?;
        match reply {
            Reply::Decided {
                verdict: Verdict::Accept,
                account,
                ..
            } if *account == self.logins[id as usize].account => {
                self.times.push(now - sent);
                Ok(())
            }
            other => Err(format!("a right code was answered with {other:?}").into()),
        }
    }
}
