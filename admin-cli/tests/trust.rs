//! No code is sent into a socket that may not be the verifier's, and no reply is made up.

mod harness;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use harness::verifier::FakeVerifier;
use harness::{answers, run, sekisho};

fn enroll(folder_mode: u32, replies: &[&str]) -> (Option<i32>, String, usize) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::set_permissions(folder.path(), Permissions::from_mode(folder_mode)).expect("ours");
    let socket = folder.path().join("verifier.sock");
    let replies = replies.iter().map(|line| answers::reply(line)).collect();
    let verifier = FakeVerifier::start(&socket, replies);
    let mut command = sekisho();
    command.arg("--socket").arg(&socket);
    command.args(["enroll", "alice", "S1", "--code-stdin"]);
    let done = run(&mut command, "493817\n");
    let errors = String::from_utf8(done.stderr).expect("UTF-8");
    assert!(done.stdout.is_empty() || done.status.success());
    (done.status.code(), errors, verifier.asked().len())
}

#[test]
fn a_folder_that_others_may_write_is_not_trusted_and_gets_no_code() {
    for mode in [0o770, 0o707, 0o777] {
        let (code, errors, asked) = enroll(mode, &["receipt operation=enroll"]);
        assert_eq!((code, asked), (Some(8), 0), "{errors}");
        assert!(errors.contains("not trusted"), "{errors}");
    }
}

#[test]
fn a_reply_that_does_not_come_leaves_the_outcome_open() {
    let (code, errors, asked) = enroll(0o700, &[]);
    assert_eq!((code, asked), (Some(7), 1), "{errors}");
    assert!(errors.contains("not known whether"), "{errors}");
    assert!(errors.contains("sekisho audit list"), "{errors}");
}

#[test]
fn an_answer_to_another_question_is_no_receipt() {
    let (code, errors, _) = enroll(0o700, &["status"]);
    assert_eq!(code, Some(1), "{errors}");
}
