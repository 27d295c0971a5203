//! The pure core alone: decisions on a store in memory, with nothing durable and no socket.

use std::time::Instant;

use sekisho_verifier::event::Reason;
use sekisho_verifier::otp::{Algorithm, Digits, Generator, SEED_OCTETS_MIN, Seed};
use sekisho_verifier::policy::Policy;
use sekisho_verifier::seal::{DataKey, KEY_OCTETS, Keyring};
use sekisho_verifier::store::{Decider, Store};
use sekisho_verifier::testing::memory::MemoryStore;
use sekisho_verifier::testing::sample::{Write, name, place, spend, time};
use sekisho_verifier::time::Time;
use sekisho_verifier::token::Period;
use sekisho_verifier::verify::{Attempt, Login, Verifier};
use zeroize::Zeroizing;

use crate::Failure;
use crate::figures::Figures;
use crate::plan::Plan;

/// Logins that are decided together, as the verifier does under load.
const GROUP: usize = 64;
/// Milliseconds of a step.
const STEP_MS: u64 = 30_000;
/// How many steps around a moment a wrong code must not fit.
const FAR: u64 = 12;

/// Measures accepts, replays and wrong codes.
pub(crate) fn measure(plan: &Plan, figures: &mut Figures) -> Result<(), Failure> {
    let key = DataKey::new(1, &[7; KEY_OCTETS]);
    let verifier = Verifier::new(Policy::default(), std::sync::Arc::new(Keyring::new(key)))?;
    let mut store = filled(plan.core_accounts)?;
    let codes = generator()?;
    for round in 1..=plan.rounds as u64 {
        let now = time(round * STEP_MS);
        let right = codes.code(step(now));
        // The right code clears the count of wrong ones, so no account is ever locked.
        for (figure, reason, code) in [
            ("core_accept_per_s", Reason::RightCode, right.to_string()),
            ("core_replay_per_s", Reason::AlreadyUsed, right.to_string()),
            ("core_wrong_per_s", Reason::WrongCode, wrong(&codes, now)?),
        ] {
            let attempts: Vec<_> = (0..plan.core_accounts).map(|n| attempt(n, &code)).collect();
            let rate = decide(&mut store, &verifier, &attempts, now, reason)?;
            figures.put(figure, rate);
        }
    }
    Ok(())
}

/// Accounts with a token each, whose last code was long ago.
fn filled(accounts: u64) -> Result<MemoryStore, Failure> {
    let mut store = MemoryStore::new();
    for n in 0..accounts {
        store.commit(&mut [&mut Write(spend(n, 1))])?;
    }
    Ok(store)
}

/// The codes of the tokens of the samples, which share a seed.
fn generator() -> Result<Generator, Failure> {
    let seed = Seed::new(vec![0x5A; SEED_OCTETS_MIN + 4]).ok_or("a seed of 20 octets")?;
    Ok(Generator::new(&seed, Algorithm::Sha1, Digits::default()))
}

fn step(now: Time) -> u64 {
    Period::default().step(now)
}

/// A code that was not right and will not be for a while.
fn wrong(codes: &Generator, now: Time) -> Result<String, Failure> {
    let centre = step(now);
    let right: Vec<_> = (centre - FAR..=centre + FAR)
        .map(|step| codes.code(step).to_string())
        .collect();
    (0..1_000_000)
        .map(|number| format!("{number:06}"))
        .find(|code| !right.contains(code))
        .ok_or_else(|| "every code is right".into())
}

fn attempt(n: u64, code: &str) -> Attempt {
    let code = Zeroizing::new(code.as_bytes().to_vec());
    Attempt::of_code(name(n).as_str(), code, place())
}

/// Decides all attempts, all of which must come to `reason`; returns decisions per second.
fn decide(
    store: &mut MemoryStore,
    verifier: &Verifier,
    attempts: &[Attempt],
    now: Time,
    reason: Reason,
) -> Result<f64, Failure> {
    let started = Instant::now();
    for group in attempts.chunks(GROUP) {
        let mut logins: Vec<_> = group
            .iter()
            .map(|attempt| Login::new(verifier, attempt, now))
            .collect();
        let mut deciders: Vec<&mut dyn Decider> = Vec::with_capacity(GROUP);
        for login in &mut logins {
            deciders.push(login);
        }
        store.commit(&mut deciders)?;
        if let Some(other) = logins.iter().find(|login| login.reason() != Some(reason)) {
            let found = other.reason();
            return Err(format!("the core decided {found:?} in the place of {reason:?}").into());
        }
    }
    Ok(attempts.len() as f64 / started.elapsed().as_secs_f64())
}
