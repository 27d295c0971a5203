//! Which token a code that was refused fits, and how far away. For the help desk only: nothing of it
//! is ever told at a door, and nothing of the code is kept.

use sekisho_verifier::lifecycle::TokenState;
use sekisho_verifier::policy::DRIFT;
use sekisho_verifier::time::Time;
use sekisho_verifier::token::{Factor, Token};
use sekisho_verifier::verify::Verifier;

use super::Fit;

/// So many steps ago: a day of steps of 30 s.
const STEPS_AGO: u64 = 2_880;
/// So many counters ago.
const COUNTERS_AGO: u64 = 1_000;
/// So many steps or counters ahead: as far as clocks are off. Who reads explanations and types codes
/// at random must not be told of codes that will be right some day.
const AHEAD: u64 = *DRIFT.end() as u64;
/// So many steps on each side of now, for tokens in stock: they may be anybody's.
const STOCK_STEPS: u64 = 1;

/// What a code is to the tokens of the account that it was typed for, those in use before others.
pub(super) fn own(verifier: &Verifier, tokens: &[Token], code: &[u8], now: Time) -> Option<Fit> {
    let nearest = |in_use: bool| {
        let tokens = tokens
            .iter()
            .filter(|token| (token.state == TokenState::Active) == in_use);
        let found = tokens.filter_map(|token| {
            let ago = match token.factor {
                Factor::Totp { .. } => STEPS_AGO,
                Factor::Hotp { .. } => COUNTERS_AGO,
            };
            Some((verifier.fits(token, code, now, (ago, AHEAD))?, token))
        });
        found.min_by_key(|(steps, _)| steps.unsigned_abs())
    };
    if let Some((steps, token)) = nearest(true) {
        return Some(Fit::Off {
            serial: token.serial.clone(),
            steps,
        });
    }
    nearest(false).map(|(steps, token)| Fit::Ended {
        serial: token.serial.clone(),
        steps,
    })
}

/// Whether a code is that of a token in stock, about now.
pub(super) fn stock(verifier: &Verifier, token: &Token, code: &[u8], now: Time) -> bool {
    let reach = (STOCK_STEPS, STOCK_STEPS);
    token.state == TokenState::InStock && verifier.fits(token, code, now, reach).is_some()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sekisho_verifier::otp::{Algorithm, Digits, Generator, Seed};
    use sekisho_verifier::policy::Policy;
    use sekisho_verifier::seal::{DataKey, KEY_OCTETS, Keyring, NONCE_OCTETS};
    use sekisho_verifier::serial::Serial;
    use sekisho_verifier::token::Shape;

    use super::*;

    const NOW: Time = Time::from_millis(1_800_000_000_000);
    const STEP: u64 = 60_000_000;

    fn verifier() -> Verifier {
        let keyring = Keyring::new(DataKey::new(1, &[7; KEY_OCTETS]));
        Verifier::new(Policy::default(), Arc::new(keyring)).expect("a policy")
    }

    fn seed(number: u8) -> Seed {
        Seed::new(vec![number; 20]).expect("a seed")
    }

    fn token(number: u8, state: TokenState) -> Token {
        let serial = Serial::parse(&format!("SKTS{number}")).expect("a serial");
        let key = DataKey::new(1, &[7; KEY_OCTETS]);
        let sealed = key.seal(&serial, 1, &seed(number), [number; NONCE_OCTETS]);
        let mut token = Token::in_stock(serial, sealed, Shape::default(), NOW);
        token.state = state;
        token
    }

    fn code(number: u8, step: u64) -> Vec<u8> {
        let generator = Generator::new(&seed(number), Algorithm::Sha1, Digits::default());
        generator.code(step).as_bytes().to_vec()
    }

    fn fit(tokens: &[Token], typed: &[u8]) -> Option<Fit> {
        own(&verifier(), tokens, typed, NOW)
    }

    #[test]
    fn a_code_is_found_a_day_ago_and_not_far_ahead() {
        let tokens = [token(1, TokenState::Active)];
        for steps in [0i64, -4, 7, -2_880, 20] {
            let typed = code(1, STEP.saturating_add_signed(steps));
            let serial = tokens[0].serial.clone();
            assert_eq!(fit(&tokens, &typed), Some(Fit::Off { serial, steps }));
        }
        for steps in [-2_881i64, 21, 2_880] {
            let typed = code(1, STEP.saturating_add_signed(steps));
            assert_eq!(fit(&tokens, &typed), None);
        }
    }

    #[test]
    fn a_token_in_use_goes_before_one_that_has_ended() {
        let ended = token(1, TokenState::Exchanged);
        let serial = ended.serial.clone();
        let typed = code(1, STEP);
        let both = [ended.clone(), token(1, TokenState::Active)];
        assert!(matches!(fit(&both, &typed), Some(Fit::Off { .. })));
        let found = fit(&[ended], &typed);
        assert_eq!(found, Some(Fit::Ended { serial, steps: 0 }));
    }

    #[test]
    fn a_token_in_stock_fits_only_about_now() {
        let verifier = verifier();
        let in_stock = token(1, TokenState::InStock);
        assert!(stock(&verifier, &in_stock, &code(1, STEP - 1), NOW));
        assert!(!stock(&verifier, &in_stock, &code(1, STEP - 2), NOW));
        let used = token(1, TokenState::Active);
        assert!(!stock(&verifier, &used, &code(1, STEP), NOW));
        assert!(!stock(&verifier, &in_stock, b"12345", NOW));
    }

    #[test]
    fn codes_of_another_length_and_what_is_none_fit_nothing() {
        let tokens = [token(1, TokenState::Active)];
        for typed in [&b""[..], b"12345", b"123456789", b"12345a", b"1234567"] {
            assert_eq!(fit(&tokens, typed), None);
        }
    }
}
