//! `receipt …`: shown by the verifier, verified without it.

mod verify;

use sekisho_admin_cli::text;
use sekisho_verifier_socket::admin::Verb;

use crate::Stop;
use crate::connection::Verifier;
use crate::failure::{Failure, Kind};
use crate::output::{Output, receipt};

pub(crate) use verify::verify;

pub(crate) fn show(
    number: &str,
    signed: bool,
    verifier: &mut Verifier,
    output: &mut Output,
) -> Result<(), Stop> {
    let receipt = verifier.ask_for_receipt(Verb::ReceiptShow(number.to_owned()))?;
    if !signed || output.is_json() {
        return Ok(receipt::show(output, &receipt)?);
    }
    let text = receipt.signed.ok_or_else(|| {
        Failure::new(
            Kind::NotFound,
            text!("receipt-unsigned"),
            text!("receipt-unsigned-way"),
        )
    })?;
    // As it is: every octet is signed. Its fields were cleaned before they were recorded.
    Ok(output.text(&text)?)
}
