//! What comes to be decided.

use zeroize::Zeroizing;

use crate::place::Place;
use crate::proof::{First, Proof, Round};

/// One try to log in, as it came.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The account name as typed.
    pub account: String,
    /// What came as proof of a code.
    pub proof: Proof,
    /// The factor before the code.
    pub first: First,
    /// The round of a conversation that it is; the same is not taken twice.
    pub round: Option<Round>,
    /// What ties it to the request that it repeats, if it is a repetition.
    pub correlation: Option<Vec<u8>>,
    /// What no other packet has that brought an attempt.
    pub packet: Option<Vec<u8>>,
    /// Where.
    pub place: Place,
}

impl Attempt {
    /// A code, and nothing else to it.
    pub fn of_code(account: &str, code: Zeroizing<Vec<u8>>, place: Place) -> Self {
        Self {
            account: account.to_owned(),
            proof: Proof::Code(code),
            first: First::None,
            round: None,
            correlation: None,
            packet: None,
            place,
        }
    }
}
