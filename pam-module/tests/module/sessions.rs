//! `pam_open_session` and `pam_close_session`.

use sekisho_verifier_socket::{Reply, Request, Speech, Verdict};

use crate::driver::{Driver, LIMIT_US, SESSION_ERR, SUCCESS, module};
use crate::fake_verifier::{CODE, Does, FakeVerifier, decided, started};

const CALLS: [&str; 4] = ["--call", "open_session", "--call", "close_session"];

#[test]
fn verifier_hears_of_the_session_of_whom_where() {
    let verifier = FakeVerifier::honest();
    let noticed = Driver::new(verifier.path(), "")
        .words(&CALLS)
        .words(&["--tty", "pts/3", "--rhost", "192.0.2.7"])
        .run();
    assert_eq!(noticed.code("open_session"), SUCCESS);
    assert_eq!(noticed.code("close_session"), SUCCESS);
    assert!(noticed.log().is_empty() && noticed.total("prompts") == 0);
    for (request, began) in verifier.seen().iter().zip([true, false]) {
        let Request::LoginSession {
            account,
            place,
            opens,
        } = request
        else {
            panic!("{request:?}")
        };
        assert_eq!((account.as_str(), *opens), ("alice", began));
        assert_eq!(place.name, "sekisho-test");
        assert_eq!(place.terminal.as_deref(), Some("pts/3"));
        assert_eq!(place.remote.as_deref(), Some("192.0.2.7"));
    }
    assert_eq!(verifier.seen().len(), 2);
}

#[test]
fn every_error_of_a_session_is_one_in_time_and_logged() {
    for does in [
        Does::Says(Reply::Unavailable),
        Does::Says(Reply::NotPermitted),
        Does::Says(Reply::CodeNotNeeded(Speech::default())),
        Does::Says(decided(Verdict::Accept, "alice")),
        Does::Says(started()),
        Does::WrongId(Reply::Taken),
        Does::CutShort(Reply::Taken, 6),
        Does::Sends(vec![0xff; 64]),
        Does::Closes,
        Does::Nothing,
        Does::Drips,
    ] {
        let case = format!("{does:?}");
        let verifier = FakeVerifier::start(move |_| does.clone());
        let noticed = Driver::new(verifier.path(), "").words(&CALLS).run();
        assert_eq!(noticed.code("open_session"), SESSION_ERR, "{case}");
        assert_eq!(noticed.code("close_session"), SESSION_ERR, "{case}");
        assert_eq!(noticed.log().len(), 2, "{case}");
        assert!(noticed.total("first_us") < LIMIT_US / 2, "{case}");
    }
    let verifier = FakeVerifier::honest();
    for (socket, options) in [
        (verifier.folder().join("gone"), ""),
        (verifier.path().to_owned(), "nosuch"),
    ] {
        let noticed = Driver::new(&socket, options).words(&CALLS).run();
        assert_eq!(noticed.code("open_session"), SESSION_ERR);
        assert_eq!(noticed.code("close_session"), SESSION_ERR);
    }
}

/// The line is `optional`: nobody is kept out because the verifier does not hear of a session.
#[test]
fn optional_line_keeps_nobody_out() {
    let verifier = FakeVerifier::honest();
    let gone = verifier.folder().join("gone");
    let noticed = Driver::stack(&format!(
        "session required pam_permit.so\nsession optional {} socket={}\n",
        module().display(),
        gone.display()
    ))
    .words(&CALLS)
    .run();
    assert_eq!(noticed.code("open_session"), SUCCESS);
    assert_eq!(noticed.log().len(), 2);
}

/// Credentials are none of ours, and anything but success would spoil stacks: also after a denial.
#[test]
fn setcred_succeeds_whatever_the_verifier_does() {
    let verifier = FakeVerifier::honest();
    for (socket, options) in [
        (verifier.path().to_owned(), ""),
        (verifier.folder().join("gone"), ""),
        (verifier.path().to_owned(), "nosuch"),
    ] {
        let noticed = Driver::new(&socket, options)
            .answer(CODE)
            .words(&["--call", "setcred"])
            .run();
        assert_eq!(noticed.code("setcred"), SUCCESS);
    }
}
