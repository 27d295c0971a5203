//! A directory: passwords by a bind, groups by a search.

use super::{Judged, Unavailable};

/// A directory, on one or several servers.
#[derive(Debug)]
pub(crate) struct Ldap;

impl Ldap {
    pub(crate) async fn judge(&self, _account: &str, _password: &[u8]) -> Judged {
        Judged::Unavailable
    }

    pub(crate) async fn groups(&self, _account: &str) -> Result<Vec<String>, Unavailable> {
        Err(Unavailable)
    }
}
