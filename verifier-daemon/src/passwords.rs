//! Passwords that are kept here: made into hashes, and judged by them, on threads of their own.
//!
//! A hash takes tens of milliseconds and much memory on purpose, so there are few threads and a short
//! queue: a login with a password waits here and not in front of those without one. Where there is
//! no hash a decoy is judged, so that the time does not tell who has a password.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use sekisho_verifier::account::PasswordHash;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

/// Argon2id as OWASP recommends it for servers: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 << 10;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// What a hash may ask for at most: it comes from the store, and may be of another version.
const MEMORY_KIB_MAX: u32 = 64 << 10;
const PASSES_MAX: u32 = 10;
const LANES_MAX: u32 = 4;
const SALT_OCTETS: usize = 16;

/// The longest password: RFC 2865 has room for 128 octets.
pub(crate) const PASSWORD_OCTETS_MAX: usize = 256;
const THREADS: usize = 2;
/// Passwords that may wait for a thread; what comes on top is not judged.
const WAITING_MAX: usize = 64;

enum Task {
    Judge {
        hash: Option<PasswordHash>,
        password: Zeroizing<Vec<u8>>,
        to: oneshot::Sender<bool>,
    },
    Make {
        password: Zeroizing<Vec<u8>>,
        salt: [u8; SALT_OCTETS],
        to: oneshot::Sender<Option<PasswordHash>>,
    },
}

/// The way to the threads, which end when this is dropped.
#[derive(Debug)]
pub(crate) struct Passwords(SyncSender<Task>);

impl Passwords {
    pub(crate) fn start() -> std::io::Result<Self> {
        let (tasks, queue) = sync_channel(WAITING_MAX);
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..THREADS {
            let queue = Arc::clone(&queue);
            let thread = std::thread::Builder::new().name("password".into());
            thread.spawn(move || run(&queue))?;
        }
        Ok(Self(tasks))
    }

    /// Whether `password` is the one of `hash`; never, if there is none. `None` if nobody could judge
    /// it.
    pub(crate) async fn judge(
        &self,
        hash: Option<PasswordHash>,
        password: Zeroizing<Vec<u8>>,
    ) -> Option<bool> {
        let (to, judged) = oneshot::channel();
        let task = Task::Judge { hash, password, to };
        self.0.try_send(task).ok()?;
        judged.await.ok()
    }

    /// The hash of a new password; `None` if it could not be made.
    pub(crate) async fn make(&self, password: Zeroizing<Vec<u8>>) -> Option<PasswordHash> {
        let mut salt = [0; SALT_OCTETS];
        getrandom::fill(&mut salt).ok()?;
        let (to, made) = oneshot::channel();
        let task = Task::Make { password, salt, to };
        self.0.try_send(task).ok()?;
        made.await.ok()?
    }
}

fn run(queue: &Mutex<Receiver<Task>>) {
    let decoy = make(b"", &[0; SALT_OCTETS]);
    loop {
        let task = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        // The connection may be gone; then nobody wants to know.
        match task {
            Err(_) => return,
            Ok(Task::Judge { hash, password, to }) => {
                _ = to.send(judge(hash.as_ref(), decoy.as_ref(), &password));
            }
            Ok(Task::Make { password, salt, to }) => _ = to.send(make(&password, &salt)),
        }
    }
}

fn judge(hash: Option<&PasswordHash>, decoy: Option<&PasswordHash>, password: &[u8]) -> bool {
    match hash.and_then(parsed) {
        Some((argon2, phc)) => argon2.verify_password(password, &phc).is_ok(),
        None => {
            if let Some((argon2, phc)) = decoy.and_then(parsed) {
                std::hint::black_box(argon2.verify_password(password, &phc).is_ok());
            }
            false
        }
    }
}

fn make(password: &[u8], salt: &[u8]) -> Option<PasswordHash> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).ok()?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let phc = argon2.hash_password_with_salt(password, salt).ok()?;
    PasswordHash::parse(&Zeroizing::new(phc.to_string())).ok()
}

/// What a hash asks for, if that is in its bounds.
fn parsed(hash: &PasswordHash) -> Option<(Argon2<'static>, Phc)> {
    let phc = Phc::new(hash.expose()).ok()?;
    let algorithm = Algorithm::try_from(phc.algorithm.as_str()).ok()?;
    let params = Params::try_from(&phc).ok()?;
    let fits = algorithm == Algorithm::Argon2id
        && params.m_cost() <= MEMORY_KIB_MAX
        && params.t_cost() <= PASSES_MAX
        && params.p_cost() <= LANES_MAX;
    let argon2 = Argon2::new(algorithm, Version::V0x13, params);
    fits.then_some((argon2, phc))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(text: &str) -> PasswordHash {
        PasswordHash::parse(text).expect("a hash")
    }

    #[test]
    fn a_password_fits_its_own_hash_only() {
        let made = make(b"correct horse", &[7; SALT_OCTETS]).expect("a hash");
        assert!(made.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(judge(Some(&made), None, b"correct horse"));
        for wrong in [&b"correct horsf"[..], b"", b"correct horse "] {
            assert!(!judge(Some(&made), None, wrong));
        }
        assert!(!judge(None, Some(&made), b"correct horse"), "a decoy");
    }

    #[test]
    fn a_hash_that_asks_for_too_much_is_not_judged() {
        let made = make(b"a password", &[7; SALT_OCTETS]).expect("a hash");
        for (this, other) in [
            ("m=19456", "m=1048576"),
            ("t=2", "t=200"),
            ("p=1", "p=16"),
            ("argon2id", "argon2i"),
        ] {
            let changed = hash(&made.expose().replace(this, other));
            assert!(parsed(&changed).is_none(), "{other}");
            assert!(!judge(Some(&changed), None, b"a password"), "{other}");
        }
        assert!(parsed(&hash("$2b$10$abcdefghijklmnopqrstuv")).is_none());
    }

    #[tokio::test]
    async fn more_than_can_wait_are_not_judged() {
        let passwords = Arc::new(Passwords::start().expect("threads"));
        let mut all = tokio::task::JoinSet::new();
        for _ in 0..2 * WAITING_MAX {
            let passwords = Arc::clone(&passwords);
            all.spawn(async move { passwords.judge(None, Zeroizing::new(b"a".to_vec())).await });
        }
        let judged = all.join_all().await;
        assert!(judged.contains(&None), "the queue is bounded");
        assert!(judged.contains(&Some(false)));
    }
}
