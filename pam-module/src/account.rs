//! `pam_acct_mgmt`: does the verifier serve this login, and must a token be put into use first?
//!
//! Nothing is concluded from what `pam_authenticate` saw: sshd runs it in a process that is gone
//! by now, and not at all for a public key. The verifier is asked anew. Whether a code is needed is
//! the business of `pam_authenticate`; but a verifier that can not be asked is a denial, where
//! other modules let people in because their service was stopped.

use crate::handle::Handle;
use crate::login::Login;
use crate::options::Options;
use crate::outcome::{Denial, deny};
use crate::return_code::ReturnCode;
use crate::verifier::{Line, Token, Verifier};
use sekisho_verifier_socket::Phase;

/// Runs one call. `words` are the options.
pub fn account(
    handle: &mut impl Handle,
    verifier: &mut impl Verifier,
    words: &[&[u8]],
) -> ReturnCode {
    let login = Login::of(handle);
    let user = login.as_ref().ok().map(|login| login.shown.clone());
    match login
        .map_err(Denial::from)
        .and_then(|login| check(&login, verifier, words))
    {
        Ok(Token::NotWanted(_)) => ReturnCode::Success,
        Ok(Token::Wanted(_)) => ReturnCode::NewAuthtokReqd,
        Err(denial) => deny(handle, &denial, user.as_deref()),
    }
}

fn check(login: &Login, verifier: &mut impl Verifier, words: &[&[u8]]) -> Result<Token, Denial> {
    let options = Options::parse(words)?;
    let account = login.account.as_deref().ok_or(Denial::NoSuchName)?;
    let mut line = Line::new(verifier, &options.socket);
    Ok(line.ask_token(account, &login.place, Phase::Account)?)
}
