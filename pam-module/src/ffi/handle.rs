//! The handle that libpam gives us, as the flow sees it.

use std::ffi::{CStr, CString, c_char, c_int, c_uint};
use std::time::Duration;

use pam::constants::{
    PAM_ERROR_MSG, PAM_PROMPT_ECHO_OFF, PAM_PROMPT_ECHO_ON, PAM_TEXT_INFO, PamResultCode,
};
use pam::conv::Conv;
use pam::items::{AuthTok, Item as _, RHost, Service, Tty, User};
use pam::module::PamHandle;
use sekisho_verifier_socket::Secret;

use crate::handle::{Echo, Handle, Item, Level, NoAnswer, NotKept, Tone};

/// Under which name the transaction keeps whether a token is wanted. All modules share the names.
const WANTED: &str = "pam_sekisho_wanted";

/// What stands under [`WANTED`]: of one octet, so that another version of this module, loaded beside
/// this one, reads nothing that is not there.
type Kept = u8;

// What pam-bindings does not declare; it links libpam already. See pam_syslog(3), pam_fail_delay(3).
unsafe extern "C" {
    fn pam_syslog(handle: *const PamHandle, priority: c_int, format: *const c_char, ...);
    fn pam_fail_delay(handle: *mut PamHandle, microseconds: c_uint) -> c_int;
}

impl Handle for PamHandle {
    fn user(&mut self) -> Result<Vec<u8>, NoAnswer> {
        match self.get_user(None) {
            Ok(user) => Ok(user.into_bytes()),
            // Also what the crate says of a name that is not UTF-8. The name is in its place then.
            Err(PamResultCode::PAM_SYSTEM_ERR) => {
                owned(self.get_item::<User<'_>>().ok().flatten()).ok_or(NoAnswer::Nothing)
            }
            Err(_) => Err(NoAnswer::Conversation),
        }
    }

    fn item(&self, item: Item) -> Option<Vec<u8>> {
        // Copied at once: the application may set items anew during a conversation.
        match item {
            Item::Service => owned(self.get_item::<Service<'_>>().ok().flatten()),
            Item::Terminal => owned(self.get_item::<Tty<'_>>().ok().flatten()),
            Item::Remote => owned(self.get_item::<RHost<'_>>().ok().flatten()),
        }
    }

    fn first_pass(&self) -> Option<Secret> {
        let token = self.get_item::<AuthTok<'_>>().ok().flatten()?;
        Some(Secret::new(token.as_bytes().to_vec()))
    }

    fn hand_on(&mut self, password: &Secret) -> Result<(), NotKept> {
        // Of the length that it needs, so that no copy is left behind while it grows.
        let mut octets = Vec::with_capacity(password.expose().len() + 1);
        octets.extend_from_slice(password.expose());
        octets.push(0);
        let octets = Secret::new(octets);
        let text = CStr::from_bytes_with_nul(octets.expose()).map_err(|_| NotKept)?;
        // SAFETY: `text` ends with a NUL and lives until the call ends; libpam makes its own copy,
        // and wipes the one that it held.
        let item = unsafe { AuthTok::from_raw(text.as_ptr()) };
        self.set_item_str(item).map_err(|_| NotKept)
    }

    fn prompt(&mut self, echo: Echo, text: &str) -> Result<Secret, NoAnswer> {
        let style = match echo {
            Echo::Off => PAM_PROMPT_ECHO_OFF,
            Echo::On => PAM_PROMPT_ECHO_ON,
        };
        let conversation = self.get_item::<Conv<'_>>().ok().flatten();
        let answer = conversation
            .ok_or(NoAnswer::Conversation)?
            .send(style, text)
            .map_err(|_| NoAnswer::Conversation)?
            .ok_or(NoAnswer::Nothing)?;
        // `answer` and the C buffer behind it are wiped by the crate, this copy by `Secret`.
        Ok(Secret::new(answer.as_bytes().to_vec()))
    }

    fn tell(&mut self, tone: Tone, text: &str) {
        let style = match tone {
            Tone::Info => PAM_TEXT_INFO,
            Tone::Error => PAM_ERROR_MSG,
        };
        if let Ok(Some(conversation)) = self.get_item::<Conv<'_>>() {
            // Some hosts answer a message with no array at all, which the crate reports as an
            // error and libpam's own helper does not.
            let _ = conversation.send(style, text);
        }
    }

    fn log(&self, level: Level, text: &str) {
        // What comes from outside is escaped before; a NUL would be our bug, and cuts the line.
        let text = CString::new(text).unwrap_or_default();
        let priority = match level {
            Level::Critical => LOG_CRIT,
            Level::Error => LOG_ERR,
            Level::Notice => LOG_NOTICE,
            Level::Debug => LOG_DEBUG,
        };
        // SAFETY: libpam gave us the handle for the length of this call of ours, and `self`
        // borrows it. The format takes one string, and `text` is one, alive until the call ends.
        unsafe { pam_syslog(self, priority, c"%s".as_ptr(), text.as_ptr()) }
    }

    fn keep_wanted(&mut self, wanted: bool) -> Result<(), NotKept> {
        let kept: Box<Kept> = Box::new(wanted.into());
        self.set_data(WANTED, kept).map_err(|_| NotKept)
    }

    fn kept_wanted(&self) -> Option<bool> {
        // SAFETY: only `keep_wanted` keeps something under this name, and it is a `Kept`.
        let kept: &Kept = unsafe { self.get_data(WANTED) }.ok()?;
        Some(*kept == Kept::from(true))
    }

    fn ask_fail_delay(&mut self, delay: Duration) {
        let microseconds = c_uint::try_from(delay.as_micros()).unwrap_or(c_uint::MAX);
        // SAFETY: libpam gave us the handle for the length of this call of ours, and `self`
        // borrows it alone. The result is not needed: without a delay a denial is still one.
        unsafe {
            pam_fail_delay(self, microseconds);
        }
    }
}

fn owned<'a>(item: Option<impl std::ops::Deref<Target = &'a CStr>>) -> Option<Vec<u8>> {
    item.map(|item| item.to_bytes().to_vec())
}

// syslog(3); the facility is libpam's to add.
const LOG_CRIT: c_int = 2;
const LOG_ERR: c_int = 3;
const LOG_NOTICE: c_int = 5;
const LOG_DEBUG: c_int = 7;
