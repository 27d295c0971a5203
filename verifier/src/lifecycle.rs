//! The life of a token: which states there are, and which changes are permitted.

use std::fmt;

use minicbor::{Decode, Encode};

/// Where a token is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum TokenState {
    /// Nobody's yet.
    #[n(0)]
    InStock,
    /// In use.
    #[n(1)]
    Active,
    /// Out of use for a while.
    #[n(2)]
    Suspended,
    /// Replaced by another; final.
    #[n(3)]
    Exchanged,
    /// Given up by its owner; final.
    #[n(4)]
    Stopped,
    /// Lost, stolen or uninstalled; final.
    #[n(5)]
    Lost,
}

impl TokenState {
    /// Every state.
    pub const ALL: [Self; 6] = [
        Self::InStock,
        Self::Active,
        Self::Suspended,
        Self::Exchanged,
        Self::Stopped,
        Self::Lost,
    ];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InStock => "in-stock",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Exchanged => "exchanged",
            Self::Stopped => "stopped",
            Self::Lost => "lost",
        }
    }

    /// The state of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether nothing leads out of it.
    pub fn is_final(self) -> bool {
        PERMITTED.iter().all(|&(from, _, _)| from != self)
    }
}

impl fmt::Display for TokenState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What can be done to a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transition {
    /// Its owner starts its use.
    Enroll,
    /// It takes the place of an exchanged one.
    Succeed,
    /// Another takes its place.
    Exchange,
    /// Its owner gives it up.
    Stop,
    /// It is lost.
    Lost,
    /// It is put out of use for a while.
    Suspend,
    /// It is put into use again.
    Resume,
}

impl Transition {
    /// Every transition.
    pub const ALL: [Self; 7] = [
        Self::Enroll,
        Self::Succeed,
        Self::Exchange,
        Self::Stop,
        Self::Lost,
        Self::Suspend,
        Self::Resume,
    ];
}

/// All changes of state that are permitted; what is not listed is refused.
///
/// A token that disappears from the stock is *lost* before anybody could enroll it, and one that
/// breaks there is *stopped*.
pub const PERMITTED: [(TokenState, Transition, TokenState); 12] = {
    use TokenState as S;
    use Transition as T;
    [
        (S::InStock, T::Enroll, S::Active),
        (S::InStock, T::Succeed, S::Active),
        (S::InStock, T::Stop, S::Stopped),
        (S::InStock, T::Lost, S::Lost),
        (S::Active, T::Exchange, S::Exchanged),
        (S::Active, T::Stop, S::Stopped),
        (S::Active, T::Lost, S::Lost),
        (S::Active, T::Suspend, S::Suspended),
        (S::Suspended, T::Exchange, S::Exchanged),
        (S::Suspended, T::Stop, S::Stopped),
        (S::Suspended, T::Lost, S::Lost),
        (S::Suspended, T::Resume, S::Active),
    ]
};

/// The state that `transition` leads to, or `None` if it is not permitted.
pub fn next(state: TokenState, transition: Transition) -> Option<TokenState> {
    PERMITTED
        .iter()
        .find(|&&(from, through, _)| from == state && through == transition)
        .map(|&(_, _, to)| to)
}
