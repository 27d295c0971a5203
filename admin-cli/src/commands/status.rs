//! `status`: how the verifier is.

use sekisho_admin_cli::text;
use sekisho_verifier_socket::admin::{Answer, StatusView, Verb};

use crate::Stop;
use crate::connection::Verifier;
use crate::failure::Failure;
use crate::output::block::Block;
use crate::output::{Output, clean, json, time};

pub(crate) fn run(verifier: &mut Verifier, output: &mut Output) -> Result<(), Stop> {
    let Answer::Status(status) = verifier.ask(Verb::Status)? else {
        return Err(Failure::strange_answer().into());
    };
    if output.is_json() {
        return Ok(output.value(&json::value(&status))?);
    }
    output.text(&block(&status).render())?;
    if status.warnings.is_empty() {
        return Ok(());
    }
    output.line(&format!("\n{}", text!("needs-attention")))?;
    for warning in &status.warnings {
        output.line(&format!("* {}", clean(warning)))?;
    }
    Ok(())
}

fn block(status: &StatusView) -> Block {
    Block::new()
        .with("label-version", &status.version)
        .with("label-started", time::local(status.started_ms))
        .with("label-clock", time::local(status.now_ms))
        .with("label-store", &status.store)
        .with("label-position", status.position.to_string())
        .with("label-token-count", status.tokens.to_string())
        .with("label-accounts", status.accounts.to_string())
        .with("label-accepts", status.accepts.to_string())
        .with("label-rejects", status.rejects.to_string())
        .with("label-connections", status.connections.to_string())
}
