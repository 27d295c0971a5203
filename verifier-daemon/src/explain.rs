//! Why logins of an account fail, from stored facts.

use sekisho_texts::{Texts, say};
use sekisho_verifier::account::{Account, AccountName};
use sekisho_verifier::event::{Event, OperationKind, OperationOutcome, Reason, What};
use sekisho_verifier::guess::Closed;
use sekisho_verifier::lifecycle::TokenState;
use sekisho_verifier::place::Door;
use sekisho_verifier::policy::{DRIFT, Limits, WINDOW};
use sekisho_verifier::serial::Serial;
use sekisho_verifier::store::StoreError;
use sekisho_verifier::time::Time;
use sekisho_verifier::token::{Factor, Token};
use sekisho_verifier_socket::admin::{ExplanationView, Refusal};

use crate::admin::{Wanted, find_events, unavailable};
use crate::findings::{Finding, First, Fit};
use crate::service::Shared;
use crate::{clock, views};

/// The farthest step that can be accepted: the largest drift, and the window.
const STEPS_AHEAD_MAX: u64 = *DRIFT.end() as u64 + *WINDOW.end();
/// Events that an explanation shows.
const EVENTS_SHOWN: usize = 10;
/// What was found out of the newest failed codes, so many of them.
const FINDINGS_SHOWN: usize = 5;
/// Characters of a moment up to its day.
const DAY: usize = 10;

/// What is found, each a sentence without a full stop.
struct Explanation<'a> {
    texts: &'a Texts,
    now: Time,
    said: Vec<String>,
}

/// Collects what is known of `name`.
pub(crate) async fn gather(
    name: AccountName,
    texts: &Texts,
    shared: &Shared,
) -> Result<ExplanationView, Refusal> {
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
            Ok::<_, StoreError>((account, tokens, view.newest()?))
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
    let mut explanation = Explanation {
        texts,
        now,
        said: Vec::new(),
    };
    explanation.of_clock(newest, shared);
    match &account {
        None => explanation.say(say!(
            texts,
            "explain-no-account",
            account = canonical.as_str()
        )),
        Some(account) => {
            explanation.of_account(account, &shared.current.get().policy().limits);
            explanation.of_tokens(&tokens);
        }
    }
    let findings = shared.findings.of(&canonical, now);
    explanation.of_last_login(&events, &tokens, &findings);
    for finding in findings.iter().take(FINDINGS_SHOWN) {
        let exchanged = match &finding.fit {
            Fit::Ended { serial, .. } => exchanged(serial, shared).await?,
            _ => None,
        };
        explanation.of_finding(finding, &tokens, exchanged);
    }
    explanation.of_clients(&events, shared);
    if explanation.said.is_empty() {
        explanation.say(say!(texts, "explain-nothing"));
    }
    Ok(ExplanationView {
        account: canonical.to_string(),
        findings: explanation.said,
        events: events
            .iter()
            .map(|(position, event)| views::event(*position, event))
            .collect(),
    })
}

/// When a token was exchanged, if it was.
async fn exchanged(serial: &Serial, shared: &Shared) -> Result<Option<Time>, Refusal> {
    let filter = Wanted {
        serial: Some(serial.clone()),
        ..Wanted::default()
    };
    let (events, _) = find_events(filter, None, EVENTS_SHOWN, shared).await?;
    let time = events.iter().find_map(|(_, event)| match &event.what {
        What::Operation(done)
            if done.operation == OperationKind::Exchange
                && done.outcome == OperationOutcome::Done
                && done.serial.as_ref() == Some(serial) =>
        {
            Some(event.time)
        }
        _ => None,
    });
    Ok(time)
}

impl Explanation<'_> {
    /// The same is not told twice.
    fn say(&mut self, sentence: String) {
        if !self.said.contains(&sentence) {
            self.said.push(sentence);
        }
    }

    fn of_clock(&mut self, newest: Option<Time>, shared: &Shared) {
        if newest.is_some_and(|newest| self.now < newest) {
            self.say(say!(self.texts, "explain-clock-behind"));
        }
        if let Some(doubt) = shared.clock.doubt() {
            let seconds = doubt.step.unsigned_abs();
            self.say(match doubt.step < 0 {
                true => say!(self.texts, "explain-clock-set-back", seconds = seconds),
                false => say!(self.texts, "explain-clock-set-forward", seconds = seconds),
            });
        }
    }

    fn of_account(&mut self, account: &Account, limits: &Limits) {
        let texts = self.texts;
        if account.disabled {
            self.say(say!(texts, "explain-disabled"));
        }
        let count = account.guesses.wrong;
        match account.guesses.closed(limits, self.now) {
            Some(Closed::Locked(until)) => {
                let until = views::wall_clock(until);
                self.say(say!(texts, "explain-locked", count = count, until = until));
            }
            Some(Closed::Waiting(until)) => {
                let until = views::wall_clock(until);
                self.say(say!(texts, "explain-waiting", count = count, until = until));
            }
            None => {}
        }
        if !account.had_token() {
            self.say(say!(texts, "explain-not-started"));
        } else if account.serials.is_empty() {
            self.say(say!(texts, "explain-no-token"));
        }
        if account.exchange_required {
            self.say(say!(texts, "explain-exchange-required"));
        }
        let good = account
            .emergency
            .iter()
            .filter(|code| self.now < code.until);
        let emergency = good.count();
        if emergency > 0 {
            self.say(say!(texts, "explain-emergency-left", count = emergency));
        }
    }

    fn of_tokens(&mut self, tokens: &[Token]) {
        let texts = self.texts;
        for token in tokens {
            let serial = token.serial.to_string();
            if token.state == TokenState::Active && is_ahead(token, self.now) {
                self.say(say!(texts, "explain-ahead", serial = serial.as_str()));
            }
            match token.state {
                TokenState::Active if token.disabled => {
                    self.say(say!(texts, "explain-token-disabled", serial = serial));
                }
                TokenState::Active if token.drift != 0 => {
                    let steps = token.drift.unsigned_abs();
                    self.say(match token.drift > 0 {
                        true => say!(texts, "explain-drift-ahead", serial = serial, steps = steps),
                        false => say!(
                            texts,
                            "explain-drift-behind",
                            serial = serial,
                            steps = steps
                        ),
                    });
                }
                TokenState::Active | TokenState::InStock => {}
                state => {
                    let state = texts.word("state", state.name());
                    self.say(say!(
                        texts,
                        "explain-token-state",
                        serial = serial,
                        state = state
                    ));
                }
            }
        }
    }

    /// What the newest login that was decided says, if it was a reject.
    fn of_last_login(&mut self, events: &[(u64, Event)], tokens: &[Token], findings: &[Finding]) {
        let texts = self.texts;
        let login = events
            .iter()
            .find_map(|(position, event)| match &event.what {
                What::Login(login) => Some((*position, event.time, login)),
                What::Operation(_) | What::Session(_) => None,
            });
        let Some((position, time, login)) = login else {
            return;
        };
        let why = match login.reason {
            reason if reason.accepts() || reason.lets_pass() => return,
            Reason::AlreadyUsed => {
                let found = findings.iter().find(|finding| finding.position == position);
                match found.map(|finding| &finding.fit) {
                    Some(Fit::Used {
                        first: Some(first), ..
                    }) => self.already_used(first),
                    _ => self.already_used_last(login.serial.as_ref(), tokens),
                }
            }
            Reason::WrongCode => say!(texts, "explain-wrong-code"),
            Reason::MalformedCode => say!(texts, "explain-malformed-code"),
            Reason::SeedDoesNotOpen => say!(texts, "explain-seed"),
            Reason::RejectedAgain => say!(texts, "explain-rejected-again"),
            Reason::RoundUsed => say!(texts, "explain-round-used"),
            Reason::RoundExpired => say!(texts, "explain-round-expired"),
            Reason::WrongPassword => say!(texts, "explain-wrong-password"),
            Reason::FirstFactorUnavailable => say!(texts, "explain-no-judge"),
            Reason::ClockBackwards => say!(texts, "explain-clock-backwards"),
            Reason::ClockStepped => say!(texts, "explain-clock-stepped"),
            reason => {
                let reason = texts.word("reason", reason.name());
                say!(texts, "explain-refused-as", reason = reason)
            }
        };
        let (place, time) = (login.place.to_string(), views::wall_clock(time));
        self.say(say!(
            texts,
            "explain-last-login",
            place = place,
            time = time,
            why = why
        ));
    }

    fn already_used(&self, first: &First) -> String {
        let time = views::wall_clock(first.time);
        match &first.place {
            Some(place) => {
                say!(
                    self.texts,
                    "explain-used-at",
                    time = time,
                    place = place.to_string()
                )
            }
            None => say!(self.texts, "explain-used-in-start", time = time),
        }
    }

    fn already_used_last(&self, serial: Option<&Serial>, tokens: &[Token]) -> String {
        let token = tokens.iter().find(|token| Some(&token.serial) == serial);
        match token.and_then(|token| token.last_use.as_ref()) {
            Some(used) => self.already_used(&First {
                time: used.time,
                place: used.place.clone(),
            }),
            None => say!(self.texts, "explain-used"),
        }
    }

    /// What the code of a failed login fits.
    fn of_finding(&mut self, finding: &Finding, tokens: &[Token], exchanged: Option<Time>) {
        let texts = self.texts;
        let (time, place) = (views::wall_clock(finding.time), finding.place.to_string());
        let sentence = match &finding.fit {
            Fit::Off { serial, steps } => {
                let count = steps.unsigned_abs();
                let serial = serial.to_string();
                let what = match (*steps, is_counter(tokens, &serial)) {
                    (0, _) => say!(texts, "explain-fits-now", serial = serial),
                    (_, true) => {
                        say!(
                            texts,
                            "explain-fits-counter",
                            serial = serial,
                            steps = count
                        )
                    }
                    (..0, false) => {
                        say!(texts, "explain-fits-slow", serial = serial, steps = count)
                    }
                    (_, false) => say!(texts, "explain-fits-fast", serial = serial, steps = count),
                };
                say!(
                    texts,
                    "explain-code-of",
                    time = time,
                    place = place,
                    what = what
                )
            }
            Fit::Ended { serial, .. } => {
                let state = tokens.iter().find(|token| token.serial == *serial);
                let state = state.map_or("", |token| token.state.name());
                let serial = serial.to_string();
                let what = match exchanged {
                    Some(day) => {
                        let mut day = views::wall_clock(day);
                        day.truncate(DAY);
                        say!(texts, "explain-fits-exchanged", serial = serial, day = day)
                    }
                    None => {
                        let state = texts.word("state", state);
                        say!(texts, "explain-fits-ended", serial = serial, state = state)
                    }
                };
                say!(
                    texts,
                    "explain-code-of",
                    time = time,
                    place = place,
                    what = what
                )
            }
            Fit::Stock { serial } => {
                let what = say!(texts, "explain-fits-stock", serial = serial.to_string());
                say!(
                    texts,
                    "explain-code-of",
                    time = time,
                    place = place,
                    what = what
                )
            }
            Fit::Used {
                serial,
                first,
                elsewhere: true,
            } => {
                let serial = serial.to_string();
                match first
                    .as_ref()
                    .and_then(|first| Some((first.time, first.place.as_ref()?)))
                {
                    Some((used, first)) => say!(
                        texts,
                        "explain-duplicate",
                        serial = serial,
                        time = time,
                        place = place,
                        first = first.to_string(),
                        used = views::wall_clock(used),
                    ),
                    None => return,
                }
            }
            // Told with the last login.
            Fit::Used { .. } => return,
            Fit::Emergency => {
                say!(texts, "explain-emergency-used", time = time, place = place)
            }
        };
        self.say(sentence);
    }

    /// Gateways whose requests are dropped leave no event.
    fn of_clients(&mut self, events: &[(u64, Event)], shared: &Shared) {
        let now_silent = shared.seen.views();
        for client in now_silent {
            let without = client.without_message_authenticator;
            // One that gets answers all the same has another trouble.
            let answered = events.iter().any(|(_, event)| match &event.what {
                What::Login(login) => {
                    login.place.door == Door::Radius && *login.place.name == *client.name
                }
                What::Operation(_) | What::Session(_) => false,
            });
            if without > 0 && !answered {
                let sentence = say!(
                    self.texts,
                    "explain-no-message-authenticator",
                    client = client.name,
                    count = without,
                );
                self.say(sentence);
            }
        }
    }
}

fn is_counter(tokens: &[Token], serial: &str) -> bool {
    let is_it = |token: &&Token| token.serial.as_str() == serial;
    let token = tokens.iter().find(is_it);
    token.is_some_and(|token| matches!(token.factor, Factor::Hotp { .. }))
}

/// Whether the newest spent step lies further ahead than any drift allows.
fn is_ahead(token: &Token, now: Time) -> bool {
    let Factor::Totp { period } = token.factor else {
        return false;
    };
    let farthest = period.step(now).saturating_add(STEPS_AHEAD_MAX);
    token.watermark().is_some_and(|mark| mark > farthest)
}
