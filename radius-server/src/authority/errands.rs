//! What is asked for somebody who waits, on its way into frames.

use sekisho_radius_protocol::server::Ticket;
use sekisho_verifier_socket::{ATTEMPT_FRAME_MAX, Envelope, FrameError, Request, encode};
use zeroize::Zeroizing;

use super::wiping::WipingBuffer;

/// The largest request of these: a session report with every text as long as it may be.
const FRAME_ROOM: usize = 2 * ATTEMPT_FRAME_MAX;

/// For what, and for whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Errand {
    /// An attempt to log in.
    Attempt(Ticket),
    /// A password that the hash in the store judges.
    Password(Ticket),
    /// A report of a session.
    Session(Ticket),
}

/// An errand that was sent, or is about to be.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) id: u64,
    pub(super) errand: Errand,
    /// Of an attempt: the reply must name it, so that no reply serves another's attempt.
    pub(super) account: String,
}

/// Errands on their way to the verifier.
#[derive(Debug, Default)]
pub(crate) struct Errands {
    pub(super) frames: WipingBuffer,
    pub(super) asked: Vec<Asked>,
}

impl Errands {
    pub(super) fn append(&mut self, other: &mut Self) {
        self.frames.append(&mut other.frames);
        self.asked.append(&mut other.asked);
    }

    pub(crate) fn len(&self) -> usize {
        self.asked.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.asked.is_empty()
    }

    pub(super) fn into_errands(self) -> impl Iterator<Item = Errand> {
        self.asked.into_iter().map(|asked| asked.errand)
    }
}

/// Writes errands into frames. Ids rise and are never used twice, whatever connection they go to.
#[derive(Debug)]
pub(crate) struct Writer {
    frame: Zeroizing<Vec<u8>>,
    next_id: u64,
}

impl Writer {
    pub(crate) fn new() -> Self {
        Self::starting_at(1)
    }

    /// Two writers for one connection need ids that are far apart.
    pub(super) fn starting_at(first: u64) -> Self {
        // With this room the frame never moves, and so leaves no copy behind.
        Self {
            frame: Zeroizing::new(Vec::with_capacity(FRAME_ROOM)),
            next_id: first,
        }
    }

    /// Appends one errand to `errands`.
    pub(crate) fn write(
        &mut self,
        errand: Errand,
        request: Request,
        errands: &mut Errands,
    ) -> Result<(), FrameError> {
        let (id, request) = self.frame(request, &mut errands.frames)?;
        let account = match request {
            Request::Attempt(attempt) => attempt.account,
            _ => String::new(),
        };
        errands.asked.push(Asked {
            id,
            errand,
            account,
        });
        Ok(())
    }

    /// Appends a frame to `frames`; returns its id.
    pub(super) fn frame(
        &mut self,
        body: Request,
        frames: &mut WipingBuffer,
    ) -> Result<(u64, Request), FrameError> {
        let id = self.next_id;
        let envelope = Envelope { id, body };
        self.frame.clear();
        encode(&envelope, &mut self.frame)?;
        frames.push(&self.frame);
        self.next_id += 1;
        Ok((id, envelope.body))
    }
}
