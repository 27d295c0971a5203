//! What tests with a first factor share.

use sekisho_tests::Installation;

/// The password of everybody who has one.
pub(crate) const PASSWORD: &str = "correct horse";

/// Gives `account` the password.
#[track_caller]
pub(crate) fn give_password(made: &Installation, account: &str) {
    let words = ["account", "password", account, "--stdin"];
    made.sekisho_with(&words, &format!("{PASSWORD}\n"))
        .expect_success();
}
