//! `generate`, for packagers: man pages and completions from the same types as `--help`.

use clap::CommandFactory;
use sekisho_admin_cli::text;

use super::roles;
use crate::Stop;
use crate::cli::{Cli, Generate};
use crate::failure::Failure;
use crate::output::Output;

pub(crate) fn run(generate: &Generate, output: &mut Output) -> Result<(), Stop> {
    match generate {
        Generate::Man { folder } => {
            clap_mangen::generate_to(Cli::command(), folder)
                .map_err(|e| Failure::local(folder.display(), &e, text!("folder-exists-way")))?;
        }
        Generate::Roles => output.text(&roles::page())?,
        Generate::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "sekisho", &mut script);
            output.text(&String::from_utf8_lossy(&script))?;
        }
    }
    Ok(())
}
