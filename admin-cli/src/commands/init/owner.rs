//! The daemon's user, who will own the data.

use nix::unistd::{Group, User, geteuid};
use sekisho_admin_cli::text;

use crate::failure::{Failure, Kind};

/// Who owns the data if nobody says otherwise.
const DEFAULT_USER: &str = "sekisho";

/// A user and a group; what is `None` stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner {
    pub user: Option<u32>,
    pub group: Option<u32>,
}

impl Owner {
    /// The owner that was named; else the default user, if root asks and there is one.
    pub(crate) fn find(named: Option<&str>) -> Result<Option<Self>, Failure> {
        let Some(named) = named else {
            let default = geteuid().is_root().then(|| user(DEFAULT_USER));
            // Without such a user the data stay root's.
            return Ok(default.and_then(Result::ok).map(Self::of));
        };
        let (name, group_name) = match named.split_once(':') {
            Some((name, group_name)) => (name, Some(group_name)),
            None => (named, None),
        };
        let mut owner = Self::of(user(name)?);
        if let Some(name) = group_name {
            owner.group = Some(group(name)?);
        }
        Ok(Some(owner))
    }

    /// For files that the user may read but not change.
    pub(crate) fn only_group(&self) -> Self {
        Self {
            user: None,
            group: self.group,
        }
    }

    fn of((user, group): (u32, u32)) -> Self {
        Self {
            user: Some(user),
            group: Some(group),
        }
    }
}

/// The ids of a user and of its group; a number is a user of its own group.
fn user(name: &str) -> Result<(u32, u32), Failure> {
    let found = User::from_name(name).ok().flatten();
    found
        .map(|user| (user.uid.as_raw(), user.gid.as_raw()))
        .or_else(|| name.parse().ok().map(|id| (id, id)))
        .ok_or_else(|| unknown(text!("init-no-user"), text!("init-no-user-way")))
}

fn group(name: &str) -> Result<u32, Failure> {
    let found = Group::from_name(name).ok().flatten();
    found
        .map(|group| group.gid.as_raw())
        .or_else(|| name.parse().ok())
        .ok_or_else(|| unknown(text!("init-no-group"), text!("init-no-group-way")))
}

fn unknown(message: String, way_out: String) -> Failure {
    Failure::new(Kind::NotFound, message, way_out)
}
