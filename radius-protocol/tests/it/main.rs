//! The promises of the crate, by part. A test's name is the claim; `rNN` and `pNN` are rows of
//! the table of peers' failures in `docs/development`.

mod accounting;
mod authenticators;
mod challenges;
mod dictionary;
mod disconnect;
mod duplicates;
mod eap;
mod methods;
mod mppe;
mod nas;
mod notes;
mod packets;
mod passwords;
mod peers;
mod requests;
mod templates;
mod vectors;
