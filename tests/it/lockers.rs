//! Callers that are not root, as screen lockers are: they ask about their own user and nobody else.

use std::time::Duration;

use sekisho_tests::installation::Plan;
use sekisho_tests::pam::{AUTH_ERR, MAXTRIES, Pam, Report, SUCCESS, service_lines};
use sekisho_tests::{Machine, Token, process};

const LIMIT: Duration = Duration::from_secs(30);

struct Desk {
    machine: Machine,
    hana: Token,
    jiro: Token,
}

impl Desk {
    fn new(settings: &str) -> Self {
        let machine = Machine::without_radius(Plan::default().settings(settings));
        let (hana, jiro) = (
            Token::new("hana", "SKTS00000001"),
            Token::new("jiro", "SKTS00000002"),
        );
        machine.made.import(&[&hana, &jiro]);
        Self {
            machine,
            hana,
            jiro,
        }
    }

    /// A program of `user` asks PAM about `about`.
    #[track_caller]
    fn asks(&self, user: &str, service: &str, about: &str, code: &str) -> Report {
        let pam = self.machine.made.pam();
        let words = pam.words(&[], service, about, &[code]);
        let mut command = self.machine.root.command_as(user, &words[0]);
        let done = process::run(command.args(&words[1..]), b"", LIMIT).expect_success();
        Pam::reports(&done).remove(0)
    }
}

#[test]
fn locker_of_an_ordinary_user_opens_by_the_users_own_code_once() {
    let desk = Desk::new("");
    let made = &desk.machine.made;
    let lines = service_lines(&made.socket(), "");
    made.pam().service_lines("swaylock", &lines);
    let code = made.code(&desk.hana, 0);
    let wrong = made.wrong_code(&desk.hana, 0);
    assert_eq!(
        desk.asks("hana", "swaylock", "hana", &wrong).authenticate,
        AUTH_ERR
    );
    assert_eq!(
        desk.asks("hana", "swaylock", "hana", &code).authenticate,
        SUCCESS
    );
    assert_eq!(
        desk.asks("hana", "swaylock", "hana", &code).authenticate,
        AUTH_ERR
    );
    // And spent for the host's logins as well.
    assert_eq!(made.pam_login("hana", &code).authenticate, AUTH_ERR);
}

#[test]
fn locker_of_one_user_gets_no_word_about_another_and_charges_nobody() {
    let desk = Desk::new("");
    let made = &desk.machine.made;
    made.pam()
        .service_lines("swaylock", &service_lines(&made.socket(), ""));
    for _ in 0..30 {
        let report = desk.asks("hana", "swaylock", "jiro", "271828");
        assert_ne!(report.authenticate, SUCCESS);
    }
    // Not even with the right code: it is not spent either.
    let code = made.code(&desk.jiro, 0);
    assert_ne!(
        desk.asks("hana", "swaylock", "jiro", &code).authenticate,
        SUCCESS
    );
    assert_eq!(made.pam_login("jiro", &code).authenticate, SUCCESS);
    let shown = made.json(&["account", "show", "jiro"]);
    assert_eq!(shown["wrong_codes"], 0, "{shown}");
}

#[test]
fn locker_can_not_choose_a_place_where_no_code_is_asked() {
    // What a root process is believed, somebody without privileges is not.
    let desk = Desk::new(
        "[pam.service.kiosk]\ncode = \"account-choice\"\n\
        [[pam.service.kiosk.rule]]\nnetworks = [\"local\"]\ncode = \"never\"",
    );
    let made = &desk.machine.made;
    made.pam()
        .service_lines("kiosk", &service_lines(&made.socket(), ""));
    let report = desk.asks("hana", "kiosk", "hana", "271828");
    assert_eq!(report.prompts, 1, "{report:?}");
    assert!(
        [AUTH_ERR, MAXTRIES].contains(&report.authenticate),
        "{report:?}"
    );
}
