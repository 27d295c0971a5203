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

use sekisho_verifier_socket::{
    Answer, Attempt, Envelope, LENGTH_OCTETS, Reply, Request, Verdict, decode, encode, frame_length,
};

/// The one code that is right.
pub(crate) const RIGHT: &str = "123456";

/// What happens to an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Accept `RIGHT`, reject everything else.
    Judge,
    /// Say nothing, ever.
    Silent,
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

#[derive(Debug)]
struct Shared {
    manner: Mutex<Manner>,
    attempts: Mutex<Vec<Attempt>>,
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
            attempts: Mutex::default(),
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

    pub(crate) fn attempts(&self) -> Vec<Attempt> {
        self.shared.attempts.lock().expect("no panic").clone()
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
        let mut output = Vec::new();
        while let Some(frame) = next_frame(&mut input) {
            let envelope: Envelope<Request> = decode(&frame).expect("a frame of ours");
            let Request::Attempt(attempt) = envelope.body else {
                panic!("only attempts are sent");
            };
            shared
                .attempts
                .lock()
                .expect("no panic")
                .push(attempt.clone());
            let manner = *shared.manner.lock().expect("no panic");
            answer(manner, envelope.id, &attempt, &mut output);
            if matches!(manner, Manner::CutShort | Manner::Garbage) {
                let _ = stream.write_all(&output);
                let _ = stream.shutdown(Shutdown::Both);
                return;
            }
        }
        if stream.write_all(&output).is_err() {
            return;
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

fn answer(manner: Manner, id: u64, attempt: &Attempt, output: &mut Vec<u8>) {
    let decided = |verdict, account: &str| Reply::Decided {
        verdict,
        account: account.to_owned(), accepted: None };
    let (id, body) = match manner {
        Manner::Silent => return,
        Manner::Judge => (id, decided(judge(attempt), &attempt.account)),
        Manner::Unavailable => (id, Reply::Unavailable),
        Manner::WrongAccount => (id, decided(Verdict::Accept, "somebody-else")),
        Manner::WrongId => (id + 1_000_000, decided(Verdict::Accept, &attempt.account)),
        Manner::CutShort | Manner::Garbage => (id, decided(Verdict::Accept, &attempt.account)),
    };
    let start = output.len();
    encode(&Envelope { id, body }, output).expect("a short frame");
    match manner {
        Manner::CutShort => output.truncate(output.len() - 3),
        Manner::Garbage => output[start + LENGTH_OCTETS..].fill(0xff),
        _ => {}
    }
}

fn judge(attempt: &Attempt) -> Verdict {
    match &attempt.answer {
        Answer::Code(code) if code.expose() == RIGHT.as_bytes() => Verdict::Accept,
        _ => Verdict::Reject,
    }
}
