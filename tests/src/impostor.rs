//! Something at the verifier's socket that is not the verifier, or a broken one.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use sekisho_verifier_socket::radius::StateKey;
use sekisho_verifier_socket::{
    Envelope, FRAME_MAX, LENGTH_OCTETS, Reply, Request, Speech, Verdict, decode, encode,
    frame_length,
};

/// What it does with a request.
pub type Behaviour = dyn Fn(&Envelope<Request>) -> Act + Send + Sync;

/// One reaction.
#[derive(Debug, Clone)]
pub enum Act {
    /// Sends these octets.
    Send(Vec<u8>),
    /// Sends these octets and closes.
    Cut(Vec<u8>),
    /// Sends one octet after the other, each after this pause.
    Drip(Vec<u8>, Duration),
    /// Keeps the connection and says nothing.
    Hang,
}

/// The octets of an honest reply.
pub fn reply(id: u64, body: Reply) -> Vec<u8> {
    let mut octets = Vec::new();
    encode(&Envelope { id, body }, &mut octets).expect("replies encode");
    octets
}

/// What an honest verifier would say to let everybody in.
pub fn accept(request: &Envelope<Request>) -> Reply {
    match &request.body {
        Request::Attempt(attempt) => Reply::Decided {
            verdict: Verdict::Accept,
            account: attempt.account.clone(),
            accepted: None,
        },
        _ => Reply::CodeNeeded(Speech::default()),
    }
}

/// A listener at a path; it goes away with the test's process.
#[derive(Debug)]
pub struct Impostor {
    path: PathBuf,
}

impl Impostor {
    /// Listens at `folder/verifier.sock`; the folder is made, and it is trustworthy.
    pub fn start(
        folder: &Path,
        behaviour: impl Fn(&Envelope<Request>) -> Act + Send + Sync + 'static,
    ) -> Self {
        fs::create_dir_all(folder).expect("a folder for the socket");
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("its mode");
        let path = folder.join("verifier.sock");
        let _ = fs::remove_file(&path);
        let listener = UnixListener::bind(&path).expect("a socket");
        let behaviour: Arc<Behaviour> = Arc::new(behaviour);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let behaviour = Arc::clone(&behaviour);
                thread::spawn(move || serve(stream, &*behaviour));
            }
        });
        Self { path }
    }

    /// Where it listens.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Impostor {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// What a RADIUS server asks beside logins is done as it should be, so that what is spoilt is the
/// answer to a login. Nobody is to be disconnected.
fn errand(request: &Envelope<Request>) -> Option<Vec<u8>> {
    let body = match &request.body {
        Request::StateKeys => Reply::StateKeys(vec![StateKey {
            number: 1,
            key: "a key of 32 octets, of nobody...".into(),
        }]),
        Request::AwaitOrders => return Some(Vec::new()),
        Request::Seen(_) | Request::Ended(_) => Reply::Taken,
        _ => return None,
    };
    Some(reply(request.id, body))
}

fn serve(mut stream: UnixStream, behaviour: &Behaviour) -> Option<()> {
    loop {
        let mut head = [0; LENGTH_OCTETS];
        stream.read_exact(&mut head).ok()?;
        let length = frame_length(&head, FRAME_MAX).ok()??;
        let mut body = vec![0; length];
        stream.read_exact(&mut body).ok()?;
        let request = decode::<Request>(&body).ok()?;
        if let Some(done) = errand(&request) {
            stream.write_all(&done).ok()?;
            continue;
        }
        match behaviour(&request) {
            Act::Send(octets) => {
                stream.write_all(&octets).ok()?;
            }
            Act::Cut(octets) => {
                stream.write_all(&octets).ok()?;
                return None;
            }
            Act::Drip(octets, pause) => {
                for octet in octets {
                    thread::sleep(pause);
                    stream.write_all(&[octet]).ok()?;
                }
            }
            Act::Hang => thread::sleep(Duration::from_secs(60)),
        }
    }
}
