//! Receipts: what an operation leaves in the hands of who asked for it.

use std::io;

use sekisho_admin_cli::language::word;
use sekisho_admin_cli::text;
use sekisho_verifier_socket::admin::ReceiptView;

use super::block::Block;
use super::{Output, hint, json, time};

pub(crate) fn show(output: &mut Output, receipt: &ReceiptView) -> io::Result<()> {
    if output.is_json() {
        return output.value(&json::value(receipt));
    }
    output.text(&block(receipt).render())?;
    if receipt.repeated {
        output.finish()?;
        hint(&text!("receipt-repeated"));
    }
    Ok(())
}

pub(crate) fn block(receipt: &ReceiptView) -> Block {
    let counted = match receipt.operation.as_str() {
        "accounts-disable" => "label-accounts",
        "emergency" => "codes-emergency",
        _ => "label-token-count",
    };
    Block::new()
        .with("label-receipt-number", &receipt.number)
        .with("label-receipt-time", time::local(receipt.time_ms))
        .with("label-operation", word("operation", &receipt.operation))
        .with_some("label-serial", receipt.serial.as_ref())
        .with_some("label-new-serial", receipt.new_serial.as_ref())
        .with_some(counted, receipt.count.map(|count| count.to_string()))
        .with_some("label-account", receipt.account.as_ref())
        .with("label-by", &receipt.actor)
        .with_some("label-approver", receipt.approver.as_ref())
        .with("label-through", word("channel", &receipt.channel))
        .with_some("label-note", receipt.note.as_ref())
}
