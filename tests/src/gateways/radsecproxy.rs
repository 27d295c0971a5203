//! radsecproxy between a gateway and the server.

use std::net::SocketAddr;

use super::{Program, Stage};
use crate::radius::SECRET;

/// Starts one at `front` that hands all on to `server`.
#[track_caller]
pub fn start(stage: &Stage, front: SocketAddr, server: SocketAddr) -> Program {
    let configuration = stage.file(
        "radsecproxy.conf",
        &format!(
            "ListenUDP {front}\nLogLevel 2\nSourceUDP {}\n\
             client gateways {{\n  host 127.0.0.0/8\n  type udp\n  secret {SECRET}\n}}\n\
             server sekisho {{\n  host {}\n  port {}\n  type udp\n  secret {SECRET}\n}}\n\
             realm * {{\n  server sekisho\n}}\n",
            front.ip(),
            server.ip(),
            server.port(),
        ),
    );
    let mut command = stage.command("radsecproxy");
    command.args(["-f", "-c"]).arg(configuration);
    stage.start("radsecproxy", &mut command, |program| {
        program.log().contains("listening for udp")
    })
}
