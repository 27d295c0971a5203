//! Receipts: what an operation leaves in the hands of who asked for it.

use std::io;

use sekisho_verifier_socket::admin::ReceiptView;

use super::block::Block;
use super::{Output, hint, json, time};

pub(crate) fn show(output: &mut Output, receipt: &ReceiptView) -> io::Result<()> {
    if output.is_json() {
        return output.value(&json::value(receipt));
    }
    output.text(&text(receipt))?;
    if receipt.repeated {
        output.finish()?;
        hint("this was done before for the same request key; nothing was done now");
    }
    Ok(())
}

pub(crate) fn text(receipt: &ReceiptView) -> String {
    Block::new()
        .with("Receipt number", &receipt.number)
        .with("Time", time::local(receipt.time_ms))
        .with("Operation", &receipt.operation)
        .with_some("Serial", receipt.serial.as_ref())
        .with_some("New serial", receipt.new_serial.as_ref())
        .with_some("Tokens", receipt.count.map(|count| count.to_string()))
        .with_some("Account", receipt.account.as_ref())
        .with("By", &receipt.actor)
        .with_some("Approved by", receipt.approver.as_ref())
        .with("Through", &receipt.channel)
        .with_some("Note", receipt.note.as_ref())
        .render()
}
