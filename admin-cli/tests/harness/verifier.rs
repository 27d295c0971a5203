//! A verifier that answers by script and notes what it was asked.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use sekisho_verifier_socket::admin::Verb;
use sekisho_verifier_socket::{
    Envelope, FRAME_MAX, LENGTH_OCTETS, Language, Reply, Request, decode, encode, frame_length,
};

/// A verb, and what it came with.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) verb: Verb,
    /// The request key.
    pub(crate) key: Option<String>,
    /// The approval that it waited for.
    pub(crate) approval: Option<String>,
    pub(crate) language: Option<Language>,
}

/// Answers one connection.
pub(crate) struct FakeVerifier {
    thread: JoinHandle<Vec<Asked>>,
    socket: PathBuf,
}

impl FakeVerifier {
    /// Listens at `socket`; gives each request the next of `replies`, and closes when they are used up.
    pub(crate) fn start(socket: &Path, replies: Vec<Reply>) -> Self {
        Self::begin(socket, replies, AfterLast::Close)
    }

    /// As `start`, but when the replies are used up it says nothing until the client goes.
    pub(crate) fn start_slow(socket: &Path, replies: Vec<Reply>) -> Self {
        Self::begin(socket, replies, AfterLast::Silence)
    }

    fn begin(socket: &Path, replies: Vec<Reply>, after_last: AfterLast) -> Self {
        let listener = UnixListener::bind(socket).expect("socket is free");
        let thread = std::thread::spawn(move || {
            let (stream, _) = listener.accept().expect("a client");
            serve(stream, replies, after_last)
        });
        let socket = socket.to_owned();
        Self { thread, socket }
    }

    /// What it was asked, in order. To be called when the client has ended.
    pub(crate) fn asked(self) -> Vec<Asked> {
        // A client that never came is not waited for.
        let _ = UnixStream::connect(&self.socket);
        self.thread.join().expect("no panic")
    }
}

/// What comes when the replies are used up.
#[derive(Clone, Copy)]
enum AfterLast {
    Close,
    Silence,
}

fn serve(mut stream: UnixStream, replies: Vec<Reply>, after_last: AfterLast) -> Vec<Asked> {
    let mut asked = Vec::new();
    let mut replies = replies.into_iter();
    while let Some(request) = receive(&mut stream) {
        let Request::Admin {
            verb,
            key,
            language,
            approval,
        } = request.body
        else {
            panic!("not an admin's request");
        };
        asked.push(Asked {
            verb: *verb,
            key,
            approval,
            language,
        });
        let Some(body) = replies.next() else {
            match after_last {
                AfterLast::Close => break,
                AfterLast::Silence => continue,
            }
        };
        let mut frame = Vec::new();
        encode(
            &Envelope {
                id: request.id,
                body,
            },
            &mut frame,
        )
        .expect("fits in a frame");
        stream.write_all(&frame).expect("client reads");
    }
    asked
}

fn receive(stream: &mut UnixStream) -> Option<Envelope<Request>> {
    let mut head = [0; LENGTH_OCTETS];
    stream.read_exact(&mut head).ok()?;
    let length = frame_length(&head, FRAME_MAX).expect("allowed length")?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).expect("a whole frame");
    Some(decode(&body).expect("a good frame"))
}
