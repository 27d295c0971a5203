//! `pam_open_session` and `pam_close_session`: the verifier hears that a login began or ended.
//!
//! It binds to this what it remembers of a login, where the settings allow a second use of a code
//! shortly after the first. Nobody gets in by it, so the line in a service file is `optional`; an
//! error is one all the same.

use crate::handle::Handle;
use crate::login::Login;
use crate::options::Options;
use crate::outcome::{Denial, deny};
use crate::return_code::ReturnCode;
use crate::verifier::{Line, Verifier};

/// Runs one call. `words` are the options; `opens` tells which of the two it is.
pub fn session(
    handle: &mut impl Handle,
    verifier: &mut impl Verifier,
    words: &[&[u8]],
    opens: bool,
) -> ReturnCode {
    let login = Login::of(handle);
    let user = login.as_ref().ok().map(|login| login.shown.clone());
    match login
        .map_err(Denial::from)
        .and_then(|login| tell(&login, verifier, words, opens))
    {
        Ok(()) => ReturnCode::Success,
        Err(denial) => {
            deny(handle, &denial, user.as_deref());
            ReturnCode::SessionErr
        }
    }
}

fn tell(
    login: &Login,
    verifier: &mut impl Verifier,
    words: &[&[u8]],
    opens: bool,
) -> Result<(), Denial> {
    let options = Options::parse(words)?;
    let account = login.account.as_deref().ok_or(Denial::NoSuchName)?;
    let mut line = Line::new(verifier, &options.socket);
    Ok(line.session(account, &login.place, opens)?)
}
