//! A verifier that does what a test says.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use sekisho_verifier_socket::{
    Answer, Envelope, FRAME_MAX, LENGTH_OCTETS, Phase, Reply, Request, Speech, Start, Started,
    Verdict, Wanted, decode, encode, frame_length,
};
use tempfile::TempDir;

pub(crate) const CODE: &str = "271828";

/// What it does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Does {
    Says(Reply),
    /// With another id than the request's.
    WrongId(Reply),
    /// Only the first octets of the reply, then the end.
    CutShort(Reply, usize),
    /// These octets and the end.
    Sends(Vec<u8>),
    /// One octet of an endless reply each 100 ms.
    Drips,
    Nothing,
    Closes,
}

pub(crate) struct FakeVerifier {
    // Held for its end.
    folder: TempDir,
    path: PathBuf,
    seen: Arc<Mutex<Vec<Request>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl FakeVerifier {
    pub(crate) fn start(script: impl Fn(&Request) -> Does + Send + Sync + 'static) -> Self {
        let folder = private_folder();
        let path = folder.path().join("verifier.sock");
        let listener = UnixListener::bind(&path).expect("bind");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let (seen, stop) = (seen.clone(), stop.clone());
            move || serve(&listener, &seen, &stop, script)
        });
        Self {
            folder,
            path,
            seen,
            stop,
            thread: Some(thread),
        }
    }

    /// The honest one: asks for codes, and accepts `CODE` for any account.
    pub(crate) fn honest() -> Self {
        Self::start(honestly)
    }

    /// Answers questions honestly and each attempt like this.
    pub(crate) fn attempts(does: impl Fn(&str) -> Does + Send + Sync + 'static) -> Self {
        Self::start(move |request| match request {
            Request::Attempt(attempt) => does(&attempt.account),
            request => honestly(request),
        })
    }

    /// Answers each question like this, and accepts what is attempted nevertheless.
    pub(crate) fn asks(does: Does) -> Self {
        Self::start(move |request| match request {
            Request::Ask(_) => does.clone(),
            request => honestly(request),
        })
    }

    /// Wants a token like this, and answers each start like that.
    pub(crate) fn starts(
        wanted: Wanted,
        does: impl Fn(&Start) -> Does + Send + Sync + 'static,
    ) -> Self {
        Self::start(move |request| match request {
            Request::Ask(ask) if ask.phase != Phase::Authenticate => {
                Does::Says(Reply::TokenWanted(Box::new(wanted.clone())))
            }
            Request::Start(start) => does(start),
            request => honestly(request),
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn questions(&self) -> usize {
        let seen = self.seen.lock().expect("lock");
        seen.iter()
            .filter(|request| matches!(request, Request::Ask(_)))
            .count()
    }

    /// Account and code of each attempt.
    pub(crate) fn attempted(&self) -> Vec<(String, Vec<u8>)> {
        let seen = self.seen.lock().expect("lock");
        seen.iter()
            .filter_map(|request| match request {
                Request::Attempt(attempt) => {
                    Some((attempt.account.clone(), code(attempt).to_vec()))
                }
                _ => None,
            })
            .collect()
    }

    /// Each token that somebody wanted to put into use.
    pub(crate) fn started(&self) -> Vec<Start> {
        let seen = self.seen.lock().expect("lock");
        seen.iter()
            .filter_map(|request| match request {
                Request::Start(start) => Some(Start::clone(start)),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn seen(&self) -> Vec<Request> {
        self.seen.lock().expect("lock").clone()
    }
}

impl Drop for FakeVerifier {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes it; a test may have moved the socket away.
        if UnixStream::connect(&self.path).is_ok()
            && let Some(thread) = self.thread.take()
        {
            thread.join().expect("fake verifier");
        }
    }
}

/// A folder as systemd would make it for the verifier.
pub(crate) fn private_folder() -> TempDir {
    let folder = TempDir::with_prefix("sekisho-pam-").expect("folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("mode");
    folder
}

pub(crate) fn decided(verdict: Verdict, account: &str) -> Reply {
    Reply::Decided {
        verdict,
        account: account.into(),
        accepted: None,
    }
}

/// A first token, without more.
pub(crate) fn start_wanted() -> Wanted {
    Wanted {
        speech: Speech::default(),
        exchange: false,
        old_code: false,
        positions: Vec::new(),
        grace_until: None,
    }
}

/// Everything that can be asked for at once.
pub(crate) fn all_wanted() -> Wanted {
    Wanted {
        exchange: true,
        old_code: true,
        positions: vec![1, 10],
        ..start_wanted()
    }
}

pub(crate) fn started() -> Reply {
    Reply::Started(Box::new(Started {
        number: "4711".into(),
        time: "2026-11-22 20:15:03".into(),
        serial: "SKTS00012345".into(),
        ended: None,
    }))
}

pub(crate) fn honestly(request: &Request) -> Does {
    Does::Says(match request {
        Request::Ask(ask) if ask.phase == Phase::Change => Reply::NothingWanted(Speech::default()),
        Request::Ask(_) => Reply::CodeNeeded(Speech::default()),
        Request::LoginSession { .. } => Reply::Taken,
        Request::Attempt(attempt) if code(attempt) == CODE.as_bytes() => {
            decided(Verdict::Accept, &attempt.account)
        }
        Request::Attempt(attempt) => decided(Verdict::Reject, &attempt.account),
        _ => Reply::NotPermitted,
    })
}

fn code(attempt: &sekisho_verifier_socket::Attempt) -> &[u8] {
    match &attempt.answer {
        Answer::Code(code) => code.expose(),
        _ => b"",
    }
}

fn serve(
    listener: &UnixListener,
    seen: &Arc<Mutex<Vec<Request>>>,
    stop: &AtomicBool,
    script: impl Fn(&Request) -> Does + Send + Sync + 'static,
) {
    let script = Arc::new(script);
    while let Ok((stream, _)) = listener.accept() {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let (seen, script) = (seen.clone(), script.clone());
        // One for each, so that a connection that a client forgets to close holds up nobody.
        std::thread::spawn(move || converse(stream, &seen, &*script));
    }
}

fn converse(
    mut stream: UnixStream,
    seen: &Mutex<Vec<Request>>,
    script: &impl Fn(&Request) -> Does,
) {
    while let Some(request) = receive(&mut stream) {
        seen.lock().expect("lock").push(request.body.clone());
        if !act(&mut stream, &request, script(&request.body)) {
            // Stays open until the client goes.
            let _ = stream.read(&mut [0]);
            return;
        }
    }
}

fn receive(stream: &mut UnixStream) -> Option<Envelope<Request>> {
    let mut head = [0; LENGTH_OCTETS];
    stream.read_exact(&mut head).ok()?;
    let length = frame_length(&head, FRAME_MAX).ok()??;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    decode(&body).ok()
}

/// Whether something was answered.
fn act(stream: &mut UnixStream, request: &Envelope<Request>, does: Does) -> bool {
    let frame = |id, body: Reply| {
        let mut out = Vec::new();
        encode(&Envelope { id, body }, &mut out).expect("encode");
        out
    };
    let out = match does {
        Does::Says(reply) => frame(request.id, reply),
        Does::WrongId(reply) => frame(request.id.wrapping_add(1), reply),
        Does::CutShort(reply, octets) => frame(request.id, reply)[..octets].to_vec(),
        Does::Sends(octets) => octets,
        Does::Nothing => return false,
        Does::Closes => Vec::new(),
        Does::Drips => {
            let mut stream = stream.try_clone().expect("clone");
            std::thread::spawn(move || {
                let _ = stream.write_all(&100_u32.to_be_bytes());
                while stream.write_all(&[1]).is_ok() {
                    std::thread::sleep(std::time::Duration::from_millis(100));
                }
            });
            return false;
        }
    };
    // The module may be gone already.
    let _ = stream.write_all(&out);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    true
}
