//! `pam_acct_mgmt`, `pam_open_session` and `pam_close_session`.

use pam_sekisho::account::account;
use pam_sekisho::return_code::ReturnCode::*;
use pam_sekisho::session::session;
use pam_sekisho::verifier::ASK_LIMIT;
use sekisho_verifier_socket::Phase;

use crate::script::{CODE, EVERYTHING, Says, ScriptedHandle, ScriptedVerifier, types};
use Says::*;

const WRONG_OPTIONS: [&[&[u8]]; 3] = [&[b"nullok"], &[b"debug", b"debug"], &[b"lang=tlh"]];

#[test]
fn p06_account_management_never_succeeds_on_our_own_failure() {
    for ask in EVERYTHING {
        let expected = match ask {
            Needed | NotNeeded => Success,
            StartWanted | AllWanted | ExchangeWanted | GrantWanted => NewAuthtokReqd,
            NotPermitted => ServiceErr,
            _ => AuthinfoUnavail,
        };
        let mut handle = ScriptedHandle::new(None, &[types(CODE)]);
        let mut verifier = ScriptedVerifier::new(ask, &[Accept]);
        assert_eq!(
            account(&mut handle, &mut verifier, &[]),
            expected,
            "{ask:?}"
        );
        assert!(handle.prompts.is_empty() && handle.told.is_empty());
        assert_eq!(verifier.phases, [Phase::Account]);
        assert!(verifier.sent.is_empty() && verifier.started.is_empty());
    }
    let mut handle = ScriptedHandle::new(None, &[types(CODE)]);
    handle.user = Ok(b"\xff".to_vec());
    let mut verifier = ScriptedVerifier::new(NotNeeded, &[Accept]);
    assert_eq!(account(&mut handle, &mut verifier, &[]), AuthErr);
    for words in WRONG_OPTIONS {
        let mut handle = ScriptedHandle::new(None, &[types(CODE)]);
        assert_eq!(account(&mut handle, &mut verifier, words), ServiceErr);
    }
}

#[test]
fn session_is_told_to_the_verifier_and_every_error_is_a_session_error() {
    for says in EVERYTHING {
        for opens in [true, false] {
            let expected = if says == Taken { Success } else { SessionErr };
            let mut handle = ScriptedHandle::new(None, &[types(CODE)]);
            let mut verifier = ScriptedVerifier::session(says);
            let code = session(&mut handle, &mut verifier, &[], opens);
            assert_eq!(code, expected, "{says:?} {opens}");
            assert_eq!(verifier.sessions, [("alice".to_owned(), opens)]);
            assert!(verifier.deadlines[0] <= ASK_LIMIT);
            assert!(handle.prompts.is_empty() && handle.told.is_empty());
            let logged = handle.logged.borrow().len();
            assert_eq!(logged, usize::from(says != Taken));
        }
    }
}

#[test]
fn session_of_nobody_and_wrong_options_are_session_errors() {
    for words in WRONG_OPTIONS {
        let mut handle = ScriptedHandle::new(None, &[types(CODE)]);
        let mut verifier = ScriptedVerifier::session(Taken);
        let code = session(&mut handle, &mut verifier, words, true);
        assert_eq!(code, SessionErr);
        assert!(verifier.sessions.is_empty());
    }
    for user in [&b""[..], b"\xff", &[b'a'; 257]] {
        let mut handle = ScriptedHandle::new(None, &[types(CODE)]);
        handle.user = Ok(user.to_vec());
        let mut verifier = ScriptedVerifier::session(Taken);
        let code = session(&mut handle, &mut verifier, &[], true);
        assert_eq!(code, SessionErr);
        assert!(verifier.sessions.is_empty());
    }
    let mut handle = ScriptedHandle::new(None, &[types(CODE)]);
    handle.service = None;
    let mut verifier = ScriptedVerifier::session(Taken);
    let code = session(&mut handle, &mut verifier, &[], false);
    assert_eq!(code, SessionErr);
}
