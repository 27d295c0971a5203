//! `clock trust`.

use sekisho_verifier_socket::admin::Verb;

use crate::Stop;
use crate::cli::ClockTrust;
use crate::connection::Verifier;
use crate::output::{Output, receipt};

pub(crate) fn trust(
    trust: &ClockTrust,
    verifier: &mut Verifier,
    output: &mut Output,
) -> Result<(), Stop> {
    let note = trust.note.text.clone();
    let receipt = verifier.ask_for_receipt(Verb::ClockTrust { note })?;
    Ok(receipt::show(output, &receipt)?)
}
