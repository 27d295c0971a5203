//! The verbs of admins, help desk and auditors, and what they get back.
//!
//! Times are milliseconds since 1970-01-01T00:00:00Z. Serials and account names in answers are in
//! canonical form. Each view also serialises to the CLI's `--json`.

use minicbor::{Decode, Encode};
use serde::Serialize;

use crate::Secret;

/// The most rows of one page of a list. An account with the longest names it can have takes less
/// than two KiB, so a page fits into a frame.
pub const PAGE_MAX: u16 = 500;

/// What can be asked; who may ask what is the daemon's table of roles.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[non_exhaustive]
pub enum Verb {
    /// Makes a new token in stock. The answer holds its seed, once.
    #[n(0)]
    Issue(#[n(0)] NewToken),
    /// Starts an import on this connection; pieces follow, then `ImportFinish`.
    #[n(1)]
    ImportBegin,
    /// Some rows of an import. Nothing takes effect before `ImportFinish`.
    #[n(2)]
    ImportRows(#[n(0)] Vec<ImportRow>),
    /// Checks all rows and takes them in, whole or not at all.
    #[n(3)]
    ImportFinish,
    /// A page of tokens in order of serial.
    #[n(4)]
    TokenList(#[n(0)] TokenFilter),
    /// One token.
    #[n(5)]
    TokenShow(#[n(0)] String),
    /// Starts the use of a token: serial and current code prove it.
    #[n(6)]
    Enroll {
        /// Who will own it; made if there is no such account yet.
        #[n(0)]
        account: String,
        /// The token.
        #[n(1)]
        serial: String,
        /// What it shows now; spent by this.
        #[n(2)]
        code: Secret,
        /// A word for the receipt.
        #[n(3)]
        note: Option<String>,
    },
    /// Replaces a token by another of the same account.
    #[n(7)]
    Exchange {
        /// The token that ends.
        #[n(0)]
        old: String,
        /// The token that starts.
        #[n(1)]
        new: String,
        /// What the new one shows now; spent by this.
        #[n(2)]
        code: Secret,
        /// A word for the receipt.
        #[n(3)]
        note: Option<String>,
    },
    /// Stop, lost, suspend or resume.
    #[n(8)]
    Change {
        /// Which of them.
        #[n(0)]
        change: Change,
        /// The token.
        #[n(1)]
        serial: String,
        /// A word for the receipt.
        #[n(2)]
        note: Option<String>,
        /// Whether the account's sessions at gateways are left as they are.
        #[n(3)]
        keep_sessions: bool,
    },
    /// Ends a lock-out.
    #[n(9)]
    Unlock {
        /// The account.
        #[n(0)]
        account: String,
        /// A word for the receipt.
        #[n(1)]
        note: Option<String>,
    },
    /// One account.
    #[n(10)]
    AccountShow(#[n(0)] String),
    /// A page of accounts in order of name.
    #[n(11)]
    AccountList(#[n(0)] AccountFilter),
    /// Changes an account, or makes it.
    #[n(12)]
    AccountSet {
        /// The account.
        #[n(0)]
        account: String,
        /// What to change.
        #[n(1)]
        change: AccountChange,
        /// A word for the receipt.
        #[n(2)]
        note: Option<String>,
        /// Whether, when it is disabled, its sessions at gateways are left as they are.
        #[n(3)]
        keep_sessions: bool,
    },
    /// A receipt by its number.
    #[n(13)]
    ReceiptShow(#[n(0)] String),
    /// A page of events.
    #[n(14)]
    AuditList(#[n(0)] AuditFilter),
    /// Why logins of an account fail.
    #[n(15)]
    Explain(#[n(0)] String),
    /// How the verifier is.
    #[n(16)]
    Status,
    /// Accepts the wall clock as it is now, after it went backwards.
    #[n(17)]
    ClockTrust {
        /// A word for the receipt.
        #[n(0)]
        note: Option<String>,
    },
    /// Begins to seal everything by new keys. The receipt comes at once, the rest goes on behind.
    #[n(18)]
    KeyRotate {
        /// A word for the receipt.
        #[n(0)]
        note: Option<String>,
    },
    /// Which keys there are, and how far a rotation has come.
    #[n(19)]
    KeyStatus,
    /// Begins a backup on this connection; `BackupNext` fetches it.
    #[n(20)]
    Backup {
        /// The whole journal, and not only the newest state.
        #[n(0)]
        history: bool,
        /// A word for the receipt.
        #[n(1)]
        note: Option<String>,
    },
    /// The next piece of the backup that was begun on this connection.
    #[n(21)]
    BackupNext,
    /// Removes segments of the journal whose events are all old; a snapshot stands for them.
    #[n(22)]
    Retain {
        /// How old, in seconds: at least a day; `None` is what the settings say.
        #[n(0)]
        older_than_s: Option<u64>,
        /// Removes nothing and says what would be.
        #[n(1)]
        dry_run: bool,
        /// A word for the receipt.
        #[n(2)]
        note: Option<String>,
    },
    /// What verifies receipts and checkpoints, and the newest checkpoint.
    #[n(23)]
    AuditKey,
    /// Sets the password that a gateway's `first-factor = "stored"` asks for; `None` removes it.
    #[n(24)]
    AccountPassword {
        /// The account; made if there is none yet.
        #[n(0)]
        account: String,
        /// The password in clear; only its hash is kept.
        #[n(1)]
        password: Option<Secret>,
        /// A word for the receipt.
        #[n(2)]
        note: Option<String>,
    },
    /// A page of the live sessions at gateways.
    #[n(25)]
    SessionList(#[n(0)] SessionFilter),
    /// Ends live sessions.
    #[n(26)]
    SessionEnd {
        /// All of this account, or
        #[n(0)]
        account: Option<String>,
        /// this one.
        #[n(1)]
        session: Option<String>,
        /// A word for the receipt.
        #[n(2)]
        note: Option<String>,
    },
    /// What became of the sessions that the operation with this receipt ends. Answered when all of
    /// them are settled, or after at most half a minute with how far they are.
    #[n(27)]
    SessionEndings(#[n(0)] u64),
    /// What the RADIUS clients were seen to send.
    #[n(28)]
    ClientList,
    /// What would happen at a login, and by which line of the policy. Changes nothing.
    #[n(29)]
    PolicyTest(#[n(0)] PolicyQuestion),
    /// Puts the policy of the settings file into effect.
    #[n(30)]
    PolicyApply {
        /// A word for the receipt.
        #[n(0)]
        note: Option<String>,
    },
    /// Makes emergency codes for an account whose token is lost; those of before are revoked. The
    /// answer holds them, once.
    #[n(31)]
    Emergency {
        /// The account.
        #[n(0)]
        account: String,
        /// How many: 1 to 20. None revokes those of before and makes no others.
        #[n(1)]
        count: u8,
        /// For how long they are good, in seconds.
        #[n(2)]
        valid_s: u64,
        /// A word for the receipt.
        #[n(3)]
        note: Option<String>,
    },
    /// Makes a start code, by which an account can put a new token into use without the old one. The
    /// answer holds it, once.
    #[n(32)]
    StartCode {
        /// The account.
        #[n(0)]
        account: String,
        /// A word for the receipt.
        #[n(1)]
        note: Option<String>,
    },
    /// Makes a start-of-use password, of which the start of use asks some digits; or removes it. The
    /// answer holds it, once.
    #[n(33)]
    StartPassword {
        /// The account; made if there is none yet.
        #[n(0)]
        account: String,
        /// Removes it instead.
        #[n(1)]
        remove: bool,
        /// A word for the receipt.
        #[n(2)]
        note: Option<String>,
    },
    /// Learns anew how far a token is off, from two codes in a row. Both are spent.
    #[n(34)]
    Resync {
        /// The token.
        #[n(0)]
        serial: String,
        /// A code.
        #[n(1)]
        first: Secret,
        /// The one after it.
        #[n(2)]
        second: Secret,
        /// A word for the receipt.
        #[n(3)]
        note: Option<String>,
    },
    /// What the user of this process does with their own account.
    #[n(35)]
    Own {
        /// The login password, judged through PAM before anything else. [`OwnVerb::Status`] does
        /// without.
        #[n(0)]
        password: Option<Secret>,
        /// What.
        #[n(1)]
        verb: OwnVerb,
    },
    /// Lets another admin's verb go on that waits for a second person.
    #[n(36)]
    Approve {
        /// Its number.
        #[n(0)]
        approval: String,
        /// Refuses it instead.
        #[n(1)]
        refuse: bool,
        /// A word for the event.
        #[n(2)]
        note: Option<String>,
    },
    /// What waits for a second person.
    #[n(37)]
    ApprovalList,
    /// Waits until this approval is settled, or for at most half a minute.
    #[n(38)]
    ApprovalWait(#[n(0)] String),
    /// Disables several accounts at once.
    #[n(39)]
    AccountsDisable {
        /// The accounts: at most [`BULK_MAX`].
        #[n(0)]
        accounts: Vec<String>,
        /// Whether their sessions at gateways are left as they are.
        #[n(1)]
        keep_sessions: bool,
        /// A word for the receipt.
        #[n(2)]
        note: Option<String>,
    },
    /// What is known of the set-up, for `sekisho doctor`.
    #[n(40)]
    Health,
}

/// The most accounts of one [`Verb::AccountsDisable`].
pub const BULK_MAX: usize = 200;

/// What somebody does with their own account.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[non_exhaustive]
pub enum OwnVerb {
    /// Its tokens and choices.
    #[n(0)]
    Status,
    /// What a start or an exchange would have to ask for.
    #[n(1)]
    Wanted,
    /// Puts the first token into use, or another in its place.
    #[n(2)]
    Start {
        /// Whether it takes the place of another.
        #[n(0)]
        exchange: bool,
        /// The serial of the new token.
        #[n(1)]
        serial: String,
        /// What it shows.
        #[n(2)]
        code: Secret,
        /// What the token in use shows, or a start code.
        #[n(3)]
        old_code: Option<Secret>,
        /// The characters of the start-of-use password that were asked for.
        #[n(4)]
        characters: Option<Secret>,
        /// Whether logins where the account may choose shall ask for a code; `None` leaves it.
        #[n(5)]
        code_required: Option<bool>,
    },
    /// Ends the use of a token. The code proves it.
    #[n(3)]
    Stop {
        /// The token.
        #[n(0)]
        serial: String,
        /// What it shows.
        #[n(1)]
        code: Secret,
    },
    /// The token is lost, stolen or uninstalled.
    #[n(4)]
    Lost {
        /// The token.
        #[n(0)]
        serial: String,
    },
    /// Whether logins where the account may choose ask for a code. A code proves it.
    #[n(5)]
    Choose {
        /// Whether they do.
        #[n(0)]
        code_required: bool,
        /// What a token of the account shows.
        #[n(1)]
        code: Secret,
    },
    /// In which language to speak with the account.
    #[n(6)]
    Language(#[n(0)] String),
}

/// Which login [`Verb::PolicyTest`] is about.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PolicyQuestion {
    /// The account name as it would be typed.
    #[n(0)]
    pub account: String,
    /// A RADIUS client's name; else it is a PAM service's.
    #[n(1)]
    pub radius: bool,
    /// The PAM service or the RADIUS client.
    #[n(2)]
    pub name: String,
    /// The address it would come from; `None` is the machine itself.
    #[n(3)]
    pub from: Option<String>,
}

/// What would happen at a login.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct PolicyView {
    /// The account, in canonical form.
    #[n(0)]
    pub account: String,
    /// Whether there is one.
    #[n(1)]
    pub known: bool,
    /// `code`, `no-code`, `start-of-use` or `refused`.
    #[n(2)]
    pub outcome: String,
    /// `always`, `account-choice` or `never`.
    #[n(3)]
    pub rule: String,
    /// Which line of the settings says so, as `pam.service.sshd.rule[2]`, or `default`.
    #[n(4)]
    pub line: String,
    /// Why it comes to this; each a sentence.
    #[n(5)]
    pub because: Vec<String>,
}

/// Codes that are shown once, and the receipt of making them.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct CodesView {
    /// The receipt.
    #[n(0)]
    pub receipt: ReceiptView,
    /// The codes, as they are to be typed.
    #[n(1)]
    pub codes: Vec<Secret>,
    /// Until when they are good.
    #[n(2)]
    pub until_ms: Option<u64>,
}

/// What somebody is told of their own account.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct OwnView {
    /// The account.
    #[n(0)]
    pub account: AccountView,
    /// Its tokens in use.
    #[n(1)]
    pub tokens: Vec<TokenView>,
}

/// Something that waits for a second person.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct ApprovalView {
    /// Names it: six characters, as `7F3-A9C`.
    #[n(0)]
    pub number: String,
    /// Which operation, as in the settings: `backup`, `restore`, `key-rotate`, `policy`,
    /// `bulk-disable`.
    #[n(1)]
    pub operation: String,
    /// What it would do, in a few words.
    #[n(2)]
    pub detail: String,
    /// Who asked for it.
    #[n(3)]
    pub asked_by: String,
    /// Until when it waits.
    #[n(4)]
    pub until_ms: u64,
    /// `waiting`, `approved`, `refused`, `over` or `used`.
    #[n(5)]
    pub state: String,
    /// Who settled it.
    #[n(6)]
    pub settled_by: Option<String>,
}

/// What the verifier knows of the set-up.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct HealthView {
    /// How it is.
    #[n(0)]
    pub status: StatusView,
    /// Whether the verifier trusts its clock.
    #[n(1)]
    pub clock_trusted: bool,
    /// Octets free where the data is.
    #[n(2)]
    pub data_free_octets: u64,
    /// Records that are damaged, as far as is known.
    #[n(3)]
    pub damaged_records: u64,
    /// Accounts that can log in, but have no token in use.
    #[n(4)]
    pub accounts_without_token: u64,
}

/// Which sessions to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct SessionFilter {
    /// Begin behind this session.
    #[n(0)]
    pub after: Option<String>,
    /// Only of this account.
    #[n(1)]
    pub account: Option<String>,
    /// Only of this RADIUS client.
    #[n(2)]
    pub client: Option<String>,
    /// At most so many rows, `PAGE_MAX` at most.
    #[n(3)]
    pub limit: u16,
}

/// What a new token shall be; what is `None` is the default of RFC 6238.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct NewToken {
    /// The serial; `None` takes the next free one of the settings' prefix.
    #[n(0)]
    pub serial: Option<String>,
    /// `sha1`, `sha256` or `sha512`.
    #[n(1)]
    pub algorithm: Option<String>,
    /// 6 to 8.
    #[n(2)]
    pub digits: Option<u8>,
    /// Seconds of a step, 15 to 120. Not with `counter`.
    #[n(3)]
    pub period: Option<u32>,
    /// The first counter; makes it a HOTP token.
    #[n(4)]
    pub counter: Option<u64>,
    /// A word for the receipt.
    #[n(5)]
    pub note: Option<String>,
}

/// One row of an import.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ImportRow {
    /// Line in the file, for messages.
    #[n(0)]
    pub line: u64,
    /// Enrolls the token at once, without proof.
    #[n(1)]
    pub account: Option<String>,
    /// The serial.
    #[n(2)]
    pub serial: String,
    /// The seed in clear.
    #[n(3)]
    pub seed: Secret,
    /// Algorithm, digits, period or counter; `serial` and `note` are not used.
    #[n(4)]
    pub shape: NewToken,
}

/// A change of a token's state that needs no code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Change {
    /// The owner no longer needs it; final.
    #[n(0)]
    Stop,
    /// Lost, stolen or uninstalled; final.
    #[n(1)]
    Lost,
    /// Not usable until resumed.
    #[n(2)]
    Suspend,
    /// Usable again.
    #[n(3)]
    Resume,
}

/// What `AccountSet` changes; `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct AccountChange {
    /// Whether logins where the account may choose ask for a code.
    #[n(0)]
    pub code_required: Option<bool>,
    /// A disabled account gets no accept at all.
    #[n(1)]
    pub disabled: Option<bool>,
    /// Another name for the same account.
    #[n(2)]
    pub add_alias: Option<String>,
    /// An alias to remove.
    #[n(3)]
    pub remove_alias: Option<String>,
    /// Groups to add.
    #[n(4)]
    pub add_groups: Vec<String>,
    /// Groups to remove.
    #[n(5)]
    pub remove_groups: Vec<String>,
    /// Attributes to set (name and value) or, without a value, to remove.
    #[n(6)]
    pub attributes: Vec<(String, Option<String>)>,
    /// The language to speak with it: a tag, or empty for what the settings say.
    #[n(7)]
    pub language: Option<String>,
    /// Whether its next login must exchange its token.
    #[n(8)]
    pub exchange_required: Option<bool>,
}

/// Which tokens to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct TokenFilter {
    /// Begin behind this serial.
    #[n(0)]
    pub after: Option<String>,
    /// Only this state.
    #[n(1)]
    pub state: Option<String>,
    /// At most so many rows, `PAGE_MAX` at most.
    #[n(2)]
    pub limit: u16,
}

/// Which accounts to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct AccountFilter {
    /// Begin behind this name.
    #[n(0)]
    pub after: Option<String>,
    /// At most so many rows, `PAGE_MAX` at most.
    #[n(1)]
    pub limit: u16,
}

/// Which events to list, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct AuditFilter {
    /// Only events before this position.
    #[n(0)]
    pub before: Option<u64>,
    /// Only of this account.
    #[n(1)]
    pub account: Option<String>,
    /// Only of this serial.
    #[n(2)]
    pub serial: Option<String>,
    /// Only at or after this time.
    #[n(3)]
    pub since_ms: Option<u64>,
    /// At most so many rows, `PAGE_MAX` at most.
    #[n(4)]
    pub limit: u16,
}

/// What a verb answers.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[non_exhaustive]
pub enum Answer {
    /// A life-cycle operation is done, durably.
    #[n(0)]
    Receipt(#[n(0)] ReceiptView),
    /// A new token; the only time its seed is shown.
    #[n(1)]
    Issued {
        /// The receipt.
        #[n(0)]
        receipt: ReceiptView,
        /// `otpauth://` URI with the seed.
        #[n(1)]
        uri: Secret,
    },
    /// `ImportBegin` or `ImportRows` was taken.
    #[n(2)]
    ImportReady,
    /// Tokens.
    #[n(3)]
    Tokens(#[n(0)] Vec<TokenView>),
    /// Accounts.
    #[n(4)]
    Accounts(#[n(0)] Vec<AccountView>),
    /// Events, newest first.
    #[n(5)]
    Events {
        /// The events.
        #[n(0)]
        events: Vec<EventView>,
        /// Where to go on (`AuditFilter::before`), if there may be more.
        #[n(1)]
        more_before: Option<u64>,
    },
    /// Why logins fail.
    #[n(6)]
    Explanation(#[n(0)] ExplanationView),
    /// How the verifier is.
    #[n(7)]
    Status(#[n(0)] StatusView),
    /// The keys.
    #[n(19)]
    Keys(#[n(0)] KeyStatusView),
    /// A backup was begun.
    #[n(20)]
    BackupBegun {
        /// About how many octets it will have.
        #[n(0)]
        octets: u64,
        /// Who can read it.
        #[n(1)]
        recipients: Vec<String>,
    },
    /// A piece of a backup, encrypted. When there is none left, the answer is `BackupWhole`.
    #[n(21)]
    BackupPiece(
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        Vec<u8>,
    ),
    /// What `Retain` did.
    #[n(22)]
    Retained {
        /// What was removed, or would be; `None` if nothing is old enough.
        #[n(0)]
        removed: Option<RemovedView>,
        /// The receipt, if something was removed.
        #[n(1)]
        receipt: Option<ReceiptView>,
    },
    /// What verifies receipts and checkpoints.
    #[n(23)]
    AuditKey {
        /// The public key, as C2SP's signed notes write it.
        #[n(0)]
        key: String,
        /// The newest checkpoint, a signed note, if there is one yet.
        #[n(1)]
        checkpoint: Option<String>,
    },
    /// A backup was fetched whole.
    #[n(24)]
    BackupWhole {
        /// That it was made.
        #[n(0)]
        receipt: ReceiptView,
        /// How many records are damaged, and so in it as well.
        #[n(1)]
        damaged: u64,
    },
    /// Live sessions.
    #[n(25)]
    Sessions(#[n(0)] Vec<SessionView>),
    /// What becomes of sessions that are being ended.
    #[n(26)]
    Endings(#[n(0)] Vec<EndingView>),
    /// RADIUS clients.
    #[n(27)]
    Clients(#[n(0)] Vec<ClientView>),
    /// What would happen at a login.
    #[n(28)]
    Policy(#[n(0)] PolicyView),
    /// Codes that are shown once.
    #[n(29)]
    Codes(#[n(0)] CodesView),
    /// Somebody's own account.
    #[n(30)]
    Own(#[n(0)] Box<OwnView>),
    /// What a start or an exchange has to ask for; `None` if there is nothing to put into use.
    #[n(31)]
    Wanted(#[n(0)] Option<crate::Wanted>),
    /// It waits for a second person.
    #[n(32)]
    Waiting(#[n(0)] ApprovalView),
    /// What waits for a second person, or did.
    #[n(33)]
    Approvals(#[n(0)] Vec<ApprovalView>),
    /// What is known of the set-up.
    #[n(34)]
    Health(#[n(0)] Box<HealthView>),
}

/// A live session at a gateway.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct SessionView {
    /// Names it here: 16 hexadecimal digits.
    #[n(0)]
    pub id: String,
    /// Whose, in canonical form, as far as known.
    #[n(1)]
    pub account: Option<String>,
    /// User-Name, as it was reported.
    #[n(2)]
    pub user_name: Option<String>,
    /// The RADIUS client's name in the settings.
    #[n(3)]
    pub client: String,
    /// NAS-Identifier or NAS-IP-Address, or where the report came from.
    #[n(4)]
    pub nas: String,
    /// Acct-Session-Id.
    #[n(5)]
    pub session: String,
    /// The address that the user got.
    #[n(6)]
    pub framed_address: Option<String>,
    /// Where the user is.
    #[n(7)]
    pub calling_station: Option<String>,
    /// When it began.
    #[n(8)]
    pub started_ms: u64,
    /// When the gateway reported of it last.
    #[n(9)]
    pub updated_ms: u64,
    /// Octets from the user.
    #[n(10)]
    pub octets_in: u64,
    /// Octets to the user.
    #[n(11)]
    pub octets_out: u64,
}

/// What becomes of a session that is being ended.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct EndingView {
    /// The session.
    #[n(0)]
    pub session: SessionView,
    /// `waiting`, `ended`, `gone`, `refused`, `unsupported`, `timeout`, `not-sent`.
    #[n(1)]
    pub outcome: String,
    /// The gateway's Error-Cause, for `refused`.
    #[n(2)]
    pub error_cause: Option<u32>,
}

/// A RADIUS client, and what it was seen to send since the RADIUS server started.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct ClientView {
    /// Its name in the settings.
    #[n(0)]
    pub name: String,
    /// Methods that it used; also those that are off.
    #[n(1)]
    pub methods: Vec<String>,
    /// Requests with a Message-Authenticator.
    #[n(2)]
    pub with_message_authenticator: u64,
    /// Requests without one.
    #[n(3)]
    pub without_message_authenticator: u64,
    /// Retransmissions that were recognised as such.
    #[n(4)]
    pub retransmissions: u64,
    /// The shortest time after which it sent again, in milliseconds.
    #[n(5)]
    pub retry_ms_min: Option<u32>,
    /// The longest.
    #[n(6)]
    pub retry_ms_max: Option<u32>,
    /// Accepts.
    #[n(7)]
    pub accepts: u64,
    /// Rejects.
    #[n(8)]
    pub rejects: u64,
    /// Packets that were dropped.
    #[n(9)]
    pub dropped: u64,
    /// Why the last of them was.
    #[n(10)]
    pub last_drop: Option<String>,
    /// When it sent something last.
    #[n(11)]
    pub last_seen_ms: Option<u64>,
    /// When it was given the last accept.
    #[n(12)]
    pub last_accept_ms: Option<u64>,
    /// Accounting-Requests that were stored.
    #[n(13)]
    pub accounting: u64,
    /// What `message-authenticator = "auto"` has come to.
    #[n(14)]
    pub auto: Option<String>,
    /// What is not good about it; empty when all is well.
    #[n(15)]
    pub warnings: Vec<String>,
}

/// What `Retain` removed, or would remove.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct RemovedView {
    /// So many segments of the journal.
    #[n(0)]
    pub segments: u64,
    /// What they took on the disk.
    #[n(1)]
    pub octets: u64,
    /// The first position that is kept.
    #[n(2)]
    pub first_kept: u64,
    /// The time of the newest event that is removed.
    #[n(3)]
    pub newest_ms: u64,
}

/// Why a verb was not carried out. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Refusal {
    /// What kind of refusal, for exit codes.
    #[n(0)]
    pub kind: RefusalKind,
    /// What is wrong: lower case, no full stop, no secret.
    #[n(1)]
    pub message: String,
    /// The way out.
    #[n(2)]
    pub way_out: String,
}

/// Kinds of refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum RefusalKind {
    /// The peer's user may not do this.
    #[n(0)]
    NotPermitted,
    /// No such serial, account or receipt.
    #[n(1)]
    NotFound,
    /// The state does not allow it.
    #[n(2)]
    Conflict,
    /// The code does not prove the token, for whatever reason.
    #[n(3)]
    NotProven,
    /// The request makes no sense.
    #[n(4)]
    Invalid,
    /// Nothing could be decided or stored, or it is not known whether it was.
    #[n(5)]
    Unavailable,
}

/// The proof that an operation was taken in.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct ReceiptView {
    /// Twelve characters in groups of four.
    #[n(0)]
    pub number: String,
    /// When.
    #[n(1)]
    pub time_ms: u64,
    /// What.
    #[n(2)]
    pub operation: String,
    /// Which token, if one.
    #[n(3)]
    pub serial: Option<String>,
    /// Which other token: the new one of an exchange.
    #[n(4)]
    pub new_serial: Option<String>,
    /// Whose, if anybody's.
    #[n(5)]
    pub account: Option<String>,
    /// Who did it.
    #[n(6)]
    pub actor: String,
    /// The word given with it.
    #[n(7)]
    pub note: Option<String>,
    /// Position in the journal.
    #[n(8)]
    pub position: u64,
    /// How many tokens, for an import.
    #[n(9)]
    pub count: Option<u64>,
    /// Through which door it was asked for: `cli`, `pam`, `verifier` or `offline`.
    #[n(10)]
    pub channel: String,
    /// The operator's own word, which is also in `note`.
    #[n(11)]
    pub reason: Option<String>,
    /// The chain hash of its event, in base64.
    #[n(12)]
    pub hash: Option<String>,
    /// The receipt as a signed note; whoever has it and the public key can verify it. `None` if the
    /// verifier has no signing key.
    #[n(13)]
    pub signed: Option<String>,
    /// It was done before, by an earlier request with the same key: this is the receipt of then.
    #[n(14)]
    pub repeated: bool,
    /// So many live sessions at gateways are being ended because of it: see
    /// [`Verb::SessionEndings`].
    #[n(15)]
    pub sessions: u64,
    /// Who approved it, where it took a second person.
    #[n(16)]
    pub approver: Option<String>,
}

/// A token, without its seed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct TokenView {
    /// Serial.
    #[n(0)]
    pub serial: String,
    /// `in-stock`, `active`, `suspended`, `exchanged`, `stopped`, `lost`.
    #[n(1)]
    pub state: String,
    /// Owner.
    #[n(2)]
    pub account: Option<String>,
    /// `totp` or `hotp`.
    #[n(3)]
    pub kind: String,
    /// `sha1`, `sha256`, `sha512`.
    #[n(4)]
    pub algorithm: String,
    /// 6 to 8.
    #[n(5)]
    pub digits: u8,
    /// Seconds of a step, for TOTP.
    #[n(6)]
    pub period: Option<u32>,
    /// Learned drift in whole steps.
    #[n(7)]
    pub drift_steps: i64,
    /// Whether too many failures in a row disabled it until it is enrolled again.
    #[n(8)]
    pub disabled: bool,
    /// When a code of it was accepted last.
    #[n(9)]
    pub last_used_ms: Option<u64>,
    /// Where that was.
    #[n(10)]
    pub last_used_at: Option<String>,
    /// When it came into stock.
    #[n(11)]
    pub created_ms: u64,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct AccountView {
    /// Canonical name.
    #[n(0)]
    pub name: String,
    /// Other names for it.
    #[n(1)]
    pub aliases: Vec<String>,
    /// Its tokens, ended ones included as long as they are kept.
    #[n(2)]
    pub serials: Vec<String>,
    /// Whether logins where it may choose ask for a code.
    #[n(3)]
    pub code_required: bool,
    /// Whether it gets no accept at all.
    #[n(4)]
    pub disabled: bool,
    /// Wrong codes that count towards a lock.
    #[n(5)]
    pub wrong_codes: u32,
    /// Failures in a row that count towards disabling its tokens.
    #[n(6)]
    pub failures_in_a_row: u32,
    /// No code is judged before this time.
    #[n(7)]
    pub locked_until_ms: Option<u64>,
    /// Its groups.
    #[n(8)]
    pub groups: Vec<String>,
    /// Its attributes: names and values.
    #[n(9)]
    pub attributes: Vec<(String, String)>,
    /// Whether it has a stored password.
    #[n(10)]
    pub has_password: bool,
    /// The language to speak with it, if it has chosen one.
    #[n(11)]
    pub language: Option<String>,
    /// Whether its next login must exchange its token.
    #[n(12)]
    pub exchange_required: bool,
    /// Whether it has a start-of-use password.
    #[n(13)]
    pub has_start_password: bool,
    /// Until when a start code is good that was not used.
    #[n(14)]
    pub start_code_until_ms: Option<u64>,
    /// How many emergency codes are left.
    #[n(15)]
    pub emergency_codes: u32,
    /// Until when they are good.
    #[n(16)]
    pub emergency_until_ms: Option<u64>,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct EventView {
    /// Position in the journal.
    #[n(0)]
    pub position: u64,
    /// When.
    #[n(1)]
    pub time_ms: u64,
    /// `login`, or the operation.
    #[n(2)]
    pub operation: String,
    /// `accept`, `reject`, `not-asked` or `done`.
    #[n(3)]
    pub outcome: String,
    /// Why, for operators.
    #[n(4)]
    pub reason: Option<String>,
    /// Account, as far as known.
    #[n(5)]
    pub account: Option<String>,
    /// Token, as far as known.
    #[n(6)]
    pub serial: Option<String>,
    /// Where: `pam:sshd pts/3 from 192.0.2.7`.
    #[n(7)]
    pub place: Option<String>,
    /// Who did it, for operations.
    #[n(8)]
    pub actor: Option<String>,
    /// Receipt number, for operations.
    #[n(9)]
    pub receipt: Option<String>,
}

/// Why logins of an account fail.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct ExplanationView {
    /// The name asked for.
    #[n(0)]
    pub account: String,
    /// What holds now, most important first; each a sentence.
    #[n(1)]
    pub findings: Vec<String>,
    /// Its newest events.
    #[n(2)]
    pub events: Vec<EventView>,
}

/// How the verifier is.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct StatusView {
    /// Version of the program.
    #[n(0)]
    pub version: String,
    /// When it started.
    #[n(1)]
    pub started_ms: u64,
    /// The wall clock now.
    #[n(2)]
    pub now_ms: u64,
    /// Which store.
    #[n(3)]
    pub store: String,
    /// Position of the newest event.
    #[n(4)]
    pub position: u64,
    /// Tokens.
    #[n(5)]
    pub tokens: u64,
    /// Accounts.
    #[n(6)]
    pub accounts: u64,
    /// Accepts since the start.
    #[n(7)]
    pub accepts: u64,
    /// Rejects since the start.
    #[n(8)]
    pub rejects: u64,
    /// Open connections.
    #[n(9)]
    pub connections: u64,
    /// What needs attention; empty when all is well.
    #[n(10)]
    pub warnings: Vec<String>,
}

/// The keys, without one octet of them.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct KeyStatusView {
    /// Where the master key is kept: `file`, `credential` or `pkcs11`.
    #[n(0)]
    pub source: String,
    /// The version of the master key that wraps the others.
    #[n(1)]
    pub master_version: u32,
    /// The number of the data key that seals.
    #[n(2)]
    pub data_key: u32,
    /// The numbers of all data keys that still open something.
    #[n(3)]
    pub data_keys: Vec<u32>,
    /// How far a rotation has come, if one is under way.
    #[n(4)]
    pub rotation: Option<RotationView>,
    /// What verifies checkpoints and receipts.
    #[n(5)]
    pub public_key: Option<String>,
    /// Whether the verifier's memory is kept from being swapped out.
    #[n(6)]
    pub memory_locked: bool,
}

/// How far a key rotation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct RotationView {
    /// Records that are sealed anew.
    #[n(0)]
    pub done: u64,
    /// Records there are.
    #[n(1)]
    pub all: u64,
}
