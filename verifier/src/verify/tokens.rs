//! Judging a code by the tokens of an account, and charging it for a wrong one.

use super::Verifier;
use crate::account::Account;
use crate::event::Reason;
use crate::lifecycle::TokenState;
use crate::proof::Answer;
use crate::seal::DoesNotOpen;
use crate::serial::Serial;
use crate::store::{Record, StoreError, View};
use crate::time::Time;
use crate::token::{Finding, Token};

/// What a code comes to; tokens by index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// It is the code of this step of this token, which may be accepted.
    Fresh(usize, u64),
    /// This token has spent it.
    Spent(Serial),
    /// Nothing was compared, so nothing was guessed: the seed of this token does not open.
    Broken(Serial),
    /// It is wrong.
    Nothing,
}

/// What a wrong guess costs.
#[derive(Debug)]
pub(crate) struct Charge {
    /// Whether it locked the account.
    pub(crate) locked_out: bool,
    /// Tokens that it disabled, and the account at the end.
    pub(crate) written: Vec<Record>,
}

impl Verifier {
    /// Judges `answer` by each of `tokens` that is in use, and by what those out of use have spent,
    /// the `ended` ones included.
    ///
    /// A string that one token has spent is not good for another either: the same seed may have come
    /// in twice, under two serials. Nor is it a guess: a gateway that sends a saved code again after an
    /// exchange must not lock its owner out.
    pub(crate) fn judge_all(
        &self,
        tokens: &[Token],
        ended: &[Token],
        answer: &Answer<'_>,
        now: Time,
    ) -> Found {
        let (mut fresh, mut spent, mut broken) = (None, None, None);
        let mut compared = false;
        for (index, token) in tokens.iter().enumerate() {
            if !token.is_usable() {
                continue;
            }
            let finding = self.judge(token, answer, now);
            compared |= finding.is_ok();
            match finding {
                Ok(Finding::Fresh(step)) => fresh = fresh.or(Some((index, step))),
                Ok(Finding::Spent) => spent = spent.or(Some(&token.serial)),
                Ok(Finding::Unknown) => {}
                Err(DoesNotOpen) => broken = broken.or(Some(&token.serial)),
            }
        }
        let unusable = tokens.iter().filter(|token| !token.is_usable());
        for token in unusable.chain(ended) {
            if self.has_spent(token, answer) {
                spent = spent.or(Some(&token.serial));
            }
        }
        match (spent, fresh, broken) {
            (Some(serial), _, _) => Found::Spent(serial.clone()),
            (None, Some((index, step)), _) => Found::Fresh(index, step),
            (None, None, Some(serial)) if !compared => Found::Broken(serial.clone()),
            _ => Found::Nothing,
        }
    }

    /// Whether `answer` was accepted by `token`.
    fn has_spent(&self, token: &Token, answer: &Answer<'_>) -> bool {
        let generator = self.generator(token);
        generator.is_ok_and(|generator| token.has_spent(&generator, answer))
    }

    /// Charges a wrong guess to `account`, which may disable its `tokens`.
    pub(crate) fn charge(&self, mut account: Account, tokens: Vec<Token>, now: Time) -> Charge {
        let limits = &self.policy.limits;
        account.guesses.charge(limits, now);
        let locked_out = account.guesses.wrong >= limits.wrong_codes;
        let mut written = Vec::new();
        if account.guesses.exhausted(limits) {
            let usable = tokens.into_iter().filter(Token::is_usable);
            written.extend(usable.map(|mut token| {
                token.disabled = true;
                Record::Token(token)
            }));
        }
        written.push(Record::Account(account));
        Charge {
            locked_out,
            written,
        }
    }
}

pub(crate) fn load(view: &dyn View, serials: &[Serial]) -> Result<Vec<Token>, StoreError> {
    let token = |serial| view.token(serial)?.ok_or(StoreError::Corrupt);
    serials.iter().map(token).collect()
}

/// Whether some code of a token could be right for `account`.
pub fn has_usable_token(view: &dyn View, account: &Account) -> Result<bool, StoreError> {
    Ok(load(view, &account.serials)?.iter().any(Token::is_usable))
}

/// Why none of `tokens` can be used, or `None` if one can.
pub(crate) fn nothing_usable(tokens: &[Token]) -> Option<Reason> {
    if tokens.iter().any(Token::is_usable) {
        return None;
    }
    let disabled = tokens.iter().any(|token| token.disabled);
    let suspended = tokens
        .iter()
        .any(|token| token.state == TokenState::Suspended);
    Some(match (disabled, suspended) {
        (true, _) => Reason::TokenDisabled,
        (false, true) => Reason::TokenSuspended,
        (false, false) => Reason::NoToken,
    })
}
