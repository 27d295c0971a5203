//! Who is on the other end of a connection, and what they may ask.
//!
//! Everything follows from the uid that the kernel tells (`SO_PEERCRED`) and the groups of that
//! user; nothing that the peer says of itself counts.

use std::ffi::CString;

use nix::unistd::{Gid, Group, Uid, User, getgrouplist};
use sekisho_settings::Verifier;
use sekisho_verifier::account::AccountName;
use sekisho_verifier_socket::Door;
use sekisho_verifier_socket::admin::Verb;
use sekisho_verifier_socket::role::Role;

/// What a peer is to us. A peer can be several of these.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Roles {
    /// May send attempts for anybody: root, whom PAM's hosts run as.
    pub(crate) pam: bool,
    /// May ask what comes over RADIUS, for anybody, and nothing else.
    pub(crate) radius: bool,
    pub(crate) admin: bool,
    pub(crate) help_desk: bool,
    pub(crate) auditor: bool,
}

/// Who is on the other end.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) uid: u32,
    /// The user's name, or the number if it has none.
    pub(crate) name: String,
    pub(crate) roles: Roles,
    /// Its process when it connected.
    pub(crate) pid: Option<i32>,
    /// Who logged in, by the kernel's word, if it knows.
    pub(crate) login_uid: Option<u32>,
}

/// Who began the login session of a process: `sudo` and `su` do not change it.
pub(crate) fn login_uid(pid: i32) -> Option<u32> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/loginuid")).ok()?;
    let uid = text.trim_end().parse().ok()?;
    (uid != u32::MAX).then_some(uid)
}

/// The users and groups that the settings name, looked up once at the start.
#[derive(Debug, Clone)]
pub(crate) struct Directory {
    radius_user: Option<Uid>,
    admin: Option<Gid>,
    help_desk: Option<Gid>,
    auditor: Option<Gid>,
}

impl Directory {
    /// A user or group that does not exist gives nobody its role.
    pub(crate) fn new(settings: &Verifier) -> Self {
        let group = |name: &str| Group::from_name(name).ok().flatten().map(|g| g.gid);
        let user = User::from_name(&settings.radius_user).ok().flatten();
        Self {
            radius_user: user.map(|user| user.uid),
            admin: group(&settings.admin_group),
            help_desk: group(&settings.help_desk_group),
            auditor: group(&settings.auditor_group),
        }
    }

    /// Whether somebody who is no admin may make codes for `account`, which stand in for a token: not for
    /// root, nor for admins, whatever the case of their names. What can not be told is one. Asks the
    /// system's user database: not for the thread that serves connections.
    pub(crate) fn is_admins(&self, account: &str) -> bool {
        let named = self.admin.is_some_and(|gid| match Group::from_gid(gid) {
            Ok(Some(group)) => group
                .mem
                .iter()
                .any(|name| name.eq_ignore_ascii_case(account)),
            Ok(None) => false,
            Err(_) => true,
        });
        match User::from_name(account) {
            Ok(Some(user)) => {
                let member = |gid| groups(&user.name, user.gid.as_raw()).contains(&gid);
                named || user.uid.is_root() || self.admin.is_some_and(member)
            }
            // Nobody here: somebody of a gateway.
            Ok(None) => named,
            Err(_) => true,
        }
    }

    /// Root and the RADIUS server, who are known without asking anybody.
    pub(crate) fn trusted(&self, uid: u32) -> Option<Peer> {
        let (name, roles) = if Uid::from_raw(uid).is_root() {
            let roles = Roles {
                pam: true,
                admin: true,
                ..Roles::default()
            };
            ("root", roles)
        } else if self.radius_user == Some(Uid::from_raw(uid)) {
            // Not an admin even if somebody put that user into the group: the process that
            // parses packets from the network must not be able to change a token.
            let roles = Roles {
                radius: true,
                ..Roles::default()
            };
            ("the RADIUS server", roles)
        } else {
            return None;
        };
        Some(Peer {
            uid,
            name: name.into(),
            roles,
            pid: None,
            login_uid: None,
        })
    }

    /// What is known of the user `uid`, whose primary group is `gid`; `None` if there is no such
    /// user, as in a user namespace that somebody made. Asks the system's user database, which may
    /// take its time: not for the thread that serves connections.
    pub(crate) fn look_up(&self, uid: u32, gid: u32) -> Option<Peer> {
        let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
        let name = user?.name;
        let groups = groups(&name, gid);
        let member = |group: Option<Gid>| group.is_some_and(|gid| groups.contains(&gid));
        let roles = Roles {
            pam: false,
            radius: false,
            admin: member(self.admin),
            help_desk: member(self.help_desk),
            auditor: member(self.auditor),
        };
        Some(Peer {
            uid,
            name,
            roles,
            pid: None,
            login_uid: None,
        })
    }
}

fn groups(name: &str, gid: u32) -> Vec<Gid> {
    let primary = Gid::from_raw(gid);
    CString::new(name)
        .ok()
        .and_then(|name| getgrouplist(&name, primary).ok())
        .unwrap_or_else(|| vec![primary])
}

impl Peer {
    /// Which person this is, where it takes two: whoever became another by `sudo` is still themselves.
    pub(crate) fn person(&self) -> u32 {
        self.login_uid.unwrap_or(self.uid)
    }

    /// Whether this peer may send attempts of `account` at a place of `door`.
    pub(crate) fn may_attempt(&self, account: &str, door: Door) -> bool {
        match door {
            Door::Radius => self.roles.radius || self.roles.pam,
            Door::Pam => self.roles.pam || (!self.roles.radius && self.is(account)),
        }
    }

    /// Whether a typed account name is this peer's own user.
    fn is(&self, account: &str) -> bool {
        match (AccountName::parse(account), AccountName::parse(&self.name)) {
            (Ok(asked), Ok(own)) => asked == own,
            _ => false,
        }
    }

    /// Whether this peer is a daemon or root, who may hold many connections.
    pub(crate) fn is_trusted(&self) -> bool {
        self.roles.pam || self.roles.radius
    }

    /// Whether this peer may ask what the RADIUS server asks: it, and root.
    pub(crate) fn serves_gateways(&self) -> bool {
        self.is_trusted()
    }

    /// Whether this peer may use any verb at all.
    pub(crate) fn has_verbs(&self) -> bool {
        self.roles.admin || self.roles.help_desk || self.roles.auditor
    }

    /// Whether the table of roles gives this peer the verb.
    pub(crate) fn may_use(&self, verb: &Verb) -> bool {
        let roles = verb.kind().roles();
        roles.iter().any(|role| self.has(*role))
    }

    fn has(&self, role: Role) -> bool {
        match role {
            Role::Admin => self.roles.admin,
            Role::HelpDesk => self.roles.help_desk,
            Role::Auditor => self.roles.auditor,
            // Every user has an account of their own, but for the one who brings what strangers send.
            Role::Owner => !self.roles.radius,
        }
    }
}
