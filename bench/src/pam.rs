//! Logins through libpam, with what a login costs that asks nobody, and with one bare sync.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::Failure;
use crate::attempts::Login;
use crate::daemon::leashed;
use crate::disk::{RECORD_OCTETS, RawFile};
use crate::figures::{Figures, median};
use crate::installation::{Installation, ours};

/// What libpam asks where a service says nothing.
const OTHER: &str = "auth required pam_deny.so\naccount required pam_deny.so\n";
const PERMIT: &str = "auth required pam_permit.so\n";

/// A program that uses libpam, and services for it.
#[derive(Debug)]
pub(crate) struct Host {
    folder: TempDir,
    program: PathBuf,
}

impl Host {
    /// Compiles the program, and writes a service that asks `installation`.
    pub(crate) fn new(installation: &Installation) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("sekisho-").tempdir()?;
        let program = compile(folder.path())?;
        let (module, socket) = (ours("libpam_sekisho.so")?, installation.socket());
        let line = format!(
            "auth required {} socket={}\n",
            module.display(),
            socket.display()
        );
        for (service, text) in [("other", OTHER), ("permit", PERMIT), ("sekisho", &line)] {
            fs::write(folder.path().join(service), text)?;
        }
        Ok(Self { folder, program })
    }

    /// Logs everybody in, one after the other.
    pub(crate) fn measure(
        &self,
        logins: &[Login],
        raw: &RawFile,
        figures: &mut Figures,
    ) -> Result<(), Failure> {
        let lines = self.run(logins, raw.path())?;
        let mut columns = [Vec::new(), Vec::new(), Vec::new()];
        for line in lines.lines() {
            for (column, word) in columns.iter_mut().zip(line.split_whitespace()) {
                column.push(word.parse::<f64>()? / 1e3);
            }
        }
        let names = ["pam_permit_us", "pam_fdatasync_us", "pam_login_us"];
        for (name, column) in names.into_iter().zip(&columns) {
            figures.put(name, median(column).ok_or("no login was measured")?);
        }
        // Of the tenth that others disturbed least: a sync that had to wait for a processor says
        // nothing about the login beside it. Less than nothing is no measurement.
        let [permit, sync, login] = columns.map(lower_tenth);
        let more = login - permit - sync;
        if more > 0.0 {
            figures.put("pam_login_beyond_floor_and_sync_us", more);
        }
        Ok(())
    }

    fn run(&self, logins: &[Login], raw: &Path) -> Result<String, Failure> {
        let mut command = leashed(&self.program);
        command
            .arg(self.folder.path())
            .arg(raw)
            .arg(RECORD_OCTETS.to_string());
        let mut driver = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()?;
        let mut script = String::new();
        for login in logins {
            script.push_str(&format!("{} {}\n", login.account, login.code));
        }
        // A few hundred short lines fit into the pipe of its output, so it never waits for us while
        // we wait for it.
        driver
            .stdin
            .take()
            .ok_or("no pipe")?
            .write_all(script.as_bytes())?;
        let done = driver.wait_with_output()?;
        match done.status.success() {
            true => Ok(String::from_utf8(done.stdout)?),
            false => Err(format!("the PAM host ended with {}", done.status).into()),
        }
    }
}

fn lower_tenth(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 10).copied().unwrap_or_default()
}

fn compile(folder: &Path) -> Result<PathBuf, Failure> {
    let (source, program) = (folder.join("pam_driver.c"), folder.join("pam-driver"));
    fs::write(&source, include_str!("pam_driver.c"))?;
    let mut cc = Command::new("cc");
    cc.args(["-O2", "-Wall", "-Wextra", "-Werror", "-o"])
        .args([&program, &source])
        .arg("-lpam");
    match cc.status()?.success() {
        true => Ok(program),
        false => Err("the PAM host does not compile".into()),
    }
}
