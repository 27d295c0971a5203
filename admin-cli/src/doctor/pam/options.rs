//! The options of our module, as far as a wrong one can be seen from outside. The module refuses
//! what it does not understand, and with it every login.

/// What an option takes.
enum Takes {
    Nothing,
    Number(u32, u32),
    Path,
    Text,
    OneOf(&'static [&'static str]),
}

/// Every option; a test holds them against the manual page.
const OPTIONS: &[(&str, Takes)] = &[
    ("socket", Takes::Path),
    ("use_first_pass", Takes::Nothing),
    ("try_first_pass", Takes::Nothing),
    ("combined", Takes::Nothing),
    ("digits", Takes::Number(6, 8)),
    ("lang", Takes::OneOf(&["en", "ja"])),
    ("prompt", Takes::Text),
    ("prompt_only", Takes::Nothing),
    ("echo", Takes::Nothing),
    ("retry", Takes::Number(1, 3)),
    ("fail_delay_ms", Takes::Number(1, 10_000)),
    ("exchange", Takes::Nothing),
    ("debug", Takes::Nothing),
];
/// What excludes what.
const EXCLUDED: &[(&str, &str)] = &[
    ("use_first_pass", "try_first_pass"),
    ("combined", "use_first_pass"),
    ("combined", "try_first_pass"),
    ("combined", "echo"),
];
/// The longest path of a Unix socket (unix(7)), without its end.
const SOCKET_OCTETS_MAX: usize = 107;
const PROMPT_OCTETS_MAX: usize = 256;

/// The first option that the module refuses.
pub(crate) fn wrong(options: &[String]) -> Option<&str> {
    let mut seen = Vec::new();
    for written in options {
        // What stands in brackets is one word without them.
        let option = unbracketed(written);
        let (name, value) = match option.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (option, None),
        };
        let known = OPTIONS.iter().find(|(known, _)| *known == name);
        let fits = known.is_some_and(|(_, takes)| takes.fit(value));
        let excluded = |before: &&str| {
            EXCLUDED.contains(&(name, before)) || EXCLUDED.contains(&(before, name))
        };
        if !fits || seen.contains(&name) || seen.iter().any(excluded) {
            return Some(name);
        }
        seen.push(name);
    }
    None
}

/// What `socket=` says.
pub(crate) fn socket(options: &[String]) -> Option<&str> {
    let mut options = options.iter().map(|option| unbracketed(option));
    options.find_map(|option| option.strip_prefix("socket="))
}

fn unbracketed(option: &str) -> &str {
    let inner = option.strip_prefix('[');
    inner
        .and_then(|inner| inner.strip_suffix(']'))
        .unwrap_or(option)
}

impl Takes {
    fn fit(&self, value: Option<&str>) -> bool {
        match (self, value) {
            (Self::Nothing, value) => value.is_none(),
            (_, None) => false,
            (Self::Number(least, most), Some(value)) => {
                let digits = value.bytes().all(|b| b.is_ascii_digit());
                let number = value.parse::<u32>();
                digits && number.is_ok_and(|number| (*least..=*most).contains(&number))
            }
            (Self::Path, Some(value)) => value.starts_with('/') && value.len() <= SOCKET_OCTETS_MAX,
            (Self::Text, Some(value)) => {
                let plain = !value.chars().any(char::is_control);
                (1..=PROMPT_OCTETS_MAX).contains(&value.len()) && plain
            }
            (Self::OneOf(values), Some(value)) => values.contains(&value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_of_the_manual_page_is_known_and_no_other() {
        let page = include_str!("../../../../docs/man/pam_sekisho.8");
        let options = page.split(".Sh OPTIONS").nth(1).expect("a section");
        let options = options.split(".Sh ").next().expect("its text");
        let in_page: Vec<&str> = options
            .lines()
            .filter_map(|line| line.strip_prefix(".It Cm "))
            .filter_map(|line| line.split_whitespace().next())
            .collect();
        let known: Vec<&str> = OPTIONS.iter().map(|(name, _)| *name).collect();
        for name in &in_page {
            assert!(known.contains(name), "{name} is not known");
        }
        for name in known {
            assert!(in_page.contains(&name), "{name} is in no page");
        }
    }

    #[test]
    fn what_the_module_refuses_is_named() {
        let wrong_of = |words: &str| {
            let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
            wrong(&words).map(str::to_owned)
        };
        for good in [
            "retry=3 echo debug",
            "socket=/run/sekisho/verifier.sock",
            "[prompt=Code:]",
            "lang=ja",
            "fail_delay_ms=10000 try_first_pass",
        ] {
            assert_eq!(wrong_of(good), None, "{good}");
        }
        for (bad, name) in [
            ("nullok", "nullok"),
            ("retry=0", "retry"),
            ("retry=4", "retry"),
            ("retry=+1", "retry"),
            ("echo=yes", "echo"),
            ("socket=verifier.sock", "socket"),
            ("debug debug", "debug"),
            ("use_first_pass try_first_pass", "try_first_pass"),
            ("lang=de", "lang"),
            ("echo combined", "combined"),
            ("combined digits=5", "digits"),
            ("secret=hunter2", "secret"),
        ] {
            assert_eq!(wrong_of(bad).as_deref(), Some(name), "{bad}");
        }
    }
}
