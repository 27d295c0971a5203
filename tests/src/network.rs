//! Private networks: what a test starts sees a loopback of its own, and a gateway has a client on
//! the other end of a cable.
//!
//! A thread moves into a network namespace, and all that it starts begins there. Nothing of the
//! machine's network is changed, ports are free, and the namespaces end with the test.

use std::fs::File;
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::process::{self, Guarded, leashed};
use crate::programs;
use crate::witness::Capture;

/// How long a command that sets up a network may take.
const LIMIT: Duration = Duration::from_secs(20);

/// Here, for what the gateway's side of the cable says.
pub const GATEWAY: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// The other side.
pub const VISITOR: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);

/// A network of its own for the calling thread and for all that it starts. On drop the thread is
/// where it was before.
#[derive(Debug)]
pub struct Network {
    // Ends before the network does.
    capture: Option<Capture>,
    before: File,
    // Keeps the namespace while nothing runs in it.
    holder: Guarded,
}

impl Network {
    /// Moves the calling thread into a new network that has nothing but loopback.
    #[track_caller]
    pub fn enter() -> Self {
        let mut network = Self::enter_unseen();
        network.capture = Capture::of_the_run();
        network
    }

    /// The same without a witness, for tests that send more than anybody can look at.
    #[track_caller]
    pub fn enter_unseen() -> Self {
        programs::require_root();
        let before = File::open("/proc/thread-self/ns/net").expect("proc is mounted");
        let holder = new_namespace();
        move_into(&namespace_of(&holder));
        ip(&["link", "set", "lo", "up"]);
        Self {
            capture: None,
            before,
            holder,
        }
    }

    /// Another network on the end of a cable, with [`GATEWAY`] here and [`VISITOR`] there.
    #[track_caller]
    pub fn visitor(&self) -> Visitor {
        let holder = new_namespace();
        let there = holder.pid().as_raw_nonzero().to_string();
        ip(&[
            "link", "add", "cable0", "type", "veth", "peer", "name", "cable1", "netns", &there,
        ]);
        let visitor = Visitor { holder };
        ip(&["addr", "add", &format!("{GATEWAY}/24"), "dev", "cable0"]);
        ip(&["link", "set", "cable0", "up"]);
        for words in [
            ["link", "set", "lo", "up"].as_slice(),
            &["addr", "add", &format!("{VISITOR}/24"), "dev", "cable1"],
            &["link", "set", "cable1", "up"],
        ] {
            let mut command = visitor.command("ip");
            process::run(command.args(words), b"", LIMIT).expect_success();
        }
        visitor
    }

    /// The namespace, as a path.
    pub fn path(&self) -> String {
        path_of(&self.holder)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        move_into(&self.before);
    }
}

/// The network on the other end of the cable.
#[derive(Debug)]
pub struct Visitor {
    holder: Guarded,
}

impl Visitor {
    /// A command that runs there.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = leashed("nsenter");
        command
            .arg(format!("--net={}", path_of(&self.holder)))
            .arg("--")
            .arg(program.as_ref());
        command
    }
}

fn new_namespace() -> Guarded {
    let own = std::fs::read_link("/proc/self/ns/net").expect("proc is mounted");
    let mut command = leashed("unshare");
    command.args(["--net", "--", "sleep", "infinity"]);
    command.stdin(Stdio::null());
    let mut holder = Guarded::spawn(&mut command);
    let deadline = Instant::now() + LIMIT;
    // The child is in its network when it has become what it shall run.
    let runs = |holder: &Guarded| {
        let name = format!("/proc/{}/comm", holder.pid().as_raw_nonzero());
        let there = std::fs::read_link(path_of(holder));
        std::fs::read_to_string(name).is_ok_and(|name| name.trim() == "sleep")
            && there.is_ok_and(|there| there != own)
    };
    while !runs(&holder) {
        assert!(
            holder.ended().is_none() && Instant::now() < deadline,
            "no network namespace: {:?}",
            holder.ended()
        );
        thread::sleep(Duration::from_millis(2));
    }
    holder
}

fn path_of(holder: &Guarded) -> String {
    format!("/proc/{}/ns/net", holder.pid().as_raw_nonzero())
}

fn namespace_of(holder: &Guarded) -> File {
    File::open(path_of(holder)).expect("the holder runs")
}

fn move_into(namespace: &File) {
    move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
        .expect("root can change its network");
}

#[track_caller]
fn ip(words: &[&str]) {
    process::run(leashed("ip").args(words), b"", LIMIT).expect_success();
}
