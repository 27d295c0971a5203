//! From an admin's verb to the core's operation: names, codes and shapes are checked here, at the
//! edge, and a refusal says the way out.

use sekisho_verifier::account::{AccountName, AttributeName, AttributeValue, GroupName, Language};
use sekisho_verifier::event::RequestKey;
use sekisho_verifier::operation::{
    AccountChange, Imported, Operation, Refusal as CoreRefusal, SerialChoice, StateChange,
};
use sekisho_verifier::otp::{Algorithm, Digits, Seed};
use sekisho_verifier::seal::{Keyring, NONCE_OCTETS};
use sekisho_verifier::serial::Serial;
use sekisho_verifier::token::{Factor, Period, Shape};
use sekisho_verifier_socket::Secret;
use sekisho_verifier_socket::admin::{self, Change, ImportRow, NewToken, Refusal, RefusalKind};
use zeroize::Zeroizing;

/// Octets of a seed that we make: 160 bits, as RFC 4226 section 4, R6, recommends.
pub(crate) const NEW_SEED_OCTETS: usize = 20;

/// A refusal because of what was asked.
pub(crate) fn invalid(message: impl ToString, way_out: &str) -> Refusal {
    refusal(RefusalKind::Invalid, message, way_out)
}

pub(crate) fn refusal(kind: RefusalKind, message: impl ToString, way_out: &str) -> Refusal {
    Refusal {
        kind,
        message: message.to_string(),
        way_out: way_out.to_owned(),
    }
}

pub(crate) fn serial(text: &str) -> Result<Serial, Refusal> {
    Serial::parse(text)
        .map_err(|error| invalid(error, "give the serial as it is shown above the code"))
}

pub(crate) fn account(text: &str) -> Result<AccountName, Refusal> {
    AccountName::parse(text)
        .map_err(|error| invalid(error, "give the name that people log in with"))
}

pub(crate) fn request_key(text: &str) -> Result<RequestKey, Refusal> {
    RequestKey::parse(text).ok_or_else(|| {
        invalid(
            "this can not be a request key",
            "use 1 to 64 printable ASCII characters without blanks",
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
            format!("no random numbers: {error}"),
            "try again later",
        )
    })?;
    Ok(octets)
}

pub(crate) fn shape(new: &NewToken) -> Result<Shape, Refusal> {
    let algorithm = match &new.algorithm {
        None => Algorithm::default(),
        Some(name) => Algorithm::from_name(name)
            .ok_or_else(|| invalid("no such algorithm", "use sha1, sha256 or sha512"))?,
    };
    let digits = match new.digits {
        None => Digits::default(),
        Some(digits) => Digits::new(digits)
            .ok_or_else(|| invalid("a code can not have so many digits", "use 6, 7 or 8"))?,
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
            "a token has a period or a counter, not both",
            "leave one of them out",
        )),
        (None, None) => Ok(Factor::Totp {
            period: Period::default(),
        }),
        (None, Some(seconds)) => Period::new(seconds)
            .map(|period| Factor::Totp { period })
            .ok_or_else(|| invalid("a step can not be so long", "use 15 to 120 seconds")),
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
    let seed = Seed::new(row.seed.expose().to_vec())
        .ok_or("a seed has 16 to 128 octets (RFC 4226 asks for 128 bits)")?;
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
    let invalid = || invalid("there are no texts in this language", "use en or ja");
    known.map(Some).ok_or_else(invalid)
}

fn groups(names: &[String]) -> Result<Vec<GroupName>, Refusal> {
    let group = |name: &String| GroupName::parse(name);
    let groups: Result<_, _> = names.iter().map(group).collect();
    groups.map_err(|error| invalid(error, "give the name that gateways know"))
}

fn attribute(
    (name, value): &(String, Option<String>),
) -> Result<(AttributeName, Option<AttributeValue>), Refusal> {
    let parsed = AttributeName::parse(name).and_then(|name| {
        let value = value.as_deref().map(AttributeValue::parse).transpose()?;
        Ok((name, value))
    });
    parsed.map_err(|error| invalid(error, "write it as NAME=VALUE, as in framed-ip=192.0.2.7"))
}

/// The core's refusal with its kind and the way out.
pub(crate) fn refused(refusal: &CoreRefusal) -> Refusal {
    use CoreRefusal as R;
    use RefusalKind as K;
    let (kind, way_out) = match refusal {
        R::NoSuchToken(_) => (K::NotFound, "look the serial up with: sekisho token list"),
        R::NoSuchAccount(_) => (K::NotFound, "look the name up with: sekisho account list"),
        R::TokenExists(_) => (K::Conflict, "choose another serial"),
        R::NoFreeSerial(_) => (K::Conflict, "give a serial"),
        R::State(..) => (
            K::Conflict,
            "see its history with: sekisho audit list --serial",
        ),
        R::SameToken(_) => (K::Invalid, "name the new token as the second one"),
        R::NotProven(_, _) => (
            K::NotProven,
            "wait for the next code, check the serial above it, and try again",
        ),
        R::TooManyTokens(_) => (K::Conflict, "stop or exchange one of its tokens first"),
        R::AccountDisabled(_) => (K::Conflict, "enable it with: sekisho account set"),
        R::NotLocked(_) => (K::Conflict, "see why logins fail with: sekisho explain"),
        R::NothingToChange(_) => (K::Conflict, "look at it with: sekisho account show"),
        R::NameTaken(_) | R::TooManyAliases(_) => (K::Conflict, "choose another name"),
        R::NotAnAlias(..) => (K::NotFound, "look at them with: sekisho account show"),
        R::NotInGroup(..) | R::NoSuchAttribute(..) => {
            (K::NotFound, "look at them with: sekisho account show")
        }
        R::TooManyGroups(_) | R::TooManyAttributes(_) | R::ProfileTooLarge(_) => {
            (K::Conflict, "remove some of them first")
        }
        R::TooMuchAtOnce => (K::Invalid, "change it in several steps"),
        R::NoPassword(_) => (K::Conflict, "nothing has to be done"),
        R::NoSuchSession(_) => (K::NotFound, "look it up with: sekisho session list"),
        R::ClockIsTrusted => (K::Conflict, "nothing has to be done"),
        R::Import(_) => (K::Conflict, "mend these lines; nothing was imported"),
        R::KeyChanged => (K::Conflict, "import the file again; nothing was imported"),
        R::ImportTooLarge => (K::Invalid, "split the file"),
        R::EmptyImport => (K::Invalid, "put at least one token into the file"),
        _ => (K::Conflict, "see: sekisho explain"),
    };
    self::refusal(kind, refusal, way_out)
}
