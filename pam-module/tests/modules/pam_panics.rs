//! A PAM module whose entry points panic behind the guard of `pam_sekisho.so`.

#[path = "../../src/ffi/guard.rs"]
mod guard;

use std::ffi::CStr;

use pam::constants::{PamFlag, PamResultCode};
use pam::module::{PamHandle, PamHooks};

struct Panics;

pam::pam_hooks!(Panics);

impl PamHooks for Panics {
    fn sm_authenticate(handle: &mut PamHandle, _: Vec<&CStr>, _: PamFlag) -> PamResultCode {
        entry(handle)
    }

    fn acct_mgmt(handle: &mut PamHandle, _: Vec<&CStr>, _: PamFlag) -> PamResultCode {
        entry(handle)
    }

    fn sm_setcred(handle: &mut PamHandle, _: Vec<&CStr>, _: PamFlag) -> PamResultCode {
        entry(handle)
    }
}

/// What a panic carries may itself panic when it is released.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("the code was 123456");
    }
}

fn entry(handle: &mut PamHandle) -> PamResultCode {
    guard::keep_panics_quiet();
    let kinds: [fn(); 2] = [
        || panic!("the code was 123456"),
        || std::panic::panic_any(Bomb),
    ];
    for kind in kinds {
        let code = guard::guarded(
            handle,
            |_| {
                kind();
                PamResultCode::PAM_SUCCESS
            },
            |_| PamResultCode::PAM_SERVICE_ERR,
        );
        if code != PamResultCode::PAM_SERVICE_ERR {
            return code;
        }
    }
    PamResultCode::PAM_SERVICE_ERR
}
