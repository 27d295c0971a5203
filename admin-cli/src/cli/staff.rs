//! What can be typed by staff, the help desk, and the second person.

use std::net::IpAddr;

use clap::{Args, Subcommand, ValueEnum};
use sekisho_admin_cli::text;

use super::{CodeChoice, CodeInput, KeepSessions, Note, Once};

/// For how long emergency codes are good unless somebody says: a day.
pub(crate) const EMERGENCY_SECONDS: u64 = 86_400;

#[derive(Debug, Subcommand)]
pub(crate) enum Own {
    Start(OwnStart),
    Exchange(OwnExchange),
    Stop(OwnStop),
    Lost(OwnLost),
    /// Show your account, its tokens and its choices
    Status,
    Choose(OwnChoose),
    Language(OwnLanguage),
}

#[derive(Debug, Args)]
pub(crate) struct SecretInput {
    /// Read what is asked for without echo from standard input, a line each, in the order in which it is
    /// asked for: the login password first
    #[arg(long)]
    pub stdin: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Answers {
    /// Answer each question with its default, or with yes
    #[arg(long)]
    pub yes: bool,
}

/// Put your first token into use
///
/// Asks for your login password, the serial that the token shows above its code, the code, some characters
/// of the start-of-use password if you were given one, and whether logins shall ask for a code.
#[derive(Debug, Args)]
pub(crate) struct OwnStart {
    /// The token [default: ask for it]
    pub serial: Option<String>,
    /// Whether logins where you may choose ask for a code [default: ask]
    #[arg(long, value_enum, value_name = "CHOICE")]
    pub choice: Option<CodeChoice>,
    #[command(flatten)]
    pub answers: Answers,
    #[command(flatten)]
    pub secrets: SecretInput,
}

/// Put a new token in the place of yours
///
/// Asks for your login password, a code of the token that you have used so far (or the start code that an
/// admin gave you), and serial and code of the new one. The old token is dead at once.
#[derive(Debug, Args)]
pub(crate) struct OwnExchange {
    /// The new token [default: ask for it]
    pub serial: Option<String>,
    #[command(flatten)]
    pub secrets: SecretInput,
}

/// End the use of a token of yours for good
///
/// Asks for your login password and for a code of that token.
#[derive(Debug, Args)]
pub(crate) struct OwnStop {
    /// The token [default: ask for it]
    pub serial: Option<String>,
    #[command(flatten)]
    pub answers: Answers,
    #[command(flatten)]
    pub secrets: SecretInput,
}

/// Report a token of yours lost, stolen or uninstalled; it is dead at once
///
/// Asks for your login password. If you can not log in, call the help desk.
#[derive(Debug, Args)]
pub(crate) struct OwnLost {
    /// The token [default: ask for it]
    pub serial: Option<String>,
    #[command(flatten)]
    pub answers: Answers,
    #[command(flatten)]
    pub secrets: SecretInput,
}

/// Choose whether logins ask you for a code, where you may choose
///
/// Asks for your login password and for a code.
#[derive(Debug, Args)]
pub(crate) struct OwnChoose {
    /// Whether they do
    #[arg(value_enum)]
    pub choice: CodeChoice,
    #[command(flatten)]
    pub secrets: SecretInput,
}

/// Choose the language in which logins speak to you
///
/// Asks for your login password.
#[derive(Debug, Args)]
pub(crate) struct OwnLanguage {
    /// The language: en (English), ja (Japanese); none is what this machine speaks
    #[arg(value_enum)]
    pub choice: AccountLanguage,
    #[command(flatten)]
    pub secrets: SecretInput,
}

/// What an account can choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AccountLanguage {
    En,
    Ja,
    None,
}

impl AccountLanguage {
    /// As the protocol has it: a tag, or nothing.
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Ja => "ja",
            Self::None => "",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum YesOrNo {
    Yes,
    No,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    Test(PolicyTest),
    Apply(PolicyApply),
}

/// Say what would happen at a login, and by which line of the settings
///
/// Nothing is asked, charged or written.
#[derive(Debug, Args)]
pub(crate) struct PolicyTest {
    /// The account, as it would be typed
    #[arg(value_name = "USER")]
    pub account: String,
    /// The PAM service, as sshd, login or sudo
    pub service: String,
    /// SERVICE is the name of a RADIUS client
    #[arg(long)]
    pub radius: bool,
    /// The address that the login would come from [default: this machine itself]
    #[arg(long, value_name = "ADDRESS")]
    pub from: Option<IpAddr>,
}

/// Put the policy of the settings file into effect
///
/// Where policy changes take two people, this waits for the second one; until then the policy of before
/// holds, also after a restart.
#[derive(Debug, Args)]
pub(crate) struct PolicyApply {
    #[command(flatten)]
    pub approval: SecondPerson,
    #[command(flatten)]
    pub note: Note,
    #[command(flatten)]
    pub once: Once,
}

/// Of commands that may wait for a second person.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct SecondPerson {
    /// If it takes a second person, do not wait: print the number to approve and end with exit code 11
    #[arg(long)]
    pub no_wait: bool,
    /// Go on with what was approved as this number
    #[arg(long, value_name = "NUMBER")]
    pub approval: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Emergency {
    Issue(EmergencyIssue),
    Revoke(EmergencyRevoke),
}

/// Make emergency codes for somebody whose token is lost, and print them, once
///
/// Each is good for one login, typed where a code is asked for. Codes of before are revoked by this, and all
/// of them by the next start of use. Each use is told of in the log and in `status`.
#[derive(Debug, Args)]
pub(crate) struct EmergencyIssue {
    /// The account
    #[arg(value_name = "USER")]
    pub account: String,
    /// How many
    #[arg(long, value_name = "NUMBER", default_value_t = 5)]
    #[arg(value_parser = clap::value_parser!(u8).range(1..=20))]
    pub count: u8,
    /// For how long they are good: 30m, 24h, 7d [default: 24h]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub valid: Option<u64>,
    #[command(flatten)]
    pub note: Note,
    #[command(flatten)]
    pub once: Once,
}

/// Revoke the emergency codes of an account
#[derive(Debug, Args)]
pub(crate) struct EmergencyRevoke {
    /// The account
    #[arg(value_name = "USER")]
    pub account: String,
    #[command(flatten)]
    pub note: Note,
    #[command(flatten)]
    pub once: Once,
}

/// A duration in seconds.
fn duration(text: &str) -> Result<u64, String> {
    let unit = match text.chars().last() {
        Some('m') => 60,
        Some('h') => 3_600,
        Some('d') => 86_400,
        _ => 0,
    };
    let number = text.get(..text.len().saturating_sub(1)).unwrap_or_default();
    let digits = number.bytes().all(|octet| octet.is_ascii_digit());
    let number = number.parse::<u32>().ok().filter(|_| digits);
    number
        .map(|number| u64::from(number) * unit)
        .filter(|&seconds| seconds > 0)
        .ok_or_else(|| text!("usage-duration"))
}

/// Make a start code, and print it, once
///
/// Good for one use within 10 minutes: with it the account can put a new token into use without a code of the
/// old one, at the next login or by `self exchange`. Ask first who it is.
#[derive(Debug, Args)]
pub(crate) struct StartCode {
    /// The account
    #[arg(value_name = "USER")]
    pub account: String,
    #[command(flatten)]
    pub note: Note,
    #[command(flatten)]
    pub once: Once,
}

/// Make a start-of-use password, and print it, once
///
/// Ten digits, of which the start of use asks two. It is to reach the owner another way than the token.
#[derive(Debug, Args)]
pub(crate) struct StartPassword {
    /// The account; it is made if there is none yet
    #[arg(value_name = "USER")]
    pub account: String,
    /// Take it away: the start of use asks for serial and code only
    #[arg(long)]
    pub remove: bool,
    #[command(flatten)]
    pub note: Note,
    #[command(flatten)]
    pub once: Once,
}

/// Disable several accounts at once, and end their sessions at gateways
///
/// All of them or none. One alone: `account set --disable`.
#[derive(Debug, Args)]
pub(crate) struct AccountsDisable {
    /// The accounts, 200 at most
    #[arg(value_name = "USER", required = true)]
    pub accounts: Vec<String>,
    #[command(flatten)]
    pub sessions: KeepSessions,
    #[command(flatten)]
    pub approval: SecondPerson,
    #[command(flatten)]
    pub note: Note,
    #[command(flatten)]
    pub once: Once,
}

/// Learn anew how far a token's clock or counter is off, from two codes in a row
///
/// Both codes are asked for without echo, and both are spent by this.
#[derive(Debug, Args)]
pub(crate) struct Resync {
    /// The token
    pub serial: String,
    #[command(flatten)]
    pub code: CodeInput,
    #[command(flatten)]
    pub note: Note,
    #[command(flatten)]
    pub once: Once,
}

/// Let another admin's command go on that waits for a second person
///
/// Nobody can approve their own. What it would do: `sekisho approval list`.
#[derive(Debug, Args)]
pub(crate) struct Approve {
    /// Its number, as 7F3-A9C
    pub number: String,
    /// Refuse it instead
    #[arg(long)]
    pub refuse: bool,
    #[command(flatten)]
    pub note: Note,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Approval {
    /// List what waits for a second person, and what became of the last ones
    List,
}
