//! `receipt show`.

use sekisho_verifier_socket::admin::Verb;

use crate::Stop;
use crate::connection::Verifier;
use crate::output::{Output, receipt};

pub(crate) fn show(number: &str, verifier: &mut Verifier, output: &mut Output) -> Result<(), Stop> {
    let receipt = verifier.ask_for_receipt(Verb::ReceiptShow(number.to_owned()))?;
    Ok(receipt::show(output, &receipt)?)
}
