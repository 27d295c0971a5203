//! Replies on their way to one connection.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sekisho_verifier_socket::{Envelope, Reply, encode};
use tokio::sync::Notify;
use zeroize::Zeroize;

/// A reply with a seed in it is shorter than this; larger ones are lists, which hold none.
const SECRET_REPLY_OCTETS_MAX: usize = 4 << 10;

/// Collects reply frames, so that the replies of a whole group go out in one write.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    frames: Mutex<Vec<u8>>,
    filled: Notify,
    in_flight: AtomicUsize,
    room: Notify,
    closed: AtomicBool,
}

impl Outbox {
    /// Waits until fewer than `limit` requests of this connection are open, then counts one more.
    pub(crate) async fn begin(&self, limit: usize) {
        loop {
            if self.in_flight.load(Ordering::Acquire) < limit {
                break;
            }
            // A permit is kept if room is made between the check and this wait.
            self.room.notified().await;
        }
        self.in_flight.fetch_add(1, Ordering::AcqRel);
    }

    /// Adds the reply to request `id`; [`Outbox::deliver`] sends it off.
    pub(crate) fn put(&self, id: u64, reply: Reply) {
        let mut frames = self.frames.lock().unwrap_or_else(PoisonError::into_inner);
        make_room(&mut frames);
        if encode(&Envelope { id, body: reply }, &mut frames).is_err() {
            // Larger than a frame, which the size of a page should prevent.
            let body = Reply::Unavailable;
            let _ = encode(&Envelope { id, body }, &mut frames);
        }
        drop(frames);
        self.in_flight.fetch_sub(1, Ordering::AcqRel);
    }

    /// Wakes the task that writes, and the one that waits for room.
    pub(crate) fn deliver(&self) {
        self.filled.notify_one();
        self.room.notify_one();
    }

    /// No further request will come: what is in flight is still answered.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.filled.notify_one();
    }

    /// Whether the peer has gone, or says nothing more.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// The frames to write next, or `None` when the last has been handed out.
    pub(crate) async fn next(&self) -> Option<Vec<u8>> {
        loop {
            // Read before the frames are taken: what is put before the last is counted down is
            // then seen below.
            let finished =
                self.closed.load(Ordering::Acquire) && self.in_flight.load(Ordering::Acquire) == 0;
            let frames =
                std::mem::take(&mut *self.frames.lock().unwrap_or_else(PoisonError::into_inner));
            if !frames.is_empty() {
                return Some(frames);
            }
            if finished {
                return None;
            }
            self.filled.notified().await;
        }
    }
}

/// A Vec that grows by itself leaves its old octets behind.
fn make_room(frames: &mut Vec<u8>) {
    if frames.capacity() - frames.len() < SECRET_REPLY_OCTETS_MAX {
        let mut larger = Vec::with_capacity(2 * frames.len() + SECRET_REPLY_OCTETS_MAX);
        larger.extend_from_slice(frames);
        frames.zeroize();
        *frames = larger;
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        // A reply that nobody fetched may hold a fresh seed.
        self.frames
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .zeroize();
    }
}

/// Where the reply to one request goes.
#[derive(Debug, Clone)]
pub(crate) struct ReplyTo {
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) id: u64,
}

impl ReplyTo {
    /// Answers at once.
    pub(crate) fn answer(self, reply: Reply) {
        self.outbox.put(self.id, reply);
        self.outbox.deliver();
    }
}
