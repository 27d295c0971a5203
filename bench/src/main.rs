//! Measures Sekisho's speed and memory, with the machine's own limits beside them.
//!
//! On a machine that does other work too, only ratios mean something. So everything runs by turns,
//! several rounds of it, and of each figure the median counts. Real daemons are measured from
//! outside: over their sockets, through libpam, and by what the kernel says of them.
//!
//! Prints a table, and writes `bench/figures.json` in the target folder. A mark that is missed is
//! told and fails nothing; a wrong answer of a daemon fails the run.
//!
//! Given names of parts (`core`, `store`, `memory`, `doors`, `methods`), it measures these only.
#![expect(clippy::print_stdout, reason = "it is a program for the terminal")]

mod attempts;
mod client_verifier;
mod core_decisions;
mod daemon;
mod disk;
mod embedded;
mod figures;
mod gateway;
mod installation;
mod memory;
mod methods;
mod pam;
mod plan;
mod report;
mod throughput;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use figures::Figures;
use plan::Plan;

/// Anything that keeps a figure from being taken; told once, at the end.
type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("sekisho-bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Failure> {
    if !rustix::process::geteuid().is_root() {
        return Err("attempts for everybody may be sent by root only\n  run: make bench".into());
    }
    let started = Instant::now();
    let plan = Plan::of_environment();
    let folder = result_folder()?;
    let mut figures = Figures::default();
    let parts: Vec<String> = std::env::args().skip(1).collect();
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|asked| asked == part);
    if wanted("core") {
        plan::say("pure core");
        core_decisions::measure(&plan, &mut figures)?;
    }
    if wanted("store") {
        embedded::measure(&plan, &folder, &mut figures)?;
    }
    if wanted("memory") {
        memory::measure(&plan, &folder, &mut figures)?;
    }
    if wanted("doors") {
        throughput::measure(&plan, &folder, &mut figures)?;
    }
    if wanted("methods") {
        methods::measure(&plan, &folder, &mut figures)?;
    }
    figures.put("bench_run_s", started.elapsed().as_secs_f64());
    let file = folder.join("figures.json");
    figures.write(&file)?;
    print!("{}", report::text(&figures));
    println!("\nfigures: {}", file.display());
    Ok(())
}

/// `bench` in cargo's target folder, where this program is two folders down. What is measured is
/// kept there as well: on a real disk, where /tmp may be none.
fn result_folder() -> Result<PathBuf, Failure> {
    let own = std::env::current_exe()?;
    let target = own.ancestors().nth(2).ok_or("this program has no folder")?;
    let folder = target.join("bench");
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}
