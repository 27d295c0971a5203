//! The same login once more: what tells it from another, and the verdict of before.

use super::login::{Findings, Login, granted};
use crate::account::{Account, Mark, WrongProof};
use crate::event::Reason;
use crate::mark::{mark, same};
use crate::place::Door;
use crate::proof::{First, Proof};
use crate::store::Record;
use crate::time::Time;
use crate::token::{ANSWERS_AGAIN_MAX, Token};

/// What repetitions are recognised with.
const REPETITIONS: &[u8] = b"sekisho repetitions 1";

/// What tells a login that is asked for once more from another.
pub(super) struct Repetition {
    /// The gateway and its request, by its own word: an accept is given again to these, for a moment.
    pub(super) by: Option<Mark>,
    /// The gateway's word and the proof to the octet: that it is wrong is charged once, and a spare code
    /// that was right is given again by it.
    pub(super) word_and_proof: Option<Mark>,
    /// The packet and the proof to the octet, however late it comes again. With the proof, a gateway
    /// whose packets are not told apart has no guess for nothing.
    pub(super) packet: Option<Mark>,
}

impl Repetition {
    /// `None` where each attempt is a login of its own: where nothing ties it to another, and where
    /// people log in themselves.
    pub(super) fn of(login: &Login<'_>) -> Option<Self> {
        let attempt = login.attempt;
        let given = |octets: &'_ Option<Vec<u8>>| octets.as_ref().is_some_and(|o| !o.is_empty());
        let (word, packet) = (given(&attempt.correlation), given(&attempt.packet));
        if attempt.place.door != Door::Radius || !(word || packet) {
            return None;
        }
        let (kind, proof) = attempt.proof.parts();
        let first = match attempt.first {
            First::None => 0,
            First::Right => 1,
            First::Wrong => 2,
            First::Unavailable => 3,
        };
        let key = login.verifier.keyring.current().derive(REPETITIONS);
        let with = |what: &[u8], said: &Vec<u8>, proof: &[&[u8]]| {
            let request = [attempt.place.name.as_bytes(), said];
            mark(&*key, what, &[request.as_slice(), proof].concat())
        };
        let request = attempt.correlation.as_ref().filter(|_| word);
        let packet = attempt.packet.as_ref().filter(|_| packet);
        Some(Self {
            by: request.map(|said| with(&[0], said, &[])),
            word_and_proof: request.map(|said| with(&[1, kind, first], said, &proof)),
            packet: packet.map(|said| with(&[2, kind, first], said, &proof)),
        })
    }
}

impl Login<'_> {
    /// The verdict of before, if this is the same login once more; it `acknowledges` the accept if it is
    /// of the very round that was accepted, as the last answer of EAP-MSCHAPv2 is.
    pub(super) fn again(
        &self,
        account: &Account,
        tokens: &[Token],
        repetition: &Repetition,
        acknowledges: bool,
    ) -> Option<Findings> {
        let acceptance = &self.verifier.policy.acceptance;
        let now = self.now.time;
        let latest = now.after(acceptance.answer_again);
        let is_known = |wrong: &WrongProof| {
            let same = repetition
                .word_and_proof
                .is_some_and(|known| same(&wrong.mark, &known));
            same && now < wrong.until && wrong.until <= latest
        };
        let is_packet = |wrong: &Mark| repetition.packet.is_some_and(|packet| same(wrong, &packet));
        let known = account.wrong_proofs.iter().any(is_known);
        if known | account.wrong_packets.iter().any(is_packet) {
            let account = Some(account.name.clone());
            return Some(Findings::rejected(Reason::RejectedAgain, account));
        }
        if !matches!(self.attempt.first, First::None | First::Right) {
            return None;
        }
        if let Some(findings) = self.spare_again(account, repetition, latest) {
            return Some(findings);
        }
        let by = repetition.by?;
        let acknowledges = acknowledges && matches!(self.attempt.proof, Proof::MsChapV2(_));
        let answer = self.attempt.proof.answer().ok()?;
        let usable = tokens.iter().filter(|token| token.is_usable());
        for token in usable.filter(|token| token.answers_again(&by, acceptance, now, acknowledges))
        {
            let mut token = token.clone();
            let Some(answered) = &mut token.answered else {
                continue;
            };
            let step = answered.step;
            answered.times = answered.times.saturating_add(1);
            let Ok(generator) = self.verifier.generator(&token) else {
                continue;
            };
            if answer.fits(&generator, step) {
                let mut findings = Findings::unchanged(Reason::AnsweredAgain, account, &token);
                findings.step = Some(step);
                findings.granted = Some(granted(account, answer.keys(&generator, step)));
                findings.written.push(Record::Token(token));
                return Some(findings);
            }
        }
        None
    }
    /// The accept of an emergency code, once more: the code itself is gone.
    fn spare_again(
        &self,
        account: &Account,
        repetition: &Repetition,
        latest: Time,
    ) -> Option<Findings> {
        let (by, mut answered) = repetition.word_and_proof.zip(account.spare_answered)?;
        let lasts = self.now.time < answered.until && answered.until <= latest;
        if !same(&by, &answered.by) || !lasts || answered.times >= ANSWERS_AGAIN_MAX {
            return None;
        }
        answered.times += 1;
        let mut account = account.clone();
        account.spare_answered = Some(answered);
        let name = Some(account.name.clone());
        let mut findings = Findings::rejected(Reason::AnsweredAgain, name);
        findings.granted = Some(granted(&account, None));
        findings.written.push(Record::Account(account));
        Some(findings)
    }
}
