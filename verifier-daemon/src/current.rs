//! The verifier with the policy that is in effect: another one takes its place while logins go on.

use std::sync::{Arc, PoisonError, RwLock};

use sekisho_verifier::verify::Verifier;

/// Who decides now.
#[derive(Debug)]
pub(crate) struct Current(RwLock<Arc<Verifier>>);

impl Current {
    pub(crate) fn new(verifier: Arc<Verifier>) -> Self {
        Self(RwLock::new(verifier))
    }

    /// Whoever asks once decides by one policy.
    pub(crate) fn get(&self) -> Arc<Verifier> {
        // Nothing that can panic is done while it is held.
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// From the next group of logins on.
    pub(crate) fn set(&self, verifier: Arc<Verifier>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = verifier;
    }
}
