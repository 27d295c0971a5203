//! The entry points that libpam calls.

use std::ffi::CStr;

use pam::constants::{PAM_CHANGE_EXPIRED_AUTHTOK, PAM_SILENT, PamFlag, PamResultCode};
use pam::module::{PamHandle, PamHooks};

use super::guard::{guarded, keep_panics_quiet};
use crate::account::account;
use crate::authenticate::authenticate;
use crate::change::{Flags, change};
use crate::handle::{Handle, Level};
use crate::options::DEFAULT_FAIL_DELAY;
use crate::return_code::ReturnCode;
use crate::session::session;
use crate::verifier::SocketVerifier;

/// The first of the two passes of a change, as Linux-PAM's headers have it; pam-bindings does not.
const PAM_PRELIM_CHECK: PamFlag = 0x4000;

struct Sekisho;

pam::pam_hooks!(Sekisho);

impl PamHooks for Sekisho {
    fn sm_authenticate(handle: &mut PamHandle, words: Vec<&CStr>, flags: PamFlag) -> PamResultCode {
        entry(handle, |handle| {
            let silent = flags & PAM_SILENT != 0;
            authenticate(handle, &mut SocketVerifier, &octets(&words), silent)
        })
    }

    fn acct_mgmt(handle: &mut PamHandle, words: Vec<&CStr>, _: PamFlag) -> PamResultCode {
        entry(handle, |handle| {
            account(handle, &mut SocketVerifier, &octets(&words))
        })
    }

    /// We keep no credentials. Anything but success would spoil stacks: a module that succeeded in
    /// `pam_authenticate` and ignores this makes `pam_setcred` fail when it is alone.
    fn sm_setcred(_: &mut PamHandle, _: Vec<&CStr>, _: PamFlag) -> PamResultCode {
        PamResultCode::PAM_SUCCESS
    }

    fn sm_chauthtok(handle: &mut PamHandle, words: Vec<&CStr>, flags: PamFlag) -> PamResultCode {
        entry(handle, |handle| {
            let flags = Flags {
                first_pass: flags & PAM_PRELIM_CHECK != 0,
                expired: flags & PAM_CHANGE_EXPIRED_AUTHTOK != 0,
                silent: flags & PAM_SILENT != 0,
            };
            change(handle, &mut SocketVerifier, &octets(&words), flags)
        })
    }

    fn sm_open_session(handle: &mut PamHandle, words: Vec<&CStr>, _: PamFlag) -> PamResultCode {
        entry(handle, |handle| {
            session(handle, &mut SocketVerifier, &octets(&words), true)
        })
    }

    fn sm_close_session(handle: &mut PamHandle, words: Vec<&CStr>, _: PamFlag) -> PamResultCode {
        entry(handle, |handle| {
            session(handle, &mut SocketVerifier, &octets(&words), false)
        })
    }
}

fn entry(handle: &mut PamHandle, work: impl FnOnce(&mut PamHandle) -> ReturnCode) -> PamResultCode {
    keep_panics_quiet();
    to_pam(guarded(handle, work, |handle| {
        handle.ask_fail_delay(DEFAULT_FAIL_DELAY);
        handle.log(Level::Critical, "denied: internal error, please report it");
        ReturnCode::ServiceErr
    }))
}

fn octets<'a>(words: &[&'a CStr]) -> Vec<&'a [u8]> {
    words.iter().map(|word| word.to_bytes()).collect()
}

fn to_pam(code: ReturnCode) -> PamResultCode {
    match code {
        ReturnCode::Success => PamResultCode::PAM_SUCCESS,
        ReturnCode::ServiceErr => PamResultCode::PAM_SERVICE_ERR,
        ReturnCode::AuthErr => PamResultCode::PAM_AUTH_ERR,
        ReturnCode::AuthinfoUnavail => PamResultCode::PAM_AUTHINFO_UNAVAIL,
        ReturnCode::MaxTries => PamResultCode::PAM_MAXTRIES,
        ReturnCode::NewAuthtokReqd => PamResultCode::PAM_NEW_AUTHTOK_REQD,
        ReturnCode::SessionErr => PamResultCode::PAM_SESSION_ERR,
        ReturnCode::AuthtokErr => PamResultCode::PAM_AUTHTOK_ERR,
        ReturnCode::Ignore => PamResultCode::PAM_IGNORE,
    }
}
