//! `receipt verify`: a saved receipt, or the journal's files.

use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use sekisho_admin_cli::text;
use sekisho_store_embedded::{FoundEvent, Lookup, find};
use sekisho_verifier::checkpoint::Checkpoint;
use sekisho_verifier::event::{OperationEvent, OperationOutcome, What};
use sekisho_verifier::receipt::{self, ReceiptNumber};
use sekisho_verifier::store::Position;
use sekisho_verifier::time::Time;
use sekisho_verifier_socket::admin::ReceiptView;
use serde_json::{Map, Value, json};

use crate::Stop;
use crate::cli::{Global, ReceiptVerify};
use crate::commands::audit;
use crate::evidence::{self, Key};
use crate::failure::{Failure, Kind};
use crate::output::{Output, json, receipt as shown, time};

/// A file of receipts: the output of `token issue --count 1000 --json`, say.
const FILE_OCTETS_MAX: u64 = 16 << 20;

/// What was found out about one receipt.
struct Verdict {
    receipt: ReceiptView,
    /// Whether it was signed by the key.
    signed: bool,
    /// The first signed statement behind its event in the journal, if that was looked at.
    checkpoint: Option<Option<Checkpoint>>,
}

pub(crate) fn verify(
    verify: &ReceiptVerify,
    global: &Global,
    output: &mut Output,
) -> Result<(), Stop> {
    let data = evidence::data(verify.evidence.data.as_deref(), global)?;
    let key = Key::find(&verify.evidence, &data)?;
    let verdicts = match what(&verify.receipt)? {
        Given::Number(number) => vec![in_journal(number.position(), &data, key.as_ref())?],
        Given::File(path) => {
            let key = key.as_ref().ok_or_else(no_key)?;
            let journal = verify.evidence.data.as_deref();
            in_file(&path, key, journal)?
        }
    };
    if output.is_json() {
        let values: Vec<_> = verdicts
            .iter()
            .map(|one| value(one, key.as_ref()))
            .collect();
        let all = match &values[..] {
            [one] => one.clone(),
            _ => values.into(),
        };
        output.value(&all)?;
        return Ok(proved(&verdicts, key.as_ref())?);
    }
    for (index, verdict) in verdicts.iter().enumerate() {
        if index > 0 {
            output.line("")?;
        }
        output.text(&shown::block(&verdict.receipt).render())?;
        output.line("")?;
        for sentence in told(verdict, key.as_ref()) {
            output.line(&sentence)?;
        }
    }
    Ok(proved(&verdicts, key.as_ref())?)
}

/// Whether something signed stands for it.
fn is_good(verdict: &Verdict) -> bool {
    verdict.signed || matches!(verdict.checkpoint, Some(Some(_)))
}

/// Fails after all was told if there is a key, and nothing signed by it.
fn proved(verdicts: &[Verdict], key: Option<&Key>) -> Result<(), Failure> {
    match verdicts.iter().find(|verdict| !is_good(verdict)) {
        Some(verdict) if key.is_some() => Err(Failure::new(
            Kind::NotTrusted,
            text!("verify-not-good", number = &verdict.receipt.number),
            text!("verify-not-good-way"),
        )),
        _ => Ok(()),
    }
}

/// What is to be verified.
enum Given {
    File(PathBuf),
    Number(ReceiptNumber),
}

fn what(given: &str) -> Result<Given, Failure> {
    let path = Path::new(given);
    if given == "-" || path.exists() {
        return Ok(Given::File(path.to_owned()));
    }
    given.parse().map(Given::Number).map_err(|error| {
        Failure::new(
            Kind::Invalid,
            text!("verify-what", given = given, error = format!("{error}")),
            text!("verify-what-way"),
        )
    })
}

fn no_key() -> Failure {
    Failure::new(
        Kind::Invalid,
        text!("verify-no-key"),
        text!("verify-no-key-way"),
    )
}

/// All receipts of a file.
fn in_file(path: &Path, key: &Key, data: Option<&Path>) -> Result<Vec<Verdict>, Failure> {
    let name = path.display().to_string();
    let text = evidence::read_text(path, FILE_OCTETS_MAX)?;
    if !text.trim_start().starts_with(['{', '[']) {
        // An editor may have taken the end of the last line.
        let end = if text.ends_with('\n') { "" } else { "\n" };
        return Ok(vec![of_note(&name, &(text + end), key, data)?]);
    }
    let values = values(&name, &text)?;
    let mut found = Vec::new();
    values.iter().for_each(|value| claims(value, &mut found));
    let signed = found.iter().filter_map(|claim| {
        let note = claim.get("signed")?.as_str()?;
        Some((claim, note))
    });
    let verdicts: Result<Vec<_>, Failure> = signed
        .map(|(claim, note)| {
            let verdict = of_note(&name, note, key, data)?;
            says_the_same(&name, claim, &verdict.receipt)?;
            Ok(verdict)
        })
        .collect();
    let (verdicts, all) = (verdicts?, found.len());
    match verdicts.len() {
        0 if all == 0 => Err(Failure::new(
            Kind::Invalid,
            text!("verify-no-receipt-in", name = name),
            text!("verify-no-receipt-in-way"),
        )),
        signed if signed < all => Err(Failure::new(
            Kind::NotTrusted,
            text!(
                "verify-some-signed",
                name = name,
                signed = signed,
                all = all
            ),
            text!("verify-some-signed-way"),
        )),
        _ => Ok(verdicts),
    }
}

/// What is in the JSON that commands print.
fn values(name: &str, text: &str) -> Result<Vec<Value>, Failure> {
    let values = serde_json::Deserializer::from_str(text).into_iter();
    let values: Result<_, _> = values.collect();
    values.map_err(|error| {
        Failure::new(
            Kind::Invalid,
            text!("verify-no-json", name = name, error = error.to_string()),
            text!("verify-no-json-way"),
        )
    })
}

/// Everything in it that is a receipt, or is signed.
fn claims<'a>(value: &'a Value, found: &mut Vec<&'a Map<String, Value>>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| claims(value, found)),
        Value::Object(map) => {
            let is_receipt = map.contains_key("number") && map.contains_key("operation");
            if is_receipt || map.get("signed").is_some_and(Value::is_string) {
                found.push(map);
            }
            map.values().for_each(|value| claims(value, found));
        }
        _ => {}
    }
}

/// What stands beside a signed receipt must not say anything else.
fn says_the_same(
    name: &str,
    claim: &Map<String, Value>,
    signed: &ReceiptView,
) -> Result<(), Failure> {
    let signed = json::value(signed);
    let other = claim.iter().find(|(field, value)| {
        // The note is put together of others, and the last tells of the asking.
        let told = !matches!(field.as_str(), "note" | "repeated");
        told && signed.get(field).is_some_and(|signed| signed != *value)
    });
    match other {
        None => Ok(()),
        Some((field, _)) => Err(Failure::new(
            Kind::NotTrusted,
            text!("verify-other-claim", name = name, field = field),
            text!("verify-other-claim-way"),
        )),
    }
}

fn of_note(name: &str, note: &str, key: &Key, data: Option<&Path>) -> Result<Verdict, Failure> {
    let text = key
        .key
        .open(note)
        .map_err(|error| key.refuse(name, error))?;
    let no_receipt = || {
        Failure::new(
            Kind::Invalid,
            text!("verify-signed-other", name = name),
            text!("verify-signed-other-way"),
        )
    };
    let fields = receipt::fields(text).ok_or_else(no_receipt)?;
    let receipt = view(&fields, note).ok_or_else(no_receipt)?;
    if !fields.contains(&("origin", key.key.name())) {
        return Err(Failure::new(
            Kind::NotTrusted,
            text!("verify-other-journal", name = name),
            text!("verify-other-journal-way"),
        ));
    }
    let mut checkpoint = None;
    if let Some(data) = data {
        let found = look_up(receipt.position, data, Some(key))?;
        if receipt.hash.as_deref() != Some(&*BASE64.encode(&found.hash)) {
            return Err(Failure::new(
                Kind::NotTrusted,
                text!("verify-other-event", name = name),
                text!("verify-other-event-way"),
            ));
        }
        checkpoint = Some(found.checkpoint);
    }
    Ok(Verdict {
        receipt,
        signed: true,
        checkpoint,
    })
}

/// What the signed text says, as commands show it.
fn view(fields: &[(&str, &str)], note: &str) -> Option<ReceiptView> {
    let get = |name: &str| {
        let field = fields.iter().find(|(known, _)| *known == name);
        field.map(|(_, value)| (*value).to_owned())
    };
    let (detail, reason) = (get("detail"), get("reason"));
    Some(ReceiptView {
        number: get("number").or_else(|| get("position"))?,
        time_ms: get("time")?.parse().ok()?,
        operation: get("operation")?,
        serial: get("serial"),
        new_serial: get("new-serial"),
        account: get("account"),
        actor: get("actor")?,
        note: joined(detail, reason.clone()),
        position: get("position")?.parse().ok()?,
        count: get("count").and_then(|count| count.parse().ok()),
        channel: get("channel")?,
        reason,
        hash: get("hash"),
        signed: Some(note.to_owned()),
        repeated: false,
        sessions: 0,
        approver: get("approver"),
    })
}

fn joined(detail: Option<String>, reason: Option<String>) -> Option<String> {
    let parts: Vec<_> = [detail, reason].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// The receipt of the event at `position`, from the files of the journal.
fn in_journal(position: Position, data: &Path, key: Option<&Key>) -> Result<Verdict, Failure> {
    let found = look_up(position, data, key)?;
    let What::Operation(event) = &found.event.what else {
        return Err(no_receipt());
    };
    if event.outcome != OperationOutcome::Done {
        return Err(no_receipt());
    }
    let mut receipt = of_event(position, found.event.time, event);
    receipt.hash = Some(BASE64.encode(&found.hash));
    Ok(Verdict {
        receipt,
        signed: false,
        checkpoint: Some(found.checkpoint),
    })
}

fn of_event(position: Position, time: Time, event: &OperationEvent) -> ReceiptView {
    let text = |note: &Option<sekisho_verifier::event::Note>| {
        note.as_ref().map(|note| note.as_str().to_owned())
    };
    let number = ReceiptNumber::new(position);
    ReceiptView {
        number: number.map_or_else(|| position.to_string(), |number| number.to_string()),
        time_ms: time.millis(),
        operation: event.operation.name().to_owned(),
        serial: event.serial.as_ref().map(ToString::to_string),
        new_serial: event.new_serial.as_ref().map(ToString::to_string),
        account: event.account.as_ref().map(ToString::to_string),
        actor: event.actor.to_string(),
        note: joined(text(&event.detail), text(&event.note)),
        position,
        count: event.count,
        channel: event.channel.name().to_owned(),
        reason: text(&event.note),
        hash: None,
        signed: None,
        repeated: false,
        sessions: 0,
        approver: event.approver.as_ref().map(ToString::to_string),
    }
}

fn no_receipt() -> Failure {
    Failure::new(
        Kind::NotFound,
        text!("receipt-none"),
        text!("receipt-none-way"),
    )
}

fn look_up(position: Position, data: &Path, key: Option<&Key>) -> Result<FoundEvent, Failure> {
    evidence::readable(data)?;
    let key = key.map(|found| &found.key);
    match find(data, position, key).map_err(audit::failure)? {
        Lookup::Event(found) => Ok(*found),
        Lookup::Removed { first } => Err(Failure::new(
            Kind::NotFound,
            text!("verify-removed", first = first),
            text!("verify-removed-way"),
        )),
        _ => Err(no_receipt()),
    }
}

/// What was found out, a sentence in each line, and nothing that was not looked at.
fn told(verdict: &Verdict, key: Option<&Key>) -> Vec<String> {
    let mut told = Vec::new();
    if verdict.signed {
        told.push(text!("verify-good"));
        if verdict.checkpoint.is_none() {
            told.push(text!("verify-not-looked"));
        }
    }
    told.extend(
        verdict
            .checkpoint
            .as_ref()
            .map(|checkpoint| match (checkpoint, key) {
                (_, None) => text!("verify-found-no-key"),
                (None, Some(_)) => text!("verify-found-not-yet"),
                (Some(checkpoint), Some(_)) => text!(
                    "verify-found",
                    position = checkpoint.position,
                    time = time::local(checkpoint.time.millis())
                ),
            }),
    );
    told.extend(key.and_then(Key::caveat));
    told
}

fn value(verdict: &Verdict, key: Option<&Key>) -> Value {
    // Without a key it is only said to be signed.
    let checkpoint = verdict.checkpoint.as_ref().and_then(Option::as_ref);
    let checkpoint = checkpoint.filter(|_| key.is_some());
    json!({
        // Without a key nothing is wrong, and nothing is proved.
        "good": key.map(|_| is_good(verdict)),
        "signatures_checked": key.is_some(),
        "receipt": json::value(&verdict.receipt),
        "signature_verified": verdict.signed,
        "in_journal": verdict.checkpoint.is_some(),
        "checkpoint_position": checkpoint.map(|checkpoint| checkpoint.position),
        "key": key.map(|found| found.key.to_string()),
        "key_from_data": key.map(|found| found.own),
    })
}

#[cfg(test)]
mod tests {
    use sekisho_verifier::note::Signer;

    use super::*;

    fn verdict(signed: bool, checkpoint: Option<Option<Checkpoint>>) -> Verdict {
        let fields = [
            ("position", "7"),
            ("time", "1795306442123"),
            ("operation", "lost"),
            ("actor", "root (uid 0)"),
            ("channel", "cli"),
        ];
        Verdict {
            receipt: view(&fields, "").expect("all that a receipt must have"),
            signed,
            checkpoint,
        }
    }

    #[test]
    fn what_nothing_signed_stands_for_is_not_good() {
        let signer = Signer::new("sekisho/00", &[7; 32]).expect("a name");
        let key = Key {
            key: signer.public(),
            own: false,
        };
        let checkpoint = Checkpoint {
            origin: "sekisho/00".to_owned(),
            position: 8,
            hash: [0; 32],
            time: Time::from_millis(1),
        };
        let good = |verdict: &Verdict, key| value(verdict, key)["good"].clone();
        for (verdict, is_good) in [
            (verdict(false, Some(None)), false),
            (verdict(false, Some(Some(checkpoint))), true),
            (verdict(true, Some(None)), true),
            (verdict(true, None), true),
        ] {
            assert_eq!(good(&verdict, Some(&key)), is_good);
            assert_eq!(good(&verdict, None), Value::Null, "nobody has looked");
            let proved = proved(&[verdict], Some(&key));
            let kind = proved.map_err(|failure| failure.kind).err();
            assert_eq!(kind, (!is_good).then_some(Kind::NotTrusted));
        }
    }
}
