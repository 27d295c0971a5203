//! A witness of all that the server says: every reply of a test run is captured, and tshark, who
//! knows the secret, says whether it is authentic.
//!
//! What tshark does not look at, the Message-Authenticator and where it stands, is computed here
//! from the octets that it hands out, with nothing of ours but the secret.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use rustix::process::{Signal, kill_process};

use crate::gateways::Stage;
use crate::process::{self, Guarded};
use crate::radius::SECRET;

/// The ports that servers of tests listen at. What is to differ from what the witness expects
/// listens elsewhere.
pub const PORTS: [u16; 2] = [8_120, 8_130];
/// Where the captures of a run go; set by the program that looks at them in the end.
pub const FOLDER: &str = "SEKISHO_WITNESS";

/// dumpcap and tshark on a machine that builds at the same time.
const PATIENCE: Duration = Duration::from_secs(300);
const START_LIMIT: Duration = Duration::from_secs(30);
const FLUSH: Duration = Duration::from_millis(700);
const GLANCE: Duration = Duration::from_millis(10);
/// How many faults are told.
const TOLD: usize = 20;

const ACCESS_REPLIES: [u8; 3] = [2, 3, 11];
const STATUS_SERVER: u8 = 12;
const ACCOUNTING_RESPONSE: u8 = 5;
const HEADER: usize = 20;
/// Type and length of a Message-Authenticator.
const MESSAGE_AUTHENTICATOR: [u8; 2] = [80, 18];

/// A capture that goes on, on loopback of the network in which it was started.
#[derive(Debug)]
pub struct Capture {
    dumpcap: Guarded,
    file: PathBuf,
}

impl Capture {
    /// Captures into a new file in `folder`.
    #[track_caller]
    pub fn start(folder: &Path) -> Self {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let process = std::process::id();
        let file = folder.join(format!("{process}-{number}.pcapng"));
        let log = folder.join(format!("{process}-{number}.log"));
        let ports: Vec<String> = PORTS.iter().map(|port| format!("port {port}")).collect();
        let mut command = Stage::new(folder).command("dumpcap");
        command
            .args(["-q", "-i", "lo", "-B", "64", "-f"])
            .arg(format!("udp and ({})", ports.join(" or ")))
            .arg("-w")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).expect("a log file"));
        let mut dumpcap = Guarded::spawn(&mut command);
        let deadline = Instant::now() + START_LIMIT;
        // It says so when it sees what passes.
        while !fs::read_to_string(&log).is_ok_and(|said| said.contains("File:")) {
            assert!(
                dumpcap.ended().is_none() && Instant::now() < deadline,
                "dumpcap does not start: {}",
                fs::read_to_string(&log).unwrap_or_default()
            );
            thread::sleep(GLANCE);
        }
        Self { dumpcap, file }
    }

    /// Captures for the program that looks at all captures of this run, if there is one.
    pub fn of_the_run() -> Option<Self> {
        let folder = std::env::var_os(FOLDER)?;
        Some(Self::start(Path::new(&folder)))
    }

    /// Ends it; everything that passed is then in the file.
    pub fn stop(mut self) -> PathBuf {
        self.end();
        self.file.clone()
    }

    fn end(&mut self) {
        if self.dumpcap.ended().is_none() {
            // It looks at its buffer now and then, and not once more when it is told to end.
            thread::sleep(FLUSH);
            let _ = kill_process(self.dumpcap.pid(), Signal::TERM);
            let _ = self.dumpcap.wait_until(Instant::now() + START_LIMIT);
        }
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.end();
    }
}

/// What there was in captures.
#[derive(Debug, Default)]
pub struct Findings {
    /// Replies, all in all.
    pub replies: usize,
    /// Those that tshark calls authentic.
    pub authentic: usize,
    /// Those with a Message-Authenticator at octet 20, and a right one.
    pub sealed: usize,
    /// What was wrong with the others.
    pub faults: Vec<String>,
}

impl Findings {
    /// Adds those of another capture.
    pub fn add(&mut self, other: Self) {
        self.replies += other.replies;
        self.authentic += other.authentic;
        self.sealed += other.sealed;
        self.faults.extend(other.faults);
    }

    fn fault(&mut self, line: &Line<'_>, what: &str) {
        self.faults.push(format!(
            "frame {} from {} to {}, code {}: {what}",
            line.frame,
            line.source,
            line.destination,
            line.octets.first().copied().unwrap_or_default()
        ));
    }
}

impl std::fmt::Display for Findings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            replies,
            authentic,
            sealed,
            faults,
        } = self;
        write!(
            f,
            "{replies} replies: {authentic} authentic by tshark, {sealed} with a right \
             Message-Authenticator at octet 20, {} faults",
            faults.len()
        )?;
        for fault in faults.iter().take(TOLD) {
            write!(f, "\n  {fault}")?;
        }
        Ok(())
    }
}

/// Looks at every reply in a capture.
#[track_caller]
pub fn look_at(stage: &Stage, capture: &Path) -> Findings {
    let mut command: Command = stage.command("tshark");
    command.arg("-r").arg(capture);
    for port in PORTS {
        command.args(["-d", &format!("udp.port=={port},radius")]);
    }
    command
        .args(["-o", &format!("radius.shared_secret:{SECRET}")])
        .args(["-o", "radius.validate_authenticator:TRUE"])
        .args(["-T", "fields"]);
    for field in [
        "frame.number",
        "ip.src",
        "udp.srcport",
        "ip.dst",
        "udp.dstport",
        "radius.authenticator.valid",
        "udp.payload",
    ] {
        command.args(["-e", field]);
    }
    let done = process::run(&mut command, b"", PATIENCE).expect_success();
    let mut findings = Findings::default();
    let mut requests: HashMap<(String, u8), Vec<Asked>> = HashMap::new();
    for line in done.stdout.lines().filter_map(Line::parse) {
        let Some(&identifier) = line.octets.get(1) else {
            continue;
        };
        if PORTS.contains(&line.source_port) {
            let key = (format!("{}>{}", line.destination, line.source), identifier);
            let known = requests.get(&key).map(Vec::as_slice).unwrap_or_default();
            look_at_reply(&mut findings, &line, known);
        } else if let Some(authenticator) = line.octets.get(4..HEADER) {
            let key = (format!("{}>{}", line.source, line.destination), identifier);
            requests.entry(key).or_default().push(Asked {
                code: line.octets[0],
                authenticator: authenticator.try_into().expect("16 octets"),
            });
        }
    }
    findings
}

fn look_at_reply(findings: &mut Findings, line: &Line<'_>, requests: &[Asked]) {
    findings.replies += 1;
    findings.authentic += usize::from(line.authentic);
    let octets = &line.octets;
    // An identifier may be used again: it is a reply to one of those requests, the last one first.
    let answered = requests.iter().rev().find(|request| {
        let right = || response_authenticator(octets, &request.authenticator);
        octets.len() >= HEADER && octets[4..HEADER] == right()
    });
    let Some(request) = answered else {
        findings.fault(line, "its authenticator fits no request that was seen");
        return;
    };
    // tshark pairs one request with one reply for each identifier, and none with a Status-Server.
    if !line.authentic && requests.len() == 1 && request.code != STATUS_SERVER {
        findings.fault(line, "tshark does not call it authentic");
    }
    if !ACCESS_REPLIES.contains(&octets[0]) {
        if octets[0] != ACCOUNTING_RESPONSE {
            findings.fault(line, "no reply has such a code");
        }
        return;
    }
    if octets.get(HEADER..HEADER + 2) != Some(&MESSAGE_AUTHENTICATOR) {
        findings.fault(line, "no Message-Authenticator at octet 20");
    } else if octets.get(HEADER + 2..HEADER + 18) != Some(&seal(octets, &request.authenticator)) {
        findings.fault(line, "a wrong Message-Authenticator");
    } else {
        findings.sealed += 1;
    }
}

/// A request that was seen.
struct Asked {
    code: u8,
    authenticator: [u8; 16],
}

/// RFC 2865 section 3.
fn response_authenticator(octets: &[u8], request: &[u8; 16]) -> [u8; 16] {
    let mut hash = Md5::new();
    hash.update(&octets[..4]);
    hash.update(request);
    hash.update(&octets[HEADER..]);
    hash.update(SECRET);
    hash.finalize().into()
}

/// RFC 3579 section 3.2, for one at octet 20.
fn seal(octets: &[u8], request: &[u8; 16]) -> [u8; 16] {
    let mut mac = Hmac::<Md5>::new_from_slice(SECRET.as_bytes()).expect("any length will do");
    mac.update(&octets[..4]);
    mac.update(request);
    mac.update(&MESSAGE_AUTHENTICATOR);
    mac.update(&[0; 16]);
    mac.update(octets.get(HEADER + 18..).unwrap_or_default());
    mac.finalize().into_bytes().into()
}

/// A datagram, as tshark tells of it.
struct Line<'a> {
    frame: &'a str,
    source: String,
    source_port: u16,
    destination: String,
    authentic: bool,
    octets: Vec<u8>,
}

impl<'a> Line<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut columns = line.split('\t');
        let mut next = || columns.next();
        let frame = next()?;
        let (source, source_port) = (next()?, next()?);
        let (destination, destination_port) = (next()?, next()?);
        let authentic = next()? == "1";
        let octets = data_encoding::HEXLOWER.decode(next()?.as_bytes()).ok()?;
        Some(Self {
            frame,
            source: format!("{source}:{source_port}"),
            source_port: source_port.parse().ok()?,
            destination: format!("{destination}:{destination_port}"),
            authentic,
            octets,
        })
    }
}
