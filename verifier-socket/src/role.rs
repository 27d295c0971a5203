//! Who may use which verb: the one table.
//!
//! The daemon goes by it, and the guide's table is printed from it. A verb that is not sorted in
//! here does not compile.

use crate::admin::{Change, OwnVerb, Verb};

/// What a user may be here, by membership in a Unix group; root is an admin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// May use every verb.
    Admin,
    /// Helps people who can not log in.
    HelpDesk,
    /// Reads.
    Auditor,
    /// Whoever has a login here, for the account of the same name.
    Owner,
}

impl Role {
    /// Every role, in the order of the table.
    pub const ALL: [Self; 4] = [Self::Admin, Self::HelpDesk, Self::Auditor, Self::Owner];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::HelpDesk => "help desk",
            Self::Auditor => "auditor",
            Self::Owner => "owner",
        }
    }
}

/// Makes the table and the list of its rows of one text, so that neither can lack a row.
macro_rules! table {
    ($($kind:ident $name:literal: $($role:ident)+;)+) => {
        /// Kinds of verbs: a row of the table each.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum VerbKind {
            $(
                #[doc = concat!("`sekisho ", $name, "`.")]
                $kind,
            )+
        }

        impl VerbKind {
            /// Every kind, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$kind),+];

            /// The command of the CLI that uses it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)+
                }
            }

            /// Who may use it.
            pub const fn roles(self) -> &'static [Role] {
                match self {
                    $(Self::$kind => &[$(Role::$role),+],)+
                }
            }
        }
    };
}

table! {
    TokenIssue "token issue": Admin;
    TokenImport "token import": Admin;
    TokenList "token list": Admin Auditor;
    TokenShow "token show": Admin HelpDesk Auditor;
    Enroll "enroll": Admin;
    Exchange "exchange": Admin;
    Stop "stop": Admin;
    Lost "lost": Admin HelpDesk;
    Suspend "suspend": Admin HelpDesk;
    Resume "resume": Admin;
    Resync "resync": Admin HelpDesk;
    Unlock "unlock": Admin HelpDesk;
    Emergency "emergency issue": Admin HelpDesk;
    AccountShow "account show": Admin HelpDesk Auditor;
    AccountList "account list": Admin Auditor;
    AccountSet "account set": Admin;
    AccountsDisable "account disable": Admin;
    AccountPassword "account password": Admin;
    StartCode "account start-code": Admin;
    StartPassword "account start-password": Admin;
    PolicyTest "policy test": Admin HelpDesk Auditor;
    PolicyApply "policy apply": Admin;
    Explain "explain": Admin HelpDesk Auditor;
    SessionList "session list": Admin HelpDesk Auditor;
    SessionEnd "session end": Admin HelpDesk;
    ClientList "client list": Admin HelpDesk Auditor;
    ReceiptShow "receipt show": Admin HelpDesk Auditor;
    AuditList "audit list": Admin Auditor;
    AuditKey "audit key": Admin HelpDesk Auditor;
    AuditRetain "audit retain": Admin;
    Status "status": Admin HelpDesk Auditor;
    Health "doctor": Admin HelpDesk Auditor;
    ClockTrust "clock trust": Admin;
    KeyRotate "key rotate": Admin;
    KeyStatus "key status": Admin Auditor;
    Backup "backup": Admin;
    Approve "approve": Admin;
    ApprovalList "approval list": Admin Auditor;
    Own "self": Owner;
}

impl Verb {
    /// Its row of the table.
    pub const fn kind(&self) -> VerbKind {
        match self {
            Self::Issue(_) => VerbKind::TokenIssue,
            Self::ImportBegin | Self::ImportRows(_) | Self::ImportFinish => VerbKind::TokenImport,
            Self::TokenList(_) => VerbKind::TokenList,
            Self::TokenShow(_) => VerbKind::TokenShow,
            Self::Enroll { .. } => VerbKind::Enroll,
            Self::Exchange { .. } => VerbKind::Exchange,
            Self::Change { change, .. } => match change {
                Change::Stop => VerbKind::Stop,
                Change::Lost => VerbKind::Lost,
                Change::Suspend => VerbKind::Suspend,
                Change::Resume => VerbKind::Resume,
            },
            Self::Resync { .. } => VerbKind::Resync,
            Self::Unlock { .. } => VerbKind::Unlock,
            Self::Emergency { .. } => VerbKind::Emergency,
            Self::AccountShow(_) => VerbKind::AccountShow,
            Self::AccountList(_) => VerbKind::AccountList,
            Self::AccountSet { .. } => VerbKind::AccountSet,
            Self::AccountsDisable { .. } => VerbKind::AccountsDisable,
            Self::AccountPassword { .. } => VerbKind::AccountPassword,
            Self::StartCode { .. } => VerbKind::StartCode,
            Self::StartPassword { .. } => VerbKind::StartPassword,
            Self::PolicyTest(_) => VerbKind::PolicyTest,
            Self::PolicyApply { .. } => VerbKind::PolicyApply,
            Self::Explain(_) => VerbKind::Explain,
            Self::SessionList(_) => VerbKind::SessionList,
            Self::SessionEnd { .. } | Self::SessionEndings(_) => VerbKind::SessionEnd,
            Self::ClientList => VerbKind::ClientList,
            Self::ReceiptShow(_) => VerbKind::ReceiptShow,
            Self::AuditList(_) => VerbKind::AuditList,
            Self::AuditKey => VerbKind::AuditKey,
            Self::Retain { .. } => VerbKind::AuditRetain,
            Self::Status => VerbKind::Status,
            Self::Health => VerbKind::Health,
            Self::ClockTrust { .. } => VerbKind::ClockTrust,
            Self::KeyRotate { .. } => VerbKind::KeyRotate,
            Self::KeyStatus => VerbKind::KeyStatus,
            Self::Backup { .. } | Self::BackupNext => VerbKind::Backup,
            Self::Approve { .. } | Self::ApprovalWait(_) => VerbKind::Approve,
            Self::ApprovalList => VerbKind::ApprovalList,
            Self::Own {
                verb:
                    OwnVerb::Status
                    | OwnVerb::Wanted
                    | OwnVerb::Start { .. }
                    | OwnVerb::Stop { .. }
                    | OwnVerb::Lost { .. }
                    | OwnVerb::Choose { .. }
                    | OwnVerb::Language(_),
                ..
            } => VerbKind::Own,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_verb_but_ones_own_is_for_admins_and_auditors_change_nothing() {
        for kind in VerbKind::ALL {
            let roles = kind.roles();
            let own = *kind == VerbKind::Own;
            assert_eq!(roles.contains(&Role::Admin), !own, "{}", kind.name());
            assert_eq!(roles.contains(&Role::Owner), own, "{}", kind.name());
        }
        let reads = |kind: &&VerbKind| kind.roles().contains(&Role::Auditor);
        let read: Vec<_> = VerbKind::ALL
            .iter()
            .filter(reads)
            .map(|k| k.name())
            .collect();
        assert_eq!(
            read,
            [
                "token list",
                "token show",
                "account show",
                "account list",
                "policy test",
                "explain",
                "session list",
                "client list",
                "receipt show",
                "audit list",
                "audit key",
                "status",
                "doctor",
                "key status",
                "approval list",
            ]
        );
    }
}
