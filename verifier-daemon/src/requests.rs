//! From an admin's verb to the core's operation: names, codes and shapes are checked here, at the
//! edge, and a refusal says the way out.

use sekisho_verifier::account::{
    ALIASES_MAX, ATTRIBUTES_MAX, AccountName, AttributeName, AttributeValue, EMERGENCY_CODES_MAX,
    GROUPS_MAX, GroupName, Language, PROFILE_OCTETS_MAX, TOKENS_MAX,
};
use sekisho_verifier::event::{Reason, RequestKey};
use sekisho_verifier::operation::{
    AccountChange, IMPORT_TOKENS_MAX, Imported, Operation, Refusal as CoreRefusal, SerialChoice,
    StateChange,
};
use sekisho_verifier::otp::{Algorithm, Digits, Seed};
use sekisho_verifier::seal::{Keyring, NONCE_OCTETS};
use sekisho_verifier::serial::Serial;
use sekisho_verifier::spare::EMERGENCY_SECONDS;
use sekisho_verifier::token::{Factor, Period, Shape};
use sekisho_verifier_socket::Secret;
use sekisho_verifier_socket::admin::{self, Change, ImportRow, NewToken, Refusal, RefusalKind};
use zeroize::Zeroizing;

use crate::speech::{text, texts};

/// Octets of a seed that we make: 160 bits, as RFC 4226 section 4, R6, recommends.
pub(crate) const NEW_SEED_OCTETS: usize = 20;

/// A refusal because of what was asked.
pub(crate) fn invalid(message: impl ToString, way_out: impl Into<String>) -> Refusal {
    refusal(RefusalKind::Invalid, message, way_out)
}

pub(crate) fn refusal(
    kind: RefusalKind,
    message: impl ToString,
    way_out: impl Into<String>,
) -> Refusal {
    Refusal {
        kind,
        message: message.to_string(),
        way_out: way_out.into(),
    }
}

pub(crate) fn serial(text: &str) -> Result<Serial, Refusal> {
    Serial::parse(text).map_err(|error| {
        invalid(
            text!("refused-serial", error = error.to_string()),
            text!("refused-serial-way"),
        )
    })
}

pub(crate) fn account(text: &str) -> Result<AccountName, Refusal> {
    AccountName::parse(text).map_err(|error| {
        invalid(
            text!("refused-name", error = error.to_string()),
            text!("refused-name-way"),
        )
    })
}

pub(crate) fn request_key(text: &str) -> Result<RequestKey, Refusal> {
    RequestKey::parse(text).ok_or_else(|| {
        invalid(
            text!("refused-request-key"),
            text!("refused-request-key-way"),
        )
    })
}

pub(crate) fn code(code: &Secret) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(code.expose().to_vec())
}

/// Random octets from the kernel.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Refusal> {
    let mut octets = [0; N];
    getrandom::fill(&mut octets).map_err(|error| {
        refusal(
            RefusalKind::Unavailable,
            text!("refused-random", error = error.to_string()),
            text!("refused-later-way"),
        )
    })?;
    Ok(octets)
}

pub(crate) fn shape(new: &NewToken) -> Result<Shape, Refusal> {
    let algorithm = match &new.algorithm {
        None => Algorithm::default(),
        Some(name) => Algorithm::from_name(name)
            .ok_or_else(|| invalid(text!("refused-algorithm"), text!("refused-algorithm-way")))?,
    };
    let digits = match new.digits {
        None => Digits::default(),
        Some(digits) => Digits::new(digits)
            .ok_or_else(|| invalid(text!("refused-digits"), text!("refused-digits-way")))?,
    };
    Ok(Shape {
        algorithm,
        digits,
        factor: factor(new)?,
    })
}

fn factor(new: &NewToken) -> Result<Factor, Refusal> {
    match (new.counter, new.period) {
        (Some(first), None) => Ok(Factor::Hotp { first }),
        (Some(_), Some(_)) => Err(invalid(
            text!("refused-period-and-counter"),
            text!("refused-period-and-counter-way"),
        )),
        (None, None) => Ok(Factor::Totp {
            period: Period::default(),
        }),
        (None, Some(seconds)) => Period::new(seconds)
            .map(|period| Factor::Totp { period })
            .ok_or_else(|| invalid(text!("refused-period"), text!("refused-period-way"))),
    }
}

/// Which serial a new token gets.
pub(crate) fn serial_choice(
    given: Option<&str>,
    prefix: &str,
    tokens: u64,
) -> Result<SerialChoice, Refusal> {
    match given {
        Some(text) => Ok(SerialChoice::Given(serial(text)?)),
        None => Ok(SerialChoice::NextFree {
            prefix: prefix.to_owned(),
            // Where the next free one is if all have been numbered in one row.
            from: tokens + 1,
        }),
    }
}

/// One row of an import, its seed sealed at once; or what is wrong with it.
pub(crate) fn imported(keys: &Keyring, row: &ImportRow) -> Result<Imported, String> {
    let message = |refused: Refusal| refused.message;
    let serial = serial(&row.serial).map_err(message)?;
    let account = row.account.as_deref().map(account).transpose();
    let seed = Seed::new(row.seed.expose().to_vec()).ok_or_else(|| text!("refused-seed"))?;
    let nonce = random::<NONCE_OCTETS>().map_err(message)?;
    Ok(Imported {
        line: row.line,
        account: account.map_err(message)?,
        seed: keys.current().seal(&serial, 1, &seed, nonce),
        serial,
        shape: shape(&row.shape).map_err(message)?,
    })
}

/// Seals the row of an import anew if the data key was changed since it was sealed.
pub(crate) fn of_now(keys: &Keyring, row: &mut Imported) -> Result<(), Refusal> {
    let current = keys.current();
    if row.seed.key_number() == Some(current.number()) {
        return Ok(());
    }
    let seed = keys
        .open(&row.serial, 1, &row.seed)
        .map_err(|_| refused(&CoreRefusal::KeyChanged))?;
    row.seed = current.seal(&row.serial, 1, &seed, random()?);
    Ok(())
}

pub(crate) fn change(change: Change, serial_text: &str) -> Result<Operation, Refusal> {
    let change = match change {
        Change::Stop => StateChange::Stop,
        Change::Lost => StateChange::Lost,
        Change::Suspend => StateChange::Suspend,
        Change::Resume => StateChange::Resume,
    };
    Ok(Operation::Change(change, serial(serial_text)?))
}

pub(crate) fn account_change(change: &admin::AccountChange) -> Result<AccountChange, Refusal> {
    let name = |text: &Option<String>| text.as_deref().map(account).transpose();
    let language = change.language.as_deref().map(language).transpose()?;
    Ok(AccountChange {
        code_required: change.code_required,
        disabled: change.disabled,
        add_alias: name(&change.add_alias)?,
        remove_alias: name(&change.remove_alias)?,
        add_groups: groups(&change.add_groups)?,
        remove_groups: groups(&change.remove_groups)?,
        attributes: change
            .attributes
            .iter()
            .map(attribute)
            .collect::<Result<_, _>>()?,
        language,
        exchange_required: change.exchange_required,
    })
}

/// The language of a tag; of an empty one, that an account has none of its own.
pub(crate) fn language(tag: &str) -> Result<Option<Language>, Refusal> {
    if tag.is_empty() {
        return Ok(None);
    }
    let known = Language::from_tag(tag);
    let invalid = || invalid(text!("refused-language"), text!("refused-language-way"));
    known.map(Some).ok_or_else(invalid)
}

fn groups(names: &[String]) -> Result<Vec<GroupName>, Refusal> {
    let group = |name: &String| GroupName::parse(name);
    let groups: Result<_, _> = names.iter().map(group).collect();
    groups.map_err(|error| {
        invalid(
            text!("refused-group", error = error.to_string()),
            text!("refused-group-way"),
        )
    })
}

fn attribute(
    (name, value): &(String, Option<String>),
) -> Result<(AttributeName, Option<AttributeValue>), Refusal> {
    let parsed = AttributeName::parse(name).and_then(|name| {
        let value = value.as_deref().map(AttributeValue::parse).transpose()?;
        Ok((name, value))
    });
    parsed.map_err(|error| {
        invalid(
            text!("refused-attribute", error = error.to_string()),
            text!("refused-attribute-way"),
        )
    })
}

/// The core's refusal with its kind and the way out.
pub(crate) fn refused(refused: &CoreRefusal) -> Refusal {
    let (kind, way_out) = way_out(refused);
    refusal(kind, told(refused), texts().get(way_out, &[]))
}

/// The kind, and the id of the way out.
fn way_out(refused: &CoreRefusal) -> (RefusalKind, &'static str) {
    use CoreRefusal as R;
    use RefusalKind as K;
    match refused {
        R::NoSuchToken(_) => (K::NotFound, "core-no-token-way"),
        R::NoSuchAccount(_) => (K::NotFound, "core-no-account-way"),
        R::TokenExists(_) => (K::Conflict, "core-token-exists-way"),
        R::NoFreeSerial(_) => (K::Conflict, "core-no-free-serial-way"),
        R::State(..) => (K::Conflict, "core-state-way"),
        R::SameToken(_) => (K::Invalid, "core-same-token-way"),
        R::NotProven(_, _) => (K::NotProven, "core-not-proven-way"),
        R::TooManyTokens(_) => (K::Conflict, "core-too-many-tokens-way"),
        R::AccountDisabled(_) => (K::Conflict, "core-disabled-way"),
        R::NotLocked(_) => (K::Conflict, "core-not-locked-way"),
        R::NothingToChange(_) => (K::Conflict, "core-so-already-way"),
        R::NameTaken(_) | R::TooManyAliases(_) => (K::Conflict, "core-another-name-way"),
        R::NotAnAlias(..) | R::NotInGroup(..) | R::NoSuchAttribute(..) => {
            (K::NotFound, "core-look-way")
        }
        R::TooManyGroups(_) | R::TooManyAttributes(_) | R::ProfileTooLarge(_) => {
            (K::Conflict, "core-remove-some-way")
        }
        R::TooMuchAtOnce => (K::Invalid, "core-too-much-way"),
        R::NoPassword(_) | R::ClockIsTrusted => (K::Conflict, "core-nothing-way"),
        R::NoSuchSession(_) => (K::NotFound, "core-no-session-way"),
        R::Import(_) => (K::Conflict, "core-import-way"),
        R::KeyChanged => (K::Conflict, "core-key-changed-way"),
        R::ImportTooLarge => (K::Invalid, "core-import-large-way"),
        R::EmptyImport => (K::Invalid, "core-import-empty-way"),
        _ => (K::Conflict, "core-explain-way"),
    }
}

/// What the core says, in the language of the request.
fn told(refused: &CoreRefusal) -> String {
    use CoreRefusal as R;
    let reason = |reason: &Reason| texts().word("reason", reason.name());
    match refused {
        R::NoSuchToken(serial) => text!("core-no-token", serial = serial.as_str()),
        R::NoSuchAccount(account) => text!("core-no-account", account = account.as_str()),
        R::TokenExists(serial) => text!("core-token-exists", serial = serial.as_str()),
        R::NoFreeSerial(prefix) => text!("core-no-free-serial", prefix = prefix),
        R::State(serial, state) => {
            let state = texts().word("state", state.name());
            text!("core-state", serial = serial.as_str(), state = state)
        }
        R::SameToken(serial) => text!("core-same-token", serial = serial.as_str()),
        R::NotProven(serial, why) => text!(
            "core-not-proven",
            serial = serial.as_str(),
            reason = reason(why)
        ),
        R::TooManyTokens(account) => text!(
            "core-too-many-tokens",
            account = account.as_str(),
            max = TOKENS_MAX
        ),
        R::AccountDisabled(account) => text!("core-disabled", account = account.as_str()),
        R::NotLocked(account) => text!("core-not-locked", account = account.as_str()),
        R::NothingToChange(account) => text!("core-so-already", account = account.as_str()),
        R::NameTaken(name) => text!("core-name-taken", name = name.as_str()),
        R::TooManyAliases(account) => text!(
            "core-too-many-aliases",
            account = account.as_str(),
            max = ALIASES_MAX
        ),
        R::NotAnAlias(account, name) => text!(
            "core-no-alias",
            account = account.as_str(),
            name = name.as_str()
        ),
        R::NotInGroup(account, group) => text!(
            "core-not-in-group",
            account = account.as_str(),
            group = group.as_str()
        ),
        R::TooManyGroups(account) => text!(
            "core-too-many-groups",
            account = account.as_str(),
            max = GROUPS_MAX
        ),
        R::NoSuchAttribute(account, attribute) => text!(
            "core-no-attribute",
            account = account.as_str(),
            attribute = attribute.as_str()
        ),
        R::TooManyAttributes(account) => text!(
            "core-too-many-attributes",
            account = account.as_str(),
            max = ATTRIBUTES_MAX
        ),
        R::ProfileTooLarge(account) => text!(
            "core-profile",
            account = account.as_str(),
            max = PROFILE_OCTETS_MAX
        ),
        R::TooMuchAtOnce => text!("core-too-much"),
        R::NoPassword(account) => text!("core-no-password", account = account.as_str()),
        R::NoSuchSession(session) => text!("core-no-session", session = session.to_string()),
        R::ClockIsTrusted => text!("core-clock-trusted"),
        R::KeyChanged => text!("core-key-changed"),
        R::Import(lines) => {
            let line = |(line, fault): &(u64, String)| {
                text!("core-import-line", line = line, fault = fault)
            };
            let lines: Vec<String> = lines.iter().map(line).collect();
            lines.join("; ")
        }
        R::ImportTooLarge => text!("core-import-large", max = IMPORT_TOKENS_MAX),
        R::EmptyImport => text!("core-import-empty"),
        R::NotOwner(account, why) => text!(
            "core-not-owner",
            account = account.as_str(),
            reason = reason(why)
        ),
        R::OldTokenNeeded(account) => text!("core-old-needed", account = account.as_str()),
        R::NoOldToken(account) => text!("core-no-old", account = account.as_str()),
        R::HasToken(account) => text!("core-has-token", account = account.as_str()),
        R::SeveralTokens(account) => text!("core-several-tokens", account = account.as_str()),
        R::NotTheirs(account, serial) => text!(
            "core-not-theirs",
            account = account.as_str(),
            serial = serial.as_str()
        ),
        R::StartPasswordUsedUp(account) => {
            text!("core-start-password-used-up", account = account.as_str())
        }
        R::NoStartPassword(account) => text!("core-no-start-password", account = account.as_str()),
        R::EmergencyBounds => text!(
            "core-emergency-bounds",
            max = EMERGENCY_CODES_MAX,
            least = *EMERGENCY_SECONDS.start(),
            most = *EMERGENCY_SECONDS.end()
        ),
        R::TooFarOff(serial, steps) => text!(
            "core-too-far-off",
            serial = serial.as_str(),
            steps = steps.to_string()
        ),
        R::NothingToDisable => text!("core-nothing-to-disable"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use sekisho_verifier::lifecycle::TokenState;
    use sekisho_verifier::session::SessionId;
    use sekisho_verifier_socket::Language as Spoken;

    use super::*;
    use crate::speech;

    fn every() -> Vec<CoreRefusal> {
        use CoreRefusal as R;
        let account = AccountName::parse("hana").unwrap();
        let serial = Serial::parse("SKTS00012345").unwrap();
        let attribute = AttributeName::parse("vlan").unwrap();
        let group = GroupName::parse("staff").unwrap();
        let session = SessionId::parse("00000000000000a1").unwrap();
        vec![
            R::NoSuchToken(serial.clone()),
            R::NoSuchAccount(account.clone()),
            R::TokenExists(serial.clone()),
            R::NoFreeSerial("SKTS".to_owned()),
            R::State(serial.clone(), TokenState::Lost),
            R::SameToken(serial.clone()),
            R::NotProven(serial.clone(), Reason::WrongCode),
            R::TooManyTokens(account.clone()),
            R::AccountDisabled(account.clone()),
            R::NotLocked(account.clone()),
            R::NothingToChange(account.clone()),
            R::NameTaken(account.clone()),
            R::TooManyAliases(account.clone()),
            R::NotAnAlias(account.clone(), AccountName::parse("mori").unwrap()),
            R::NotInGroup(account.clone(), group),
            R::TooManyGroups(account.clone()),
            R::NoSuchAttribute(account.clone(), attribute),
            R::TooManyAttributes(account.clone()),
            R::ProfileTooLarge(account.clone()),
            R::TooMuchAtOnce,
            R::NoPassword(account.clone()),
            R::NoSuchSession(session),
            R::ClockIsTrusted,
            R::KeyChanged,
            R::Import(vec![(2, "a".to_owned()), (7, "b".to_owned())]),
            R::ImportTooLarge,
            R::EmptyImport,
            R::NotOwner(account.clone(), Reason::WrongCode),
            R::OldTokenNeeded(account.clone()),
            R::NoOldToken(account.clone()),
            R::HasToken(account.clone()),
            R::SeveralTokens(account.clone()),
            R::NotTheirs(account.clone(), serial.clone()),
            R::StartPasswordUsedUp(account.clone()),
            R::NoStartPassword(account),
            R::EmergencyBounds,
            R::TooFarOff(serial, -7),
            R::NothingToDisable,
        ]
    }

    #[test]
    fn in_english_a_refusal_says_what_the_core_says() {
        for refusal in every() {
            assert_eq!(told(&refusal), refusal.to_string());
        }
    }

    #[tokio::test]
    async fn in_japanese_no_refusal_is_english() {
        speech::in_language(Spoken::Japanese, async {
            for core in every() {
                let Refusal {
                    message, way_out, ..
                } = refused(&core);
                for text in [&message, &way_out] {
                    let japanese = text.chars().any(|c| ('\u{3040}'..'\u{a000}').contains(&c));
                    assert!(japanese, "{text}");
                }
                assert_ne!(message, core.to_string());
            }
            let refusal = invalid(text!("refused-period"), text!("refused-period-way"));
            assert_eq!(refusal.way_out, "15～120秒で指定してください");
        })
        .await;
        assert_eq!(texts().language(), Spoken::English, "where nobody asks");
    }
}
