//! What people do at a desk besides logging in: they ask what is needed, put tokens into use, and get
//! codes that stand in for a token.

use sekisho_verifier::event::{Event, Reason, What};
use sekisho_verifier::operation::{AccountChange, Done, Operation, OwnProof, Refusal, Start};
use sekisho_verifier::place::{Door, Place};
use sekisho_verifier::serial::Serial;
use sekisho_verifier::spare::{SpareCode, SpareKey, SpareKind};
use sekisho_verifier::start_password::StartPassword;
use sekisho_verifier::store::{Outcome, Store};
use sekisho_verifier::verify::{Ask, Asked, Phase, Question, Wanted};

use super::desk::{Desk, Device, Told, Watched, attempt, name, place};
use super::seconds;

/// Octets that differ with `n`.
pub(crate) fn octets<const N: usize>(n: u64) -> [u8; N] {
    let mut state = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    std::array::from_fn(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as u8
    })
}

/// The spare code of number `n`.
pub(crate) fn spare(kind: SpareKind, n: u64) -> SpareCode {
    SpareCode::new(kind, octets(n))
}

pub(crate) fn emergency(account: &str, first: u64, count: u64, valid: u64) -> Operation {
    Operation::Emergency {
        account: name(account),
        codes: (first..first + count)
            .map(|n| spare(SpareKind::Emergency, n))
            .collect(),
        valid: seconds(valid),
        key: SpareKey::new(octets(first + 1_000)),
        nonce: octets(first + 2_000),
    }
}

pub(crate) fn start_code(account: &str, n: u64) -> Operation {
    Operation::StartCode {
        account: name(account),
        code: spare(SpareKind::Start, n),
        key: SpareKey::new(octets(n + 3_000)),
        nonce: octets(n + 4_000),
    }
}

pub(crate) fn start_password(account: &str, n: u64) -> Operation {
    Operation::StartPassword {
        account: name(account),
        password: Some(password(n)),
        nonce: octets(n + 5_000),
    }
}

/// The start-of-use password of number `n`.
pub(crate) fn password(n: u64) -> StartPassword {
    StartPassword::new(octets(n))
}

/// Its digits at `positions`.
pub(crate) fn digits(password: &StartPassword, positions: &[u8]) -> String {
    let shown = password.show();
    let digit = |position: &u8| shown.as_bytes()[usize::from(*position) - 1] as char;
    positions.iter().map(digit).collect()
}

/// The start of the use of `device`, with nothing else to it.
pub(crate) fn start(account: &str, device: &Device, code: &str) -> Start {
    Start {
        account: name(account),
        place: Some(place(Door::Pam)),
        exchange: None,
        serial: device.serial.clone(),
        code: code.as_bytes().to_vec().into(),
        old_code: None,
        characters: None,
        code_required: None,
    }
}

/// The same with the code of the old token.
pub(crate) fn instead(account: &str, device: &Device, code: &str, old_code: &str) -> Start {
    Start {
        old_code: Some(old_code.as_bytes().to_vec().into()),
        ..start(account, device, code)
    }
}

pub(crate) fn proof(account: &str, code: &str) -> OwnProof {
    OwnProof {
        account: name(account),
        place: Some(place(Door::Pam)),
        code: code.as_bytes().to_vec().into(),
    }
}

pub(crate) fn wanted(asked: Asked) -> Wanted {
    match asked {
        Asked::TokenWanted(wanted) => wanted,
        other => panic!("{other:?}"),
    }
}

impl Desk {
    /// A question, its answer, and what the store said.
    pub(crate) fn asked(&mut self, question: Question<'_>) -> (Asked, Outcome) {
        let mut ask = Watched::new(Ask::new(&self.verifier, question, self.clock()));
        let outcomes = self.store.commit(&mut [&mut ask]).expect("a commit");
        assert_eq!(
            ask.change.is_some(),
            matches!(outcomes[0], Outcome::Applied(_))
        );
        (ask.inner.answer(outcomes[0]), outcomes[0])
    }

    pub(crate) fn ask(&mut self, account: &str, place: &Place, phase: Phase) -> Asked {
        let question = Question {
            phase,
            ..Question::of(account, place)
        };
        self.asked(question).0
    }

    /// A question after a code of `token` was given in the same login session.
    pub(crate) fn ask_again(&mut self, account: &str, place: &Place, token: &Serial) -> Asked {
        let question = Question {
            second_use: Some(token),
            ..Question::of(account, place)
        };
        self.asked(question).0
    }

    /// Makes an account, without a token.
    pub(crate) fn make(&mut self, account: &str) {
        let code_required = Some(true);
        self.set(
            account,
            AccountChange {
                code_required,
                ..AccountChange::default()
            },
        );
    }

    pub(crate) fn at_pam(&mut self, account: &str, code: &str) -> Told {
        let attempt = attempt(account, code, Door::Pam);
        self.logins(&[attempt]).pop().expect("one answer")
    }

    /// A spare code as people type it.
    pub(crate) fn with_spare(&mut self, account: &str, code: &SpareCode) -> Told {
        self.at_pam(account, &code.show())
    }

    pub(crate) fn start(&mut self, start: Start) -> Done {
        self.operate(&Operation::Start(Box::new(start)))
    }

    pub(crate) fn started(&mut self, start: Start) {
        match self.start(start) {
            Done::Receipt(..) => {}
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn not_started(&mut self, start: Start) -> Refusal {
        match self.start(start) {
            Done::Refused(refusal) => refusal,
            other => panic!("{other:?}"),
        }
    }

    /// The newest event.
    pub(crate) fn newest(&self) -> Event {
        self.events().pop().expect("an event")
    }

    /// Why the newest login was decided as it was.
    pub(crate) fn newest_reason(&self) -> Reason {
        match self.newest().what {
            What::Login(event) => event.reason,
            other => panic!("{other:?}"),
        }
    }

    /// Lets the waits of an account pass.
    pub(crate) fn wait(&mut self, account: &str) {
        let until = self.account(account).guesses.until;
        self.now = until.map_or(self.now, |until| until.max(self.now));
    }
}
