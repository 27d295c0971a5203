//! Right codes, each given out once.

use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sekisho_verifier::otp::{Algorithm, Digits, Generator, Seed};

use crate::Failure;
use crate::plan::say;

/// Seconds of a step.
const PERIOD: u64 = 30;
/// Accepted codes of a token that are refused at every later step, though they may come again.
const REMEMBERED: usize = 8;
/// How often to wait for the next step until there are enough codes.
const WAITS_MAX: usize = 4;
/// Codes that may turn out to be no use because they are equal to earlier ones.
const MARGIN: usize = 10;
/// Steps before its own that can be looked at while a code is good, and may be below the watermark.
const NEIGHBOURS: u64 = 3;

/// A login that will be accepted if it comes within this step or the next.
#[derive(Debug, Clone)]
pub(crate) struct Login {
    /// The account name.
    pub(crate) account: String,
    /// The code.
    pub(crate) code: String,
}

/// Tokens, one for each account, and which of their codes were given out.
#[derive(Debug)]
pub(crate) struct Tokens {
    spent: Vec<Spent>,
    next: usize,
}

#[derive(Debug, Clone, Copy)]
struct Spent {
    step: u64,
    codes: [u32; REMEMBERED],
}

/// The lines of an import file that enrolls so many tokens.
pub(crate) fn import_file(count: u64) -> String {
    let mut text = String::from("account,serial,secret_hex\n");
    for n in 0..count {
        let secret: String = seed_octets(n).iter().map(|o| format!("{o:02x}")).collect();
        text.push_str(&format!("{},BNCH{n:08},{secret}\n", account(n)));
    }
    text
}

fn account(n: u64) -> String {
    format!("user{n:07}")
}

fn seed_octets(n: u64) -> Vec<u8> {
    format!("bench seed {n:09}").into_bytes()
}

impl Tokens {
    /// The tokens of an [`import_file`] of as many lines, unused.
    pub(crate) fn new(count: u64) -> Self {
        // An import spends nothing, and 1,000,000 is no code of six digits.
        let unused = Spent {
            step: 0,
            codes: [1_000_000; REMEMBERED],
        };
        Self {
            spent: vec![unused; count as usize],
            next: 0,
        }
    }

    /// So many logins, good for as long as a run takes. Waits for the next step when too many codes
    /// of this one and the next are used up.
    pub(crate) fn logins(&mut self, count: usize) -> Result<Vec<Login>, Failure> {
        for _ in 0..WAITS_MAX {
            let step = now().as_secs() / PERIOD;
            if self.unused(step) >= count + MARGIN {
                return self.take(step, count);
            }
            say("waiting for the next step: too many codes of this one are used");
            wait_for_next_step();
        }
        Err("there are too few tokens for so many logins".into())
    }

    /// Codes of step `now` and the next that were not given out.
    fn unused(&self, now: u64) -> usize {
        let of = |spent: &Spent| (now + 2).saturating_sub(now.max(spent.step + 1));
        self.spent.iter().map(|spent| of(spent) as usize).sum()
    }

    fn take(&mut self, now: u64, count: usize) -> Result<Vec<Login>, Failure> {
        let mut logins = Vec::with_capacity(count);
        for _ in 0..2 * self.spent.len() {
            if logins.len() == count {
                break;
            }
            logins.extend(self.login(now)?);
        }
        Ok(logins)
    }

    /// The next token's code of this step, or of the next one.
    fn login(&mut self, now: u64) -> Result<Option<Login>, Failure> {
        let n = self.next;
        self.next = (n + 1) % self.spent.len();
        let spent = &mut self.spent[n];
        let step = now.max(spent.step + 1);
        if step > now + 1 {
            return Ok(None);
        }
        spent.step = step;
        let seed = Seed::new(seed_octets(n as u64)).ok_or("a seed of 20 octets")?;
        let generator = Generator::new(&seed, Algorithm::Sha1, Digits::default());
        let code = generator.code(step);
        let number = code.parse()?;
        let mut before = step - NEIGHBOURS..step;
        if spent.codes.contains(&number) || before.any(|step| generator.code(step) == code) {
            // Equal to an earlier one by chance, and rightly refused as spent.
            return Ok(None);
        }
        spent.codes.rotate_right(1);
        spent.codes[0] = number;
        Ok(Some(Login {
            account: account(n as u64),
            code: code.to_string(),
        }))
    }
}

fn now() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

fn wait_for_next_step() {
    let period = Duration::from_secs(PERIOD);
    let into = Duration::from_millis((now().as_millis() % period.as_millis()) as u64);
    thread::sleep(period - into + Duration::from_millis(10));
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_code_is_given_out_twice() {
        let mut tokens = Tokens::new(100);
        let logins = tokens.logins(190).expect("two steps of codes");
        let pairs: HashSet<_> = logins.iter().map(|l| (&l.account, &l.code)).collect();
        assert_eq!(pairs.len(), 190);
    }

    #[test]
    fn an_import_file_has_a_header_and_a_line_for_each_token() {
        let file = import_file(2);
        assert_eq!(file.lines().count(), 3);
        assert!(file.contains("\nuser0000001,BNCH00000001,62656e6368"));
    }
}
