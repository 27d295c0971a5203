//! `generate`, for packagers: man pages and completions from the same types as `--help`.

use clap::CommandFactory;

use crate::Stop;
use crate::cli::{Cli, Generate};
use crate::failure::Failure;
use crate::output::Output;

pub(crate) fn run(generate: &Generate, output: &mut Output) -> Result<(), Stop> {
    match generate {
        Generate::Man { folder } => {
            clap_mangen::generate_to(Cli::command(), folder)
                .map_err(|e| Failure::local(folder.display(), &e, "name a folder that exists"))?;
        }
        Generate::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "sekisho", &mut script);
            output.text(&String::from_utf8_lossy(&script))?;
        }
    }
    Ok(())
}
