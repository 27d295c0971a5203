//! From the core's records and events to what admins are shown.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sekisho_store_embedded::Removed;
use sekisho_verifier::account::{self, Account, SpareMark};
use sekisho_verifier::event::{
    Event, LoginEvent, OperationEvent, OperationOutcome, Reason, SessionChange, SessionEvent, What,
};
use sekisho_verifier::policy::Limits;
use sekisho_verifier::receipt::ReceiptNumber;
use sekisho_verifier::session::EndOutcome;
use sekisho_verifier::store::Position;
use sekisho_verifier::time::Time;
use sekisho_verifier::token::{Factor, Token};
use sekisho_verifier::verify;
use sekisho_verifier_socket::admin::{AccountView, EventView, ReceiptView, RemovedView, TokenView};
use sekisho_verifier_socket::{Language, Speech, Wanted};

/// Characters of a moment up to its minute.
const TO_THE_MINUTE: usize = 16;
const A_MINUTE_MS: u64 = 60_000;

/// The receipt of an operation that was done, without what vouches for it.
pub(crate) fn receipt(position: Position, time: Time, event: &OperationEvent) -> ReceiptView {
    let text = |name: &dyn ToString| name.to_string();
    ReceiptView {
        number: number(position),
        time_ms: time.millis(),
        operation: event.operation.name().to_owned(),
        serial: event.serial.as_ref().map(|s| text(s)),
        new_serial: event.new_serial.as_ref().map(|s| text(s)),
        account: event.account.as_ref().map(|a| text(a)),
        actor: event.actor.to_string(),
        note: note(event),
        position,
        count: event.count,
        channel: event.channel.name().to_owned(),
        reason: event.note.as_ref().map(|note| note.as_str().to_owned()),
        hash: None,
        signed: None,
        repeated: false,
        sessions: 0,
        approver: event.approver.as_ref().map(|a| text(a)),
    }
}

/// What is removed from the journal, or would be.
pub(crate) fn removed(removed: &Removed) -> RemovedView {
    RemovedView {
        segments: removed.segments,
        octets: removed.octets,
        first_kept: removed.first_kept,
        newest_ms: removed.newest.millis(),
    }
}

/// The core's language on the wire.
pub(crate) fn language(language: account::Language) -> Language {
    match language {
        account::Language::English => Language::English,
        account::Language::Japanese => Language::Japanese,
    }
}

/// What a conversation about a token has to ask for.
pub(crate) fn wanted(wanted: verify::Wanted, speech: Speech) -> Wanted {
    Wanted {
        speech,
        exchange: wanted.exchange,
        old_code: wanted.old_code,
        positions: wanted.positions,
        grace_until: wanted.grace_until.map(last_minute),
    }
}

/// The last minute before a moment: a day ends where the next begins, and whoever reads that thinks
/// of the next.
pub(crate) fn last_minute(until: Time) -> String {
    let last = Time::from_millis(until.millis().saturating_sub(A_MINUTE_MS));
    let mut text = wall_clock(last);
    text.truncate(TO_THE_MINUTE);
    text
}

/// A moment as the server's wall clock shows it: `2026-11-22 20:15:03`.
pub(crate) fn wall_clock(time: Time) -> String {
    let millis = i64::try_from(time.millis()).unwrap_or(i64::MAX);
    match Timestamp::from_millisecond(millis) {
        Ok(moment) => {
            let zoned = moment.to_zoned(TimeZone::system());
            zoned.strftime("%Y-%m-%d %H:%M:%S").to_string()
        }
        Err(_) => format!("{} s", time.seconds()),
    }
}

pub(crate) fn number(position: Position) -> String {
    // The position alone still finds the event when the numbers have run out.
    ReceiptNumber::new(position).map_or_else(|| position.to_string(), |number| number.to_string())
}

/// What changed, and the operator's word.
fn note(event: &OperationEvent) -> Option<String> {
    let parts = [&event.detail, &event.note];
    let parts: Vec<_> = parts.into_iter().flatten().map(|n| n.as_str()).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

pub(crate) fn token(token: &Token) -> TokenView {
    let (kind, period) = match token.factor {
        Factor::Totp { period } => ("totp", Some(period.seconds())),
        Factor::Hotp { .. } => ("hotp", None),
    };
    let last_use = token.last_use.as_ref();
    TokenView {
        serial: token.serial.to_string(),
        state: token.state.name().to_owned(),
        account: token.account.as_ref().map(ToString::to_string),
        kind: kind.to_owned(),
        algorithm: token.algorithm.name().to_owned(),
        digits: token.digits.value(),
        period,
        drift_steps: token.drift,
        disabled: token.disabled,
        last_used_ms: last_use.map(|used| used.time.millis()),
        last_used_at: last_use.map(|used| match &used.place {
            Some(place) => place.to_string(),
            None => "start of use".to_owned(),
        }),
        created_ms: token.created.millis(),
    }
}

pub(crate) fn account(account: &Account, limits: &Limits, now: Time) -> AccountView {
    let texts = |names: &[_]| names.iter().map(ToString::to_string).collect();
    let closed = account.guesses.closed(limits, now);
    let serials = account.serials.iter().chain(&account.ended);
    let until = |code: SpareMark| code.until.millis();
    let emergency = account.emergency.iter().copied();
    let emergency: Vec<_> = emergency.filter(|code| now < code.until).collect();
    AccountView {
        name: account.name.to_string(),
        aliases: texts(&account.aliases),
        serials: serials.map(ToString::to_string).collect(),
        code_required: account.code_required,
        disabled: account.disabled,
        wrong_codes: account.guesses.wrong,
        failures_in_a_row: account.guesses.in_a_row,
        locked_until_ms: closed.map(|closed| closed.until().millis()),
        groups: account.groups.iter().map(ToString::to_string).collect(),
        attributes: account
            .attributes
            .iter()
            .map(|attribute| (attribute.name.to_string(), attribute.value.to_string()))
            .collect(),
        has_password: account.password.is_some(),
        language: account.language.map(|language| language.tag().to_owned()),
        exchange_required: account.exchange_required,
        has_start_password: account.start_password.is_some(),
        start_code_until_ms: account
            .start_code
            .filter(|code| now < code.until)
            .map(until),
        emergency_codes: u32::try_from(emergency.len()).unwrap_or(u32::MAX),
        emergency_until_ms: emergency.into_iter().map(until).max(),
    }
}

/// About what an account takes in a frame.
pub(crate) fn account_octets(view: &AccountView) -> usize {
    let texts = |texts: &[String]| texts.iter().map(|text| text.len() + 3).sum::<usize>();
    let attributes = view.attributes.iter();
    let attributes = attributes.map(|(name, value)| name.len() + value.len() + 6);
    100 + view.name.len()
        + texts(&view.aliases)
        + texts(&view.serials)
        + texts(&view.groups)
        + attributes.sum::<usize>()
}

pub(crate) fn event(position: Position, event: &Event) -> EventView {
    match &event.what {
        What::Login(login) => login_event(position, event.time, login),
        What::Operation(operation) => operation_event(position, event.time, operation),
        What::Session(session) => session_event(position, event.time, session),
    }
}

fn login_event(position: Position, time: Time, login: &LoginEvent) -> EventView {
    let outcome = match login.reason {
        reason if reason.spends() => "accept",
        // The same login: it is not counted as one more.
        Reason::AnsweredAgain => "answered-again",
        reason if reason.lets_pass() => "not-asked",
        _ => "reject",
    };
    EventView {
        position,
        time_ms: time.millis(),
        operation: "login".to_owned(),
        outcome: outcome.to_owned(),
        reason: Some(login.reason.name().to_owned()),
        account: login.account.as_ref().map(ToString::to_string),
        serial: login.serial.as_ref().map(ToString::to_string),
        place: Some(login.place.to_string()),
        actor: None,
        receipt: None,
    }
}

fn session_event(position: Position, time: Time, told: &SessionEvent) -> EventView {
    let (outcome, reason) = match told.change {
        SessionChange::End { outcome, .. } => match outcome {
            EndOutcome::Refused(Some(cause)) => {
                (outcome.name(), Some(format!("error-cause {cause}")))
            }
            _ => (outcome.name(), None),
        },
        SessionChange::On(count) | SessionChange::Off(count) => {
            ("reported", Some(format!("{count} sessions are over")))
        }
        _ => ("reported", told.cause.map(|cause| format!("cause {cause}"))),
    };
    let place = match told.session {
        Some(session) => format!("radius:{} {} session {session}", told.client, told.nas),
        None => format!("radius:{} {}", told.client, told.nas),
    };
    EventView {
        position,
        time_ms: time.millis(),
        operation: told.change.name().to_owned(),
        outcome: outcome.to_owned(),
        reason,
        account: told.account.as_ref().map(ToString::to_string),
        serial: None,
        place: Some(place),
        actor: None,
        receipt: None,
    }
}

fn operation_event(position: Position, time: Time, operation: &OperationEvent) -> EventView {
    let (outcome, reason, receipt) = match operation.outcome {
        OperationOutcome::Done => ("done", None, Some(number(position))),
        OperationOutcome::NotProven(reason) => ("reject", Some(reason.name().to_owned()), None),
    };
    let serials = [&operation.serial, &operation.new_serial];
    let serials: Vec<_> = serials
        .into_iter()
        .flatten()
        .map(ToString::to_string)
        .collect();
    EventView {
        position,
        time_ms: time.millis(),
        operation: operation.operation.name().to_owned(),
        outcome: outcome.to_owned(),
        reason,
        account: operation.account.as_ref().map(ToString::to_string),
        serial: (!serials.is_empty()).then(|| serials.join(" -> ")),
        place: None,
        actor: Some(operation.actor.to_string()),
        receipt,
    }
}
