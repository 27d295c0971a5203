//! The second word of a line: what each result of a module leads to (pam.conf(5)).

/// How many results there are: `PAM_SUCCESS` is 0, `PAM_INCOMPLETE` 31.
pub(crate) const RESULTS: usize = 32;
pub(crate) const SUCCESS: usize = 0;
pub(crate) const IGNORE: usize = 25;

/// Their names in a control, by number (`security/_pam_types.h`).
const NAMES: [&str; RESULTS] = [
    "success",
    "open_err",
    "symbol_err",
    "service_err",
    "system_err",
    "buf_err",
    "perm_denied",
    "auth_err",
    "cred_insufficient",
    "authinfo_unavail",
    "user_unknown",
    "maxtries",
    "new_authtok_reqd",
    "acct_expired",
    "session_err",
    "cred_unavail",
    "cred_expired",
    "cred_err",
    "no_module_data",
    "conv_err",
    "authtok_err",
    "authtok_recover_err",
    "authtok_lock_busy",
    "authtok_disable_aging",
    "try_again",
    "ignore",
    "abort",
    "authtok_expired",
    "module_unknown",
    "bad_item",
    "conv_again",
    "incomplete",
];

/// What a result leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    Ignore,
    Ok,
    Done,
    Bad,
    Die,
    Reset,
    Jump(usize),
}

/// What each result leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Control(pub(crate) [Action; RESULTS]);

impl Control {
    /// What a control that makes no sense comes to: libpam fails such a line.
    pub(crate) const FAILS: Self = Self([Action::Bad; RESULTS]);

    /// A word, or what stands in the brackets; `None` if libpam does not understand it.
    pub(crate) fn read(word: &str) -> Option<Self> {
        let pairs = match word.strip_prefix('[') {
            // Newer versions of libpam take blanks around the sign.
            Some(pairs) => pairs
                .trim_end_matches(']')
                .split('=')
                .map(str::trim)
                .collect::<Vec<_>>()
                .join("="),
            None => named(word)?.to_owned(),
        };
        Self::read_pairs(&pairs)
    }

    fn read_pairs(pairs: &str) -> Option<Self> {
        let mut actions = [None; RESULTS];
        let mut default = Action::Bad;
        for pair in pairs.split_whitespace() {
            let (name, action) = pair.split_once('=')?;
            let action = Self::action(action)?;
            if name == "default" {
                default = action;
                continue;
            }
            let number = NAMES.iter().position(|known| *known == name)?;
            actions[number] = Some(action);
        }
        Some(Self(actions.map(|action| action.unwrap_or(default))))
    }

    fn action(word: &str) -> Option<Action> {
        Some(match word {
            "ignore" => Action::Ignore,
            "ok" => Action::Ok,
            "done" => Action::Done,
            "bad" => Action::Bad,
            "die" => Action::Die,
            "reset" => Action::Reset,
            // A jump over nothing is "ignore".
            // A sign is no digit, for libpam.
            number if !number.bytes().all(|b| b.is_ascii_digit()) => return None,
            number => match number.parse().ok()? {
                0 => Action::Ignore,
                lines => Action::Jump(lines),
            },
        })
    }
}

/// The words that stand for brackets.
fn named(word: &str) -> Option<&'static str> {
    Some(match word.to_ascii_lowercase().as_str() {
        "required" => "success=ok new_authtok_reqd=ok ignore=ignore default=bad",
        "requisite" => "success=ok new_authtok_reqd=ok ignore=ignore default=die",
        "sufficient" => "success=done new_authtok_reqd=done default=ignore",
        "optional" => "success=ok new_authtok_reqd=ok default=ignore",
        _ => return None,
    })
}
