//! Answers of the verifier, written as `kind key=value key="a value"`.

use std::collections::BTreeMap;

use sekisho_verifier_socket::admin::{
    AccountView, Answer, ApprovalView, ClientView, CodesView, EndingView, EventView,
    ExplanationView, KeyStatusView, OwnView, PolicyView, ReceiptView, Refusal, RefusalKind,
    RemovedView, RotationView, SessionView, StatusView, TokenView,
};
use sekisho_verifier_socket::{Reply, Secret, Speech, Wanted};

/// 2026-11-22 09:14:02.123 in the tests' zone.
const NOW_MS: u64 = 1_795_306_442_123;

/// Splits as a shell does with double quotes; `\"` and `\x1b` inside.
pub(crate) fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    let line = line.replace("\\x1b", "\u{1b}");
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => quoted = !quoted,
            '\\' if quoted => words.last_mut().expect("one").extend(characters.next()),
            ' ' if !quoted => words.push(String::new()),
            other => words.last_mut().expect("one").push(other),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// One line is one answer; rows of a list are separated by ` | `.
pub(crate) fn reply(line: &str) -> Reply {
    let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
    let rows: Vec<Row> = rest
        .split(" | ")
        .filter(|row| !row.trim().is_empty())
        .map(Row::read)
        .collect();
    let one = rows.first().cloned().unwrap_or_default();
    let answer = match kind {
        "receipt" => Answer::Receipt(receipt(&one)),
        "issued" => Answer::Issued {
            receipt: receipt(&one),
            uri: Secret::from(one.text("uri").unwrap_or_default().as_str()),
        },
        "ready" => Answer::ImportReady,
        "tokens" => Answer::Tokens(rows.iter().map(token).collect()),
        "accounts" => Answer::Accounts(rows.iter().map(account).collect()),
        "events" => Answer::Events {
            more_before: one.number("more_before"),
            events: rows.iter().map(event).collect(),
        },
        "explanation" => Answer::Explanation(ExplanationView {
            account: one.must("account"),
            findings: one.list("findings"),
            events: rows[1..].iter().map(event).collect(),
        }),
        "status" => Answer::Status(status(&one)),
        "keys" => Answer::Keys(keys(&one)),
        "retained" => Answer::Retained {
            removed: one.number("segments").map(|segments| RemovedView {
                segments,
                octets: one.number("octets").unwrap_or(0),
                first_kept: one.number("first_kept").unwrap_or(0),
                newest_ms: one.number("newest_ms").unwrap_or(0),
            }),
            receipt: one.text("operation").map(|_| receipt(&one)),
        },
        "audit-key" => Answer::AuditKey {
            key: one.must("key"),
            checkpoint: one.text("checkpoint").map(|text| unescaped(&text)),
        },
        "backup" => Answer::BackupBegun {
            octets: one.number("octets").unwrap_or(0),
            recipients: one.list("recipients"),
        },
        "piece" => Answer::BackupPiece(one.must("octets").into_bytes()),
        "backup-whole" => Answer::BackupWhole {
            receipt: receipt(&one),
            damaged: one.number("damaged").unwrap_or(0),
        },
        "sessions" => Answer::Sessions(rows.iter().map(session).collect()),
        "endings" => Answer::Endings(rows.iter().map(ending).collect()),
        "clients" => Answer::Clients(rows.iter().map(client).collect()),
        "policy" => Answer::Policy(PolicyView {
            account: one.must("account"),
            known: one.text("unknown").is_none(),
            outcome: one.must("outcome"),
            rule: one.must("rule"),
            line: one.must("line"),
            because: one.list("because"),
        }),
        "codes" => Answer::Codes(CodesView {
            receipt: receipt(&one),
            codes: one
                .list("codes")
                .iter()
                .map(|code| Secret::from(code.as_str()))
                .collect(),
            until_ms: one.number("until_ms"),
        }),
        "own" => Answer::Own(Box::new(OwnView {
            account: account(&one),
            tokens: rows[1..].iter().map(token).collect(),
        })),
        "wanted" => Answer::Wanted(one.text("exchange").map(|exchange| {
            Wanted {
                speech: Speech::default(),
                exchange: exchange == "yes",
                old_code: one.text("old_code").is_some(),
                positions: one
                    .list("positions")
                    .iter()
                    .map(|position| position.parse().expect("a number"))
                    .collect(),
                grace_until: None,
            }
        })),
        "waiting" => Answer::Waiting(approval(&one)),
        "approvals" => Answer::Approvals(rows.iter().map(approval).collect()),
        "unavailable" => return Reply::Unavailable,
        "not-permitted" => return Reply::NotPermitted,
        refused => return Reply::Admin(Box::new(Err(refusal(refused, &one)))),
    };
    Reply::Admin(Box::new(Ok(answer)))
}

fn refusal(kind: &str, row: &Row) -> Refusal {
    Refusal {
        kind: match kind {
            "refused:not-permitted" => RefusalKind::NotPermitted,
            "refused:not-found" => RefusalKind::NotFound,
            "refused:conflict" => RefusalKind::Conflict,
            "refused:not-proven" => RefusalKind::NotProven,
            "refused:invalid" => RefusalKind::Invalid,
            "refused:unavailable" => RefusalKind::Unavailable,
            other => panic!("unknown answer {other}"),
        },
        message: row.must("message"),
        way_out: row.must("way_out"),
    }
}

/// `\n` is a line break.
fn unescaped(text: &str) -> String {
    text.replace("\\n", "\n")
}

fn receipt(row: &Row) -> ReceiptView {
    ReceiptView {
        number: row.text("number").unwrap_or("K7QM-2WXA-R4TD".into()),
        time_ms: NOW_MS,
        operation: row.must("operation"),
        serial: row.text("serial"),
        new_serial: row.text("new_serial"),
        account: row.text("account"),
        actor: "root".into(),
        note: row.text("note"),
        position: row.number("position").unwrap_or(1_234),
        count: row.number("count"),
        channel: "cli".into(),
        reason: row.text("note"),
        hash: Some("3q2+7w==".into()),
        signed: row.text("signed").map(|text| unescaped(&text)),
        repeated: row.text("repeated").is_some(),
        sessions: row.number("sessions").unwrap_or(0),
        approver: row.text("approver"),
    }
}

fn keys(row: &Row) -> KeyStatusView {
    let rotation = |done| RotationView { done, all: 1_000 };
    KeyStatusView {
        source: row.must("source"),
        master_version: 2,
        data_key: 2,
        data_keys: row
            .list("data_keys")
            .iter()
            .map(|n| n.parse().expect("a number"))
            .collect(),
        rotation: row.number("done").map(rotation),
        public_key: row.text("public_key"),
        memory_locked: row.text("unlocked").is_none(),
    }
}

fn token(row: &Row) -> TokenView {
    TokenView {
        serial: row.must("serial"),
        state: row.must("state"),
        account: row.text("account"),
        kind: row.text("kind").unwrap_or("totp".into()),
        algorithm: "sha1".into(),
        digits: 6,
        period: row.number("period").map(|period| period as u32),
        drift_steps: -1,
        disabled: row.text("disabled").is_some(),
        last_used_ms: row.number("last_used_ms"),
        last_used_at: row.text("last_used_at"),
        created_ms: NOW_MS,
    }
}

fn account(row: &Row) -> AccountView {
    AccountView {
        name: row.must("name"),
        aliases: row.list("aliases"),
        serials: row.list("serials"),
        code_required: row.text("optional").is_none(),
        disabled: row.text("disabled").is_some(),
        wrong_codes: row.number("wrong_codes").unwrap_or(0) as u32,
        failures_in_a_row: 2,
        locked_until_ms: row.number("locked_until_ms"),
        groups: row.list("groups"),
        attributes: row
            .list("attributes")
            .iter()
            .filter_map(|text| text.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        has_password: row.text("password").is_some(),
        language: row.text("language"),
        exchange_required: row.text("exchange_required").is_some(),
        has_start_password: row.text("start_password").is_some(),
        start_code_until_ms: row.number("start_code_until_ms"),
        emergency_codes: row.number("emergency_codes").unwrap_or(0) as u32,
        emergency_until_ms: row.number("emergency_until_ms"),
    }
}

fn session(row: &Row) -> SessionView {
    SessionView {
        id: row.must("id"),
        account: row.text("account"),
        user_name: row.text("user"),
        client: row.text("client").unwrap_or("branch-012".into()),
        nas: row.text("nas").unwrap_or("gw-1".into()),
        session: row.text("session").unwrap_or("4711".into()),
        framed_address: row.text("address"),
        calling_station: row.text("from"),
        started_ms: NOW_MS - 3_600_000,
        updated_ms: NOW_MS,
        octets_in: 1_000,
        octets_out: 2_000,
    }
}

fn ending(row: &Row) -> EndingView {
    EndingView {
        session: session(row),
        outcome: row.must("outcome"),
        error_cause: row.number("cause").map(|cause| cause as u32),
    }
}

fn client(row: &Row) -> ClientView {
    let count = |key| row.number(key).unwrap_or(0);
    ClientView {
        name: row.must("name"),
        methods: row.list("methods"),
        with_message_authenticator: count("with"),
        without_message_authenticator: count("without"),
        retransmissions: count("retransmissions"),
        retry_ms_min: row.number("min").map(|ms| ms as u32),
        retry_ms_max: row.number("max").map(|ms| ms as u32),
        accepts: count("accepts"),
        rejects: count("rejects"),
        dropped: count("dropped"),
        last_drop: row.text("last_drop"),
        last_seen_ms: row.number("last_seen_ms"),
        last_accept_ms: row.number("last_accept_ms"),
        accounting: count("accounting"),
        auto: row.text("auto"),
        warnings: row.list("warnings"),
    }
}

fn approval(row: &Row) -> ApprovalView {
    ApprovalView {
        number: row.text("number").unwrap_or("7F3-A9C".into()),
        operation: row.text("operation").unwrap_or("policy".into()),
        detail: row.text("detail").unwrap_or("policy apply".into()),
        asked_by: row.text("asked_by").unwrap_or("uid 1001 (kenji)".into()),
        until_ms: NOW_MS + 15 * 60 * 1_000,
        state: row.text("state").unwrap_or("waiting".into()),
        settled_by: row.text("by"),
    }
}

fn event(row: &Row) -> EventView {
    let position = row.number("position").expect("position");
    EventView {
        position,
        time_ms: NOW_MS + position * 1_000,
        operation: row.must("operation"),
        outcome: row.must("outcome"),
        reason: row.text("reason"),
        account: row.text("account"),
        serial: row.text("serial"),
        place: row.text("place"),
        actor: row.text("actor"),
        receipt: row.text("receipt"),
    }
}

fn status(row: &Row) -> StatusView {
    StatusView {
        version: "0.1.0".into(),
        started_ms: NOW_MS - 86_400_000,
        now_ms: NOW_MS,
        store: "embedded".into(),
        position: 1_234,
        tokens: 1_000_000,
        accounts: 20,
        accepts: 300,
        rejects: 4,
        connections: 5,
        warnings: row.list("warnings"),
    }
}

/// Keys and values.
#[derive(Clone, Default)]
struct Row(BTreeMap<String, String>);

impl Row {
    fn read(text: &str) -> Self {
        let pair = |word: String| {
            let (key, value) = word.split_once('=').expect("key=value");
            (key.to_owned(), value.to_owned())
        };
        Self(words(text).into_iter().map(pair).collect())
    }

    fn text(&self, key: &str) -> Option<String> {
        self.0.get(key).cloned()
    }

    fn must(&self, key: &str) -> String {
        self.text(key).unwrap_or_else(|| panic!("no {key}"))
    }

    fn number(&self, key: &str) -> Option<u64> {
        self.text(key).map(|text| text.parse().expect("number"))
    }

    /// Separated by `;`.
    fn list(&self, key: &str) -> Vec<String> {
        let text = self.text(key).unwrap_or_default();
        text.split(';')
            .filter(|item| !item.is_empty())
            .map(str::to_owned)
            .collect()
    }
}
