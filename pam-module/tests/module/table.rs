//! Every option × every phase × every kind of verifier, through the real object: which code the host
//! hears. The module is alone in its stack, so that each code is its own; but for `PAM_IGNORE`, of
//! which libpam makes `PAM_PERM_DENIED` when nobody succeeded.

use sekisho_verifier_socket::{Phase, Reply, Request, Speech, Verdict};

use crate::driver::{
    AUTH_ERR, AUTHINFO_UNAVAIL, Driver, MAXTRIES, NEW_AUTHTOK_REQD, PERM_DENIED, SERVICE_ERR,
    SESSION_ERR, SUCCESS,
};
use crate::fake_verifier::{CODE, Does, FakeVerifier, decided, start_wanted, started};

/// Whatever the verifier would do, the host hears this of a service file that is wrong.
const WRONG: [i32; 5] = [
    SERVICE_ERR,
    SERVICE_ERR,
    SERVICE_ERR,
    SESSION_ERR,
    SESSION_ERR,
];

const GOOD_OPTIONS: [&str; 15] = [
    "",
    "debug",
    "echo",
    "retry=1",
    "retry=3",
    "lang=en",
    "lang=ja",
    "prompt_only",
    "exchange",
    "combined",
    "combined digits=8",
    "[prompt=Tegata, please: ]",
    "use_first_pass",
    "try_first_pass",
    "fail_delay_ms=1",
];
const WRONG_OPTIONS: [&str; 12] = [
    "nosuch",
    "nullok",
    "retry=0",
    "retry=4",
    "lang=de",
    "digits=6",
    "combined digits=9",
    "combined echo",
    "combined use_first_pass",
    "use_first_pass try_first_pass",
    "prompt=",
    "fail_delay_ms=0",
];

/// A verifier, and what the host hears in authentication, account management, a change that must be
/// made, and the two ends of a session.
struct Kind {
    name: &'static str,
    script: fn(&Request) -> Does,
    codes: [i32; 5],
}

const KINDS: [Kind; 9] = [
    Kind {
        name: "accepts",
        script: |request| attempts(request, Verdict::Accept),
        codes: [SUCCESS, SUCCESS, PERM_DENIED, SUCCESS, SUCCESS],
    },
    Kind {
        name: "rejects",
        script: |request| attempts(request, Verdict::Reject),
        codes: [AUTH_ERR, SUCCESS, PERM_DENIED, SUCCESS, SUCCESS],
    },
    Kind {
        name: "exempts",
        script: |request| match request {
            Request::Ask(_) => Does::Says(Reply::CodeNotNeeded(Speech::default())),
            request => attempts(request, Verdict::Accept),
        },
        codes: [PERM_DENIED, SUCCESS, PERM_DENIED, SUCCESS, SUCCESS],
    },
    Kind {
        name: "wants a token",
        script: |request| tokens(request, started()),
        codes: [SUCCESS, NEW_AUTHTOK_REQD, SUCCESS, SUCCESS, SUCCESS],
    },
    Kind {
        name: "wants another token",
        script: |request| tokens(request, Reply::NotStarted),
        codes: [SUCCESS, NEW_AUTHTOK_REQD, MAXTRIES, SUCCESS, SUCCESS],
    },
    Kind {
        name: "does not serve us",
        script: |_| Does::Says(Reply::NotPermitted),
        codes: WRONG,
    },
    Kind {
        name: "can not decide",
        script: |_| Does::Says(Reply::Unavailable),
        codes: UNAVAILABLE,
    },
    Kind {
        name: "closes",
        script: |_| Does::Closes,
        codes: UNAVAILABLE,
    },
    Kind {
        name: "says one thing to everything",
        script: |_| Does::Says(started()),
        codes: UNAVAILABLE,
    },
];

const UNAVAILABLE: [i32; 5] = [
    AUTHINFO_UNAVAIL,
    AUTHINFO_UNAVAIL,
    AUTHINFO_UNAVAIL,
    SESSION_ERR,
    SESSION_ERR,
];

fn attempts(request: &Request, verdict: Verdict) -> Does {
    Does::Says(match request {
        Request::Ask(_) => Reply::CodeNeeded(Speech::default()),
        Request::Attempt(attempt) => decided(verdict, &attempt.account),
        Request::LoginSession { .. } => Reply::Taken,
        _ => Reply::NotStarted,
    })
}

fn tokens(request: &Request, start: Reply) -> Does {
    match request {
        Request::Ask(ask) if ask.phase != Phase::Authenticate => {
            Does::Says(Reply::TokenWanted(Box::new(start_wanted())))
        }
        Request::Start(_) => Does::Says(start),
        request => attempts(request, Verdict::Accept),
    }
}

fn codes(verifier: &FakeVerifier, options: &str) -> [i32; 5] {
    let mut driver = Driver::new(verifier.path(), options).word("--expired");
    let calls = [
        "authenticate",
        "acct_mgmt",
        "chauthtok",
        "open_session",
        "close_session",
    ];
    for call in calls {
        driver = driver.word("--call").word(call);
    }
    // Long enough for a password with eight digits behind it; and a serial, a code and a choice, as
    // often as they can be asked for. What is left over of the former stands in for a serial: these
    // verifiers do not mind, and a choice that is not clear is asked for again.
    let tries = if options.contains("retry=3") { 3 } else { 1 };
    for _ in 0..tries {
        driver = driver.answer("hunter212345678");
    }
    for _ in 0..3 {
        driver = driver.answer("SKTS1").answer(CODE).answer("yes");
    }
    let noticed = driver.run();
    assert_eq!(noticed.total("renamed"), 0);
    let told = noticed.lines("message").len();
    assert!(!options.contains("prompt_only") || told == 0, "{options}");
    calls.map(|call| noticed.code(call))
}

#[test]
fn every_option_in_every_phase_has_the_code_that_the_verifier_gives_it() {
    for kind in &KINDS {
        let verifier = FakeVerifier::start(kind.script);
        for options in GOOD_OPTIONS {
            let mut expected = kind.codes;
            let asked = matches!(expected[0], SUCCESS | AUTH_ERR);
            if asked && options == "use_first_pass" {
                // Nobody before us has asked.
                expected[0] = AUTH_ERR;
            } else if expected[0] == AUTH_ERR && options == "retry=3" {
                expected[0] = MAXTRIES;
            }
            let answers = codes(&verifier, options);
            assert_eq!(answers, expected, "{}: {options}", kind.name);
        }
    }
}

#[test]
fn wrong_option_is_a_denial_in_every_phase_whatever_the_verifier_says() {
    for kind in &KINDS {
        let verifier = FakeVerifier::start(kind.script);
        for options in WRONG_OPTIONS {
            assert_eq!(codes(&verifier, options), WRONG, "{}: {options}", kind.name);
        }
        assert!(verifier.seen().is_empty());
    }
}

#[test]
fn verifier_that_is_away_is_a_denial_in_every_phase_whatever_the_options() {
    let verifier = FakeVerifier::honest();
    let away = verifier.folder().join("away");
    std::fs::rename(verifier.path(), &away).expect("rename");
    for options in GOOD_OPTIONS {
        assert_eq!(codes(&verifier, options), UNAVAILABLE, "{options}");
    }
}
