//! What can be typed: the source of `--help`, man pages and completions.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use sekisho_admin_cli::language::language;
use sekisho_admin_cli::text;
use sekisho_settings::Prefix;
use sekisho_verifier_socket::Language as Spoken;

use crate::output::time::Since;

pub(crate) use staff::{
    AccountLanguage, AccountsDisable, Answers, Approval, Approve, EMERGENCY_SECONDS, Emergency,
    EmergencyIssue, EmergencyRevoke, Own, OwnChoose, OwnExchange, OwnLanguage, OwnLost, OwnStart,
    OwnStop, Policy, PolicyApply, PolicyTest, Resync, SecondPerson, SecretInput, StartCode,
    StartPassword, YesOrNo,
};

mod staff;

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed here: a file, the terminal, or a reply that makes no sense
  2  invalid: the arguments, the settings, the file, or the request
  3  not found: no such serial, account or receipt
  4  conflict: the state does not allow it, or something is there already
  5  not proven: the code was refused
  6  not permitted: this user may not do this
  7  unavailable: no verifier or server answers, or nothing could be stored
  8  not trusted: the socket or the reply is not from whom it should be
  9  not ended: what was asked is done, but a session at a gateway goes on
 10  found: doctor found something
 11  not approved: it waits for a second person, was refused, or nobody came in time
 12  not all seen: doctor found nothing, but could not look at everything";

/// One-time codes: tokens, accounts, receipts, audit
#[derive(Debug, Parser)]
#[command(name = "sekisho", version, after_help = EXIT_CODES, max_term_width = 100)]
#[command(disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The verifier's socket [default: as in the settings file]
    #[arg(long, global = true, value_name = "PATH")]
    pub socket: Option<PathBuf>,
    /// The settings file [default: /etc/sekisho/sekisho.toml]
    #[arg(long, global = true, value_name = "FILE")]
    pub settings: Option<PathBuf>,
    /// The language of texts [default: of the locale, else as in the settings file]
    #[arg(long, global = true, value_enum, value_name = "LANGUAGE")]
    pub language: Option<Language>,
    /// Print JSON, errors included; always in English
    #[arg(long, global = true)]
    pub json: bool,
}

/// The languages that there are texts in. It is looked at before the rest is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    En,
    Ja,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Init(Init),
    /// Issue, import and look at tokens
    #[command(subcommand)]
    Token(Token),
    Enroll(Enroll),
    Exchange(Exchange),
    /// End the use of a token for good, and its owner's sessions
    Stop(EndingToken),
    /// Report a token lost, stolen or uninstalled; it is dead at once, and its owner's sessions end
    Lost(EndingToken),
    /// Make a token unusable until it is resumed, and end its owner's sessions
    Suspend(EndingToken),
    /// Make a suspended token usable again
    Resume(OneToken),
    Resync(Resync),
    /// End an account's lock-out
    Unlock(Unlock),
    /// Make emergency codes and revoke them
    #[command(subcommand)]
    Emergency(Emergency),
    /// Start, exchange and stop your own token, report it lost, choose
    #[command(name = "self", subcommand)]
    Own(Own),
    /// Look at accounts and change them
    #[command(subcommand)]
    Account(Account),
    /// Ask where a code is needed, and put changes of that into effect
    #[command(subcommand)]
    Policy(Policy),
    Approve(Approve),
    /// Look at what waits for a second person
    #[command(subcommand)]
    Approval(Approval),
    /// Look at receipts
    #[command(subcommand)]
    Receipt(Receipt),
    /// Read what happened
    #[command(subcommand)]
    Audit(Audit),
    /// Say why logins of an account fail
    Explain {
        /// The account
        account: String,
    },
    /// Show how the verifier is
    Status,
    Doctor(Doctor),
    /// Deal with the wall clock
    #[command(subcommand)]
    Clock(Clock),
    /// Look at the keys and change them
    #[command(subcommand)]
    Key(Key),
    Backup(Backup),
    BackupKey(BackupKey),
    Restore(Restore),
    /// Look at live sessions at gateways and end them
    #[command(subcommand)]
    Session(Session),
    /// Look at RADIUS clients and add them
    #[command(subcommand)]
    Client(Client),
    /// Ask RADIUS servers
    #[command(subcommand)]
    Radius(Radius),
    /// Write man pages and completions
    #[command(subcommand, hide = true)]
    Generate(Generate),
}

impl Command {
    /// The request key, of a command that changes something.
    pub(crate) fn request_key(&self) -> Option<&str> {
        let once = match self {
            Self::Token(Token::Issue(issue)) => &issue.once,
            Self::Token(Token::Import(import)) => &import.once,
            Self::Enroll(enroll) => &enroll.once,
            Self::Exchange(exchange) => &exchange.once,
            Self::Stop(ending) | Self::Lost(ending) | Self::Suspend(ending) => &ending.token.once,
            Self::Resume(token) => &token.once,
            Self::Unlock(unlock) => &unlock.once,
            Self::Account(Account::Set(set)) => &set.once,
            Self::Account(Account::Password(password)) => &password.once,
            Self::Session(Session::End(end)) => &end.once,
            Self::Clock(Clock::Trust(trust)) => &trust.once,
            Self::Key(Key::Rotate(rotate)) => &rotate.once,
            Self::Audit(Audit::Retain(retain)) => &retain.once,
            Self::Account(Account::StartCode(code)) => &code.once,
            Self::Account(Account::StartPassword(password)) => &password.once,
            Self::Account(Account::Disable(disable)) => &disable.once,
            Self::Resync(resync) => &resync.once,
            Self::Emergency(Emergency::Issue(issue)) => &issue.once,
            Self::Emergency(Emergency::Revoke(revoke)) => &revoke.once,
            Self::Policy(Policy::Apply(apply)) => &apply.once,
            _ => return None,
        };
        once.request_key.as_deref()
    }

    /// How to go on if it takes a second person.
    pub(crate) fn second_person(&self) -> Option<&SecondPerson> {
        match self {
            Self::Account(Account::Disable(disable)) => Some(&disable.approval),
            Self::Key(Key::Rotate(rotate)) => Some(&rotate.approval),
            Self::Policy(Policy::Apply(apply)) => Some(&apply.approval),
            Self::Backup(backup) => Some(&backup.approval),
            _ => None,
        }
    }
}

/// Set up a new installation: settings file, data folder, master key
///
/// Run once, as root. Nothing that exists is ever overwritten.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The data folder
    #[arg(long, value_name = "DIR", default_value = "/var/lib/sekisho")]
    pub data: PathBuf,
    /// The daemon's user (and group), who will own the data [default: sekisho, if root runs this
    /// and there is such a user]
    #[arg(long, value_name = "USER[:GROUP]")]
    pub owner: Option<String>,
    /// Where the master key is kept
    #[arg(long, value_enum, value_name = "SOURCE", default_value = "file")]
    pub master_key: MasterKeySource,
    #[command(flatten)]
    pub module: SecurityModule,
}

/// As `[master-key] source` in the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MasterKeySource {
    /// A file that only the verifier can read
    File,
    /// A credential of systemd, which may be sealed by a TPM
    Credential,
    /// A security module
    Pkcs11,
}

/// Where in a security module the master key is.
#[derive(Debug, Args)]
pub(crate) struct SecurityModule {
    /// With pkcs11: the maker's library
    #[arg(long, value_name = "FILE", required_if_eq("master_key", "pkcs11"))]
    pub pkcs11_module: Option<PathBuf>,
    /// With pkcs11: the label of the token
    #[arg(long, value_name = "LABEL", required_if_eq("master_key", "pkcs11"))]
    pub pkcs11_token: Option<String>,
    /// With pkcs11: the file that holds the user's PIN
    #[arg(long, value_name = "FILE", required_if_eq("master_key", "pkcs11"))]
    pub pin_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Note {
    /// A word for the receipt
    #[arg(long = "note", value_name = "TEXT")]
    pub text: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Once {
    /// Do this once for this key, however often it is asked for: a repetition gets the receipt of
    /// the first time. 1 to 64 characters without blanks, as a ticket number; each user has keys of
    /// their own, and the last 10,000 of all users are remembered
    #[arg(long, value_name = "KEY", value_parser = request_key)]
    pub request_key: Option<String>,
}

fn request_key(text: &str) -> Result<String, String> {
    let fits = (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    fits.then(|| text.to_owned())
        .ok_or_else(|| text!("usage-request-key"))
}

#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    Issue(Issue),
    Import(Import),
    /// List tokens in order of serial
    List(TokenList),
    /// Show one token
    Show {
        /// The token
        serial: String,
    },
}

/// Make a new token in stock and print its seed, once
///
/// Prints the otpauth:// URI and, on a terminal, its QR code. They are the seed: show them to the
/// owner only.
#[derive(Debug, Args)]
pub(crate) struct Issue {
    /// The serial [default: the next free one]
    pub serial: Option<String>,
    /// The hash function [default: sha1, which every app knows]
    #[arg(long, value_enum)]
    pub algorithm: Option<Algorithm>,
    /// Digits of a code [default: 6]
    #[arg(long, value_parser = clap::value_parser!(u8).range(6..=8))]
    pub digits: Option<u8>,
    /// Seconds of a step [default: 30]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(15..=120))]
    pub period: Option<u32>,
    /// Codes follow a counter (HOTP), not the clock
    #[arg(long, conflicts_with = "period")]
    pub hotp: bool,
    /// The first counter [default: 0]
    #[arg(long, value_name = "NUMBER", requires = "hotp")]
    pub counter: Option<u64>,
    /// So many tokens, with the next free serials
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["serial", "request_key"])]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub count: Option<u16>,
    /// Print the QR code even if the output is not a terminal
    #[arg(long, conflicts_with_all = ["no_qr", "json"])]
    pub qr: bool,
    /// Print no QR code
    #[arg(long)]
    pub no_qr: bool,
    #[command(flatten)]
    pub note: Note,
    #[command(flatten)]
    pub once: Once,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Algorithm {
    Sha1,
    Sha256,
    Sha512,
}

/// Take in a file of tokens, whole or not at all
///
/// One token a line, at most 1,000,000; blank lines and lines that begin with # are skipped. The
/// first line decides the format:
///
/// * otpauth:// URIs. The serial is what stands behind the colon of the label (ISSUER:SERIAL), or
///   the parameter `serial` if there is one.
///
/// * CSV with the header account,serial,secret_hex and after it any of algorithm, digits, period,
///   counter. A counter makes it a HOTP token. A token with an account is enrolled at once, for an
///   admin who has proof already; without one it comes into stock.
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The file; delete it afterwards, it holds seeds
    pub file: PathBuf,
    #[command(flatten)]
    pub once: Once,
}

#[derive(Debug, Args)]
pub(crate) struct Limit {
    /// At most so many rows
    #[arg(
        long,
        value_name = "ROWS",
        default_value_t = 100,
        conflicts_with = "all"
    )]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub limit: u32,
    /// All rows, up to 1,000,000
    #[arg(long)]
    pub all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TokenList {
    /// Only tokens in this state
    #[arg(long, value_enum)]
    pub state: Option<State>,
    /// Begin behind this serial
    #[arg(long, value_name = "SERIAL")]
    pub after: Option<String>,
    #[command(flatten)]
    pub limit: Limit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum State {
    InStock,
    Active,
    Suspended,
    Exchanged,
    Stopped,
    Lost,
}

#[derive(Debug, Args)]
pub(crate) struct CodeInput {
    /// Read the code from standard input instead of asking for it
    #[arg(long)]
    pub code_stdin: bool,
}

/// Start the use of a token: serial and current code prove it
///
/// The code is asked for without echo, and it is spent by this: the next login needs a new one.
#[derive(Debug, Args)]
pub(crate) struct Enroll {
    /// Who will own the token
    pub account: String,
    /// The token
    pub serial: String,
    #[command(flatten)]
    pub code: CodeInput,
    #[command(flatten)]
    pub note: Note,
    #[command(flatten)]
    pub once: Once,
}

/// Replace a token by a new one, proven by the new one's code
///
/// The code of the new token is asked for without echo, and it is spent by this. The old token is
/// dead at once.
#[derive(Debug, Args)]
pub(crate) struct Exchange {
    /// The token that ends
    pub old: String,
    /// The token that starts
    pub new: String,
    #[command(flatten)]
    pub code: CodeInput,
    #[command(flatten)]
    pub note: Note,
    #[command(flatten)]
    pub once: Once,
}

#[derive(Debug, Args)]
pub(crate) struct OneToken {
    /// The token
    pub serial: String,
    #[command(flatten)]
    pub note: Note,
    #[command(flatten)]
    pub once: Once,
}

#[derive(Debug, Args)]
pub(crate) struct EndingToken {
    #[command(flatten)]
    pub token: OneToken,
    #[command(flatten)]
    pub sessions: KeepSessions,
}

#[derive(Debug, Args)]
pub(crate) struct KeepSessions {
    /// Leave the owner's sessions at gateways as they are
    #[arg(long)]
    pub keep_sessions: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Unlock {
    /// The account
    pub account: String,
    #[command(flatten)]
    pub note: Note,
    #[command(flatten)]
    pub once: Once,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Account {
    /// Show one account
    Show {
        /// The account, or an alias of it
        account: String,
    },
    /// Change an account, or make it
    Set(AccountSet),
    Password(AccountPassword),
    StartCode(StartCode),
    StartPassword(StartPassword),
    Disable(AccountsDisable),
    /// List accounts in order of name
    List {
        /// Begin behind this account
        #[arg(long, value_name = "ACCOUNT")]
        after: Option<String>,
        #[command(flatten)]
        limit: Limit,
    },
}

#[derive(Debug, Args)]
#[group(id = "change", required = true, multiple = true)]
#[group(args = ["code", "disable", "enable", "add_alias", "remove_alias"])]
#[group(args = ["groups", "no_groups", "attributes", "no_attributes"])]
#[group(args = ["account_language", "exchange_required"])]
pub(crate) struct AccountSet {
    /// The account
    pub account: String,
    /// Whether logins where the account may choose ask for a code
    #[arg(long, value_enum)]
    pub code: Option<CodeChoice>,
    /// Give the account no accept at all, and end its sessions at gateways
    #[arg(long, conflicts_with = "enable")]
    pub disable: bool,
    /// With --disable: leave its sessions at gateways as they are
    #[arg(long, requires = "disable")]
    pub keep_sessions: bool,
    /// End that
    #[arg(long)]
    pub enable: bool,
    /// Another name for the same account
    #[arg(long, value_name = "NAME")]
    pub add_alias: Option<String>,
    /// Take such a name away
    #[arg(long, value_name = "NAME")]
    pub remove_alias: Option<String>,
    /// A group to put it into; gateways can be told of it. Can be given several times
    #[arg(long = "group", value_name = "GROUP")]
    pub groups: Vec<String>,
    /// A group to take it out of. Can be given several times
    #[arg(long = "no-group", value_name = "GROUP")]
    pub no_groups: Vec<String>,
    /// An attribute that replies to gateways can be made of. Can be given several times
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = attribute)]
    pub attributes: Vec<(String, String)>,
    /// An attribute to take away. Can be given several times
    #[arg(long = "no-attribute", value_name = "NAME")]
    pub no_attributes: Vec<String>,
    /// The language in which logins speak with it: en (English), ja (Japanese); none is what the machine
    /// speaks
    #[arg(long, value_enum, value_name = "LANGUAGE")]
    pub account_language: Option<AccountLanguage>,
    /// Whether its next login must put a new token in the place of the one in use
    #[arg(long, value_enum, value_name = "ANSWER")]
    pub exchange_required: Option<YesOrNo>,
    #[command(flatten)]
    pub note: Note,
    #[command(flatten)]
    pub once: Once,
}

fn attribute(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once('=')
        .filter(|(name, value)| !name.is_empty() && !value.is_empty())
        .ok_or_else(|| text!("usage-attribute"))?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Set the password that a gateway can ask for before the code
///
/// For clients with first-factor = "stored" in the settings. It is asked for twice without echo; only
/// a hash of it is kept. It has 8 to 128 octets.
#[derive(Debug, Args)]
pub(crate) struct AccountPassword {
    /// The account; it is made if there is none yet
    pub account: String,
    /// Read the password from standard input, one line, instead of asking for it
    #[arg(long, conflicts_with = "remove")]
    pub stdin: bool,
    /// Take the password away: no client with a stored first factor lets the account in then
    #[arg(long)]
    pub remove: bool,
    #[command(flatten)]
    pub note: Note,
    #[command(flatten)]
    pub once: Once,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CodeChoice {
    Required,
    NotRequired,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Receipt {
    /// Show a receipt
    Show {
        /// Its number
        number: String,
        /// Print its signed text, to be saved: whoever has it and the public key can verify it
        #[arg(long)]
        signed: bool,
    },
    Verify(ReceiptVerify),
}

/// Verify a receipt without asking the verifier
///
/// A file holds what `receipt show --signed` printed, or the --json output of any command that gives
/// receipts. A number is looked up in the files of the journal, which says whether a signed checkpoint
/// vouches for it. With a file and --data, the journal must hold the same event.
#[derive(Debug, Args)]
pub(crate) struct ReceiptVerify {
    /// The file, - for standard input, or the receipt number
    #[arg(value_name = "FILE|NUMBER")]
    pub receipt: String,
    #[command(flatten)]
    pub evidence: Evidence,
}

#[derive(Debug, Default, Args)]
pub(crate) struct Evidence {
    /// The public key, or a file with it: as `sekisho audit key` printed it, kept elsewhere
    /// [default: audit.pub of the data folder]
    #[arg(long, value_name = "FILE|KEY")]
    pub key: Option<String>,
    /// The data folder [default: as in the settings file]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// List events, the newest last
    List(AuditList),
    Verify(AuditVerify),
    Retain(Retain),
    /// Print the public key that verifies receipts and checkpoints; keep it elsewhere
    Key {
        /// Read it from this data folder instead of asking the verifier
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
    },
    /// Print the newest checkpoint: a signed statement of how far the journal reached
    Checkpoint {
        /// Read it from this data folder instead of asking the verifier
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
    },
}

/// Verify the whole journal from its files alone
///
/// Checks every event against the chain and every checkpoint against its signature, also while a
/// verifier runs, and needs no secret. Names the first bad place and ends with exit code 8 if there is
/// one. Checkpoints that were kept elsewhere, in the system log say, show that the newest events were
/// not cut off and the whole was not exchanged.
#[derive(Debug, Args)]
pub(crate) struct AuditVerify {
    /// Compare with the checkpoints in this file, - for standard input: notes, or the lines of a log
    #[arg(long, value_name = "FILE")]
    pub checkpoints: Option<PathBuf>,
    #[command(flatten)]
    pub evidence: Evidence,
}

/// Remove what is older than the retention
///
/// Works on whole segments of the journal: one goes when all its events are old, and when a snapshot of
/// all tokens and accounts stands for it. What is left can be verified as before.
#[derive(Debug, Args)]
pub(crate) struct Retain {
    /// How old events must be: 400d, 57w; not below the settings [default: as in the settings]
    #[arg(long, value_name = "AGE", value_parser = age)]
    pub older_than: Option<u64>,
    /// Remove nothing, and say what would be removed
    #[arg(long, conflicts_with = "request_key")]
    pub dry_run: bool,
    #[command(flatten)]
    pub note: Note,
    #[command(flatten)]
    pub once: Once,
}

/// An age in seconds.
fn age(text: &str) -> Result<u64, String> {
    let days = match text.chars().last() {
        Some('d') => 1,
        Some('w') => 7,
        _ => 0,
    };
    let number = text.get(..text.len().saturating_sub(1)).unwrap_or_default();
    let seconds = number
        .parse::<u32>()
        .ok()
        .map(|n| u64::from(n) * days * 86_400);
    seconds
        .filter(|&seconds| seconds > 0)
        .ok_or_else(|| text!("usage-age"))
}

#[derive(Debug, Args)]
pub(crate) struct AuditList {
    /// Only events of this account
    #[arg(long)]
    pub account: Option<String>,
    /// Only events of this token
    #[arg(long)]
    pub serial: Option<String>,
    /// Only events since then: 2026-11-22, "2026-11-22 09:14", 2026-11-22T00:14:00Z, 30m, 12h, 7d
    #[arg(long, value_name = "TIME")]
    pub since: Option<Since>,
    #[command(flatten)]
    pub limit: Limit,
}

/// Look for what is wrong with the set-up: sshd, PAM, files, clock, store, clients
///
/// Changes nothing. Each finding says what is wrong, why it matters and the command that mends it, and what
/// could not be looked at is said as well: run it as root. The exit code is 10 if something was found, and 12
/// if nothing was but not all could be looked at.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Look at the system below this folder, as an image; what only a running system has is left out
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Clock {
    /// Accept the wall clock as it is now, after it was set
    Trust(ClockTrust),
}

#[derive(Debug, Args)]
pub(crate) struct ClockTrust {
    #[command(flatten)]
    pub note: Note,
    #[command(flatten)]
    pub once: Once,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    Rotate(KeyRotate),
    /// Show which keys there are and how far a rotation has come
    Status,
}

/// Seal everything by new keys and destroy the old ones
///
/// The receipt comes at once. Tokens and accounts are sealed anew behind it while logins go on, and
/// when all of them are, the old data key is destroyed. `sekisho key status` shows how far it has
/// come. If the verifier ends meanwhile, it goes on at its next start.
#[derive(Debug, Args)]
pub(crate) struct KeyRotate {
    #[command(flatten)]
    pub approval: SecondPerson,
    #[command(flatten)]
    pub note: Note,
    #[command(flatten)]
    pub once: Once,
}

/// Back up the running verifier: one file, encrypted, with everything in it
///
/// Logins go on meanwhile. The file holds the journal, the state of all tokens and the keys that open
/// the seeds; only the recipients that the settings name for backups can read it. The master key of
/// this machine is neither in it nor needed for it.
#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// The file, which must be new; - is standard output
    pub file: PathBuf,
    /// Leave out what happened before; the state of all tokens and accounts is in it all the same
    #[arg(long)]
    pub without_history: bool,
    #[command(flatten)]
    pub approval: SecondPerson,
    #[command(flatten)]
    pub note: Note,
}

/// Make the key that reads backups: a file, and its line for the settings
///
/// Do it on another machine, or carry the file away from this one: whoever holds it and a backup has
/// every seed. The file is an identity as age uses them.
#[derive(Debug, Args)]
pub(crate) struct BackupKey {
    /// The file, which must be new
    pub file: PathBuf,
}

/// Set up this machine from a backup
///
/// Runs sekisho-verifierd, as the user who owns the data folder. The data folder may hold a master key
/// and nothing else, and no verifier may run. No code that was good before the restore is good after it,
/// no receipt number comes again, and HOTP tokens in use are to be enrolled again.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The backup
    pub file: PathBuf,
    /// The file that `sekisho backup-key` made
    #[arg(long, value_name = "FILE")]
    pub identity: PathBuf,
    /// Refuse the backup unless this installation signed it: its audit.pub, kept elsewhere
    #[arg(long, value_name = "FILE")]
    pub audit_key: Option<PathBuf>,
    /// Restore although the backup is from later than this machine's clock says: the clock of before
    /// was wrong
    #[arg(long)]
    pub trust_clock: bool,
    #[command(flatten)]
    pub note: Note,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Session {
    List(SessionList),
    End(SessionEnd),
}

/// List live sessions, as gateways report them
///
/// A session is here from the gateway's report that it began (RADIUS accounting) until the one that it
/// is over. A gateway that sends none has no sessions here, and none can be ended.
#[derive(Debug, Args)]
pub(crate) struct SessionList {
    /// Only sessions of this account
    #[arg(long, value_name = "ACCOUNT")]
    pub account: Option<String>,
    /// Only sessions at this RADIUS client
    #[arg(long, value_name = "NAME")]
    pub client: Option<String>,
    /// Begin behind this session
    #[arg(long, value_name = "SESSION")]
    pub after: Option<String>,
    #[command(flatten)]
    pub limit: Limit,
}

/// End live sessions at gateways
///
/// The gateways are asked to end them (Disconnect-Request, RFC 5176), and what became of each is
/// printed. Nothing keeps the account from logging in again: see `lost`, `suspend` and `account set
/// --disable`, which end sessions as well.
#[derive(Debug, Args)]
#[group(id = "which", required = true, args = ["account", "session"])]
pub(crate) struct SessionEnd {
    /// All sessions of this account
    pub account: Option<String>,
    /// This session, as `session list` names it
    #[arg(long, value_name = "SESSION")]
    pub session: Option<String>,
    #[command(flatten)]
    pub note: Note,
    #[command(flatten)]
    pub once: Once,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Client {
    /// List the RADIUS clients of the settings, and what each was seen to send
    List,
    Add(ClientAdd),
}

/// Print what a new gateway needs: its lines for the settings, and the lines for the gateway itself
///
/// The shared secret is new and random. Nothing is changed without --write.
#[derive(Debug, Args)]
pub(crate) struct ClientAdd {
    /// Its name in logs, audit and policy
    pub name: String,
    /// The address or network that it sends from. Can be given several times
    #[arg(long, value_name = "ADDRESS", required = true, value_parser = prefix)]
    pub address: Vec<Prefix>,
    /// What it is
    #[arg(long, value_enum)]
    pub gateway: Gateway,
    /// How it asks [default: code]
    #[arg(long, value_enum)]
    pub mode: Option<Mode>,
    /// Who judges the password that comes before the code [default: none]
    #[arg(long, value_enum, requires = "mode")]
    pub first_factor: Option<FirstFactor>,
    /// The address of this RADIUS server as the gateway reaches it, for the gateway's lines [default:
    /// the word SERVER, for you to replace]
    #[arg(long, value_name = "ADDRESS")]
    pub server: Option<IpAddr>,
    /// Append the lines to the settings file, if the whole file is good then
    #[arg(long)]
    pub write: bool,
}

fn prefix(text: &str) -> Result<Prefix, String> {
    text.parse().map_err(|error: String| match language() {
        Spoken::English => error,
        Spoken::Japanese => text!("usage-prefix"),
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Gateway {
    /// Fortinet FortiGate
    Fortigate,
    /// strongSwan with eap-radius
    Strongswan,
    /// ocserv, for OpenConnect and AnyConnect clients
    Ocserv,
    /// OpenVPN with openvpn-auth-radius
    Openvpn,
    /// MikroTik RouterOS
    Mikrotik,
    /// Cisco ASA, and FTD
    Cisco,
    /// pfSense
    Pfsense,
    /// Anything else
    Generic,
}

/// As `mode` of a client in the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// The password field is the code
    Code,
    /// The password field is password and code, one behind the other
    PasswordAndCode,
    /// First the password; then the gateway asks for the code
    Challenge,
}

/// As `first-factor` of a client in the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FirstFactor {
    /// Nobody here
    None,
    /// The hash in the store: `sekisho account password`
    Stored,
    /// A PAM service on this server
    Pam,
    /// A directory
    Ldap,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Radius {
    Probe(Probe),
}

/// Send a request to a RADIUS server and check its reply
///
/// Without --user it asks the server how it is (Status-Server), with it it logs in (PAP). The
/// exit code is 0 for an accept, 5 for a reject or a challenge, 7 if nobody answers, 8 if the reply
/// can not be trusted: usually another secret.
#[derive(Debug, Args)]
pub(crate) struct Probe {
    // Not a doc comment: rustdoc would take the address for a link.
    #[arg(
        value_name = "HOST[:PORT]",
        help = "The server; port 1812 unless given. Write an IPv6 address with a port as \
                [2001:db8::1]:1812"
    )]
    pub server: String,
    /// The file with the shared secret [default: ask for it]
    #[arg(long, value_name = "FILE")]
    pub secret_file: Option<PathBuf>,
    /// Log in as this account
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// Read the code from standard input instead of asking for it
    #[arg(long, requires = "user")]
    pub code_stdin: bool,
    /// Ask the server how it is
    #[arg(long, conflicts_with = "user")]
    pub status: bool,
    /// So many requests, one after the other, each with an identifier of its own
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub count: Option<u16>,
    /// How long to wait for a reply before each retransmission
    #[arg(long, value_name = "SECONDS", default_value_t = 3)]
    #[arg(value_parser = clap::value_parser!(u8).range(1..=60))]
    pub timeout: u8,
    /// How often to send the same request again
    #[arg(long, value_name = "NUMBER", default_value_t = 2, action = ArgAction::Set)]
    #[arg(value_parser = clap::value_parser!(u8).range(0..=10))]
    pub retries: u8,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Generate {
    /// Write a man page for each command
    Man {
        /// The folder
        folder: PathBuf,
    },
    /// Print a shell's completions
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Print the guide's table of who may use which command
    Roles,
}

/// The name that a choice has on the command line and in the protocol.
pub(crate) fn name_of(choice: impl ValueEnum) -> Option<String> {
    choice
        .to_possible_value()
        .map(|value| value.get_name().to_owned())
}
