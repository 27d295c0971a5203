//! Why logins of an account fail, from stored facts.

use sekisho_verifier::account::{Account, AccountName};
use sekisho_verifier::event::{Event, Reason, What};
use sekisho_verifier::guess::Closed;
use sekisho_verifier::lifecycle::TokenState;
use sekisho_verifier::policy::{DRIFT, Limits, WINDOW};
use sekisho_verifier::time::Time;
use sekisho_verifier::token::{Factor, Token};
use sekisho_verifier_socket::admin::{ExplanationView, Refusal};

use crate::admin::{Wanted, find_events, unavailable};
use crate::service::Shared;
use crate::{clock, views};

/// The farthest step that can be accepted: the largest drift, and the window.
const STEPS_AHEAD_MAX: u64 = *DRIFT.end() as u64 + *WINDOW.end();
/// Events that an explanation shows.
const EVENTS_SHOWN: usize = 10;

/// What is found, as a sentence without a full stop.
type Finding = String;

/// Collects what is known of `name`.
pub(crate) async fn gather(name: AccountName, shared: &Shared) -> Result<ExplanationView, Refusal> {
    let wanted = name.clone();
    let records = shared
        .look(move |store| {
            let view = store.view();
            let account = view.account_by_any_name(&wanted)?;
            let mut tokens = Vec::new();
            for serial in account
                .iter()
                .flat_map(|a| a.serials.iter().chain(&a.ended))
            {
                tokens.extend(view.token(serial)?);
            }
            Ok::<_, sekisho_verifier::store::StoreError>((account, tokens, view.newest()?))
        })
        .await?;
    let (account, tokens, newest) = records.map_err(|_| unavailable())?;
    let canonical = account
        .as_ref()
        .map_or(name, |account| account.name.clone());
    let filter = Wanted {
        account: Some(canonical.clone()),
        ..Wanted::default()
    };
    let (events, _) = find_events(filter, None, EVENTS_SHOWN, shared).await?;
    let now = clock::now();
    let mut findings = Vec::new();
    if newest.is_some_and(|newest| now < newest) {
        findings.push(
            "the server's clock is behind the last accepted code or change, so no code is accepted"
                .into(),
        );
    }
    if let Some(doubt) = shared.clock.doubt() {
        findings.push(format!("{doubt}, so no code is accepted"));
    }
    match &account {
        None => findings.push(format!(
            "there is no account {canonical}: nobody enrolled it yet"
        )),
        Some(account) => {
            of_account(
                account,
                &shared.verifier.policy().limits,
                now,
                &mut findings,
            );
            of_tokens(&tokens, now, &mut findings);
        }
    }
    of_events(&events, &tokens, &mut findings);
    if findings.is_empty() {
        findings.push("nothing stands against a login".into());
    }
    Ok(ExplanationView {
        account: canonical.to_string(),
        findings,
        events: events
            .iter()
            .map(|(position, event)| views::event(*position, event))
            .collect(),
    })
}

fn of_account(account: &Account, limits: &Limits, now: Time, findings: &mut Vec<Finding>) {
    if account.disabled {
        findings.push("the account is disabled".into());
    }
    match account.guesses.closed(limits, now) {
        Some(Closed::Locked(until)) => findings.push(format!(
            "locked after {} wrong codes for another {}",
            account.guesses.wrong,
            left(now, until)
        )),
        Some(Closed::Waiting(until)) => findings.push(format!(
            "{} wrong codes: no code is judged for another {}",
            account.guesses.wrong,
            left(now, until)
        )),
        None => {}
    }
    if account.serials.is_empty() {
        findings.push("the account has no token in use".into());
    }
}

fn of_tokens(tokens: &[Token], now: Time, findings: &mut Vec<Finding>) {
    for token in tokens {
        let serial = &token.serial;
        if token.state == TokenState::Active && is_ahead(token, now) {
            findings.push(format!(
                "a code of the future was accepted of token {serial}, when a clock was wrong: \
                 none is accepted until that time; exchange it"
            ));
        }
        match token.state {
            TokenState::Active if token.disabled => findings.push(format!(
                "token {serial} is disabled after too many failures in a row; enroll it again"
            )),
            TokenState::Active if token.drift != 0 => findings.push(format!(
                "the clock of token {serial} is {} steps {} ours; that is allowed for",
                token.drift.abs(),
                if token.drift > 0 {
                    "ahead of"
                } else {
                    "behind"
                }
            )),
            TokenState::Active | TokenState::InStock => {}
            state => findings.push(format!("token {serial} is {state}")),
        }
    }
}

/// Whether the newest spent step lies further ahead than any drift allows.
fn is_ahead(token: &Token, now: Time) -> bool {
    let Factor::Totp { period } = token.factor else {
        return false;
    };
    let farthest = period.step(now).saturating_add(STEPS_AHEAD_MAX);
    token.watermark().is_some_and(|mark| mark > farthest)
}

/// What the newest login that was decided says, if it was a reject.
fn of_events(events: &[(u64, Event)], tokens: &[Token], findings: &mut Vec<Finding>) {
    let login = events.iter().find_map(|(_, event)| match &event.what {
        What::Login(login) => Some((event.time, login)),
        What::Operation(_) | What::Session(_) => None,
    });
    let Some((_, login)) = login else {
        return;
    };
    let place = &login.place;
    let sentence = match login.reason {
        Reason::RightCode | Reason::AnsweredAgain | Reason::NotAsked => return,
        Reason::AlreadyUsed => already_used(login.serial.as_ref(), tokens),
        Reason::WrongCode => "the code was wrong".into(),
        Reason::MalformedCode => "what was typed is not a code of 6 to 8 digits".into(),
        Reason::SeedDoesNotOpen => {
            "the token's seed does not open: the master key or the record is not the right one"
                .into()
        }
        Reason::RejectedAgain => {
            "the gateway repeated a login whose code or password was wrong".into()
        }
        Reason::RoundUsed => {
            "the answer came for a challenge that was answered before".into()
        }
        Reason::RoundExpired => {
            "the answer came too late for its challenge, or the clock of sekisho-radiusd is not ours"
                .into()
        }
        Reason::WrongPassword => "the password before the code was wrong".into(),
        Reason::FirstFactorUnavailable => {
            "the password before the code could not be judged: see the log of sekisho-radiusd"
                .into()
        }
        Reason::ClockBackwards => "the server's clock had gone backwards".into(),
        Reason::ClockStepped => "the server's clock had just been set".into(),
        reason => format!("it was refused as {reason}"),
    };
    findings.push(format!("the last login, at {place}, failed: {sentence}"));
}

fn already_used(serial: Option<&sekisho_verifier::serial::Serial>, tokens: &[Token]) -> String {
    let token = tokens.iter().find(|token| Some(&token.serial) == serial);
    let used = token.and_then(|token| token.last_use.as_ref());
    match used.and_then(|used| used.place.as_ref()) {
        Some(place) => format!("the code was used already (last use at {place})"),
        None => "the code was used already".into(),
    }
}

fn left(now: Time, until: Time) -> String {
    let seconds = until.seconds().saturating_sub(now.seconds());
    match seconds {
        0..60 => format!("{seconds} s"),
        _ => format!("{} min", seconds.div_ceil(60)),
    }
}
