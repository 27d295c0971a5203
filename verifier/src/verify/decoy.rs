//! What is judged where there is nothing to judge.

use super::Verifier;
use super::spare::spare_of;
use crate::account::AccountName;
use crate::otp::{Algorithm, Code, Digits, Generator, Seed};
use crate::proof::Proof;
use crate::seal::{DataKey, KEY_OCTETS, NONCE_OCTETS, SealedSeed, SecretKind};
use crate::serial::Serial;
use crate::spare::SPARE_KEY_OCTETS;
use crate::time::Time;
use crate::token::{Period, SPENT_MEMORY};

/// A token that nobody has, judged where there is none to judge: the time an answer takes must
/// not tell whether an account exists (OpenSSH's CVE-2016-6210).
#[derive(Debug)]
pub(super) struct Decoy {
    /// A key of its own, which no rotation takes away. It protects nothing.
    key: DataKey,
    serial: Option<Serial>,
    sealed: Option<SealedSeed>,
    code: Option<Code>,
    name: Option<AccountName>,
}

impl Decoy {
    pub(super) fn new() -> Self {
        let key = DataKey::new(0, &[0; KEY_OCTETS]);
        let serial = Serial::parse("DECOY").ok();
        let seed = Seed::new(vec![0; 20]);
        let sealed = serial
            .as_ref()
            .zip(seed)
            .map(|(serial, seed)| key.seal(serial, 1, &seed, [0xff; NONCE_OCTETS]));
        let code = Code::parse(b"000000").ok();
        Self {
            key,
            serial,
            sealed,
            code,
            name: AccountName::parse("decoy").ok(),
        }
    }

    /// As much work as a token makes that has been used for a while.
    pub(super) fn judge(&self, verifier: &Verifier, proof: &Proof, now: Time) {
        self.judge_spare(proof);
        let (Some(serial), Some(sealed), Some(code)) = (&self.serial, &self.sealed, &self.code)
        else {
            return;
        };
        let Ok(seed) = self.key.open(serial, 1, sealed) else {
            return;
        };
        let generator = Generator::new(&seed, Algorithm::Sha1, Digits::default());
        let answer = proof.answer().unwrap_or_else(|_| code.clone().into());
        let centre = Period::default().step(now);
        let window = verifier.policy.acceptance.window;
        let near = centre.saturating_sub(window)..=centre.saturating_add(window);
        for step in near.chain(0..SPENT_MEMORY as u64) {
            std::hint::black_box(answer.fits(&generator, step));
        }
    }
    /// As much work as a spare code makes.
    fn judge_spare(&self, proof: &Proof) {
        let (Some(code), Some(name)) = (spare_of(proof), &self.name) else {
            return;
        };
        let kind = SecretKind::SpareKey;
        let key = self
            .key
            .seal_secret(kind, name, &[0; SPARE_KEY_OCTETS], [0xff; NONCE_OCTETS]);
        std::hint::black_box(code.mark(&[0; SPARE_KEY_OCTETS], name));
        std::hint::black_box(key);
    }
}
