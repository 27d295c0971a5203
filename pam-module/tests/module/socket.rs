//! Whose socket it is, and whether anybody is behind it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::net::{self, AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use sekisho_verifier_socket::{Reply, Request};

use crate::driver::{
    AUTHINFO_UNAVAIL, Driver, LIMIT_US, SERVICE_ERR, SESSION_ERR, SUCCESS, compiled, module,
    public_copy,
};
use crate::fake_verifier::{CODE, Does, FakeVerifier, honestly, private_folder};

/// Denied in both phases, in time, before anybody typed a code, with this in the log.
fn check_refused(socket: &Path, logged: &str) {
    let noticed = Driver::new(socket, "").answer(CODE).run();
    assert_eq!(noticed.code("authenticate"), AUTHINFO_UNAVAIL);
    assert_eq!(noticed.code("acct_mgmt"), AUTHINFO_UNAVAIL);
    assert_eq!(noticed.total("prompts"), 0);
    assert!(noticed.total("mean_us") < LIMIT_US, "both phases together");
    let log = noticed.log();
    assert!(log[0].1.contains(logged), "{log:?}");
    assert_eq!(log[0].0, 3, "ERR");
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn missing_socket_is_a_denial() {
    let folder = private_folder();
    check_refused(&folder.path().join("verifier.sock"), "can not be reached");
    check_refused(
        Path::new("/nonexistent/verifier.sock"),
        "can not be reached",
    );
}

#[test]
fn stale_socket_is_a_denial() {
    let folder = private_folder();
    let path = folder.path().join("verifier.sock");
    drop(UnixListener::bind(&path).expect("bind"));
    assert!(path.exists());
    check_refused(&path, "can not be reached");
}

#[test]
fn socket_of_another_user_is_a_denial() {
    if !is_root() {
        println!("skipped: only root can give a socket away");
        return;
    }
    let verifier = FakeVerifier::honest();
    chown(verifier.path(), Some(65_534), None).expect("chown");
    check_refused(verifier.path(), "wrong owner");
    assert!(verifier.seen().is_empty(), "nothing was sent");
}

/// Everybody may own a verifier that root has put into their folder, and nobody else's socket is
/// taken for it.
#[test]
fn socket_must_belong_to_root_or_to_the_owner_of_the_folder() {
    if !is_root() {
        println!("skipped: only root can give a folder away");
        return;
    }
    let verifier = FakeVerifier::honest();
    chown(verifier.folder(), Some(65_533), None).expect("chown");
    chown(verifier.path(), Some(65_533), None).expect("chown");
    let noticed = Driver::new(verifier.path(), "").answer(CODE).run();
    assert_eq!(noticed.code("authenticate"), SUCCESS);
    chown(verifier.path(), Some(65_534), None).expect("chown");
    check_refused(verifier.path(), "wrong owner");
}

/// Ends with the test, also with one that fails.
struct Listener(Child);

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn process_of_another_user_behind_a_good_path_is_a_denial() {
    if !is_root() {
        println!("skipped: only root can start a process of another user");
        return;
    }
    let programs = private_folder();
    let folder = private_folder();
    let path = folder.path().join("verifier.sock");
    chown(folder.path(), Some(65_534), None).expect("chown");
    let listener = Command::new(public_copy(&compiled("driver"), programs.path()))
        .arg("--listen")
        .arg(&path)
        .uid(65_534)
        .stdout(Stdio::piped())
        .spawn();
    let mut listener = Listener(listener.expect("listener"));
    let mut ready = [0; 6];
    let mut output = listener.0.stdout.take().expect("piped");
    std::io::Read::read_exact(&mut output, &mut ready).expect("ready");
    // It keeps listening after the path is no longer its own.
    chown(folder.path(), Some(0), None).expect("chown");
    chown(&path, Some(0), None).expect("chown");
    check_refused(&path, "listener 65534");
}

/// A screen locker. The verifier knows who asks, and serves it for its own user only.
#[test]
fn host_that_is_not_root_is_served_for_its_own_user_and_denied_for_others() {
    if !is_root() {
        println!("skipped: only root can become somebody else");
        return;
    }
    let verifier = FakeVerifier::start(|request| match request {
        Request::Ask(ask) if ask.account != "alice" => Does::Says(Reply::NotPermitted),
        // A start is taken of whoever may send attempts for anybody, a session of root.
        Request::Start(_) | Request::LoginSession { .. } => Does::Says(Reply::NotPermitted),
        request => honestly(request),
    });
    fs::set_permissions(verifier.path(), fs::Permissions::from_mode(0o666)).expect("chmod");
    let programs = private_folder();
    let module = public_copy(&module(), programs.path());
    let line = format!("{} socket={}", module.display(), verifier.path().display());
    let run = |user: &str| {
        Driver::stack(&format!(
            "auth required {line} combined prompt_only\naccount required {line}\n\
             session required {line}\n"
        ))
        .user(user)
        .answer("hunter2271828")
        .words(&["--call", "authenticate", "--call", "acct_mgmt"])
        .words(&["--call", "open_session"])
        .by_user(65_534)
        .run()
    };
    let own = run("alice");
    assert_eq!(own.code("authenticate"), SUCCESS, "{own:?}");
    assert_eq!(own.code("acct_mgmt"), SUCCESS, "{own:?}");
    assert_eq!(own.code("open_session"), SESSION_ERR, "{own:?}");
    let other = run("mallory");
    assert_eq!(other.code("authenticate"), SERVICE_ERR, "{other:?}");
    assert_eq!(other.code("acct_mgmt"), SERVICE_ERR, "{other:?}");
    assert_eq!(other.total("prompts"), 0);
    assert_eq!(verifier.attempted().len(), 1);
}

#[test]
fn folder_that_others_can_write_is_a_denial() {
    for mode in [0o775, 0o757, 0o777, 0o1777] {
        let verifier = FakeVerifier::honest();
        fs::set_permissions(verifier.folder(), fs::Permissions::from_mode(mode)).expect("chmod");
        check_refused(verifier.path(), "written by others");
        assert!(verifier.seen().is_empty(), "nothing was sent");
    }
}

/// oath-toolkit CVE-2024-47191 followed a link in a place that a user owned.
#[test]
fn r02_links_fifos_and_files_in_the_place_of_the_socket_are_refused() {
    let verifier = FakeVerifier::honest();
    let folder = private_folder();
    let at = |name: &str| folder.path().join(name);

    symlink(verifier.path(), at("link")).expect("symlink");
    check_refused(&at("link"), "not a socket");
    symlink(verifier.folder(), at("folder")).expect("symlink");
    check_refused(&at("folder").join("verifier.sock"), "written by others");
    symlink(at("nowhere"), at("dangling")).expect("symlink");
    check_refused(&at("dangling"), "can not be reached");
    assert!(verifier.seen().is_empty(), "nothing was sent");

    rustix::fs::mkfifoat(rustix::fs::CWD, at("fifo"), 0o666.into()).expect("mkfifo");
    check_refused(&at("fifo"), "can not be reached");
    fs::write(at("file"), "contents").expect("write");
    check_refused(&at("file"), "can not be reached");
    assert_eq!(fs::read_to_string(at("file")).expect("read"), "contents");
    fs::create_dir(at("dir")).expect("mkdir");
    check_refused(&at("dir"), "can not be reached");
}

/// A verifier that is stopped, or hangs: the kernel still takes connections, until it does not.
#[test]
fn full_backlog_is_a_denial_in_time() {
    let folder = private_folder();
    let path = folder.path().join("verifier.sock");
    let listener = net::socket_with(
        AddressFamily::UNIX,
        SocketType::STREAM,
        SocketFlags::CLOEXEC,
        None,
    )
    .expect("socket");
    let address = SocketAddrUnix::new(&path).expect("address");
    net::bind(&listener, &address).expect("bind");
    net::listen(&listener, 0).expect("listen");
    check_refused(&path, "did not answer in time");

    let mut waiting = Vec::new();
    loop {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let one =
            net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None).expect("socket");
        if net::connect(&one, &address).is_err() {
            break;
        }
        waiting.push(UnixStream::from(one));
    }
    check_refused(&path, "did not answer in time");
}
