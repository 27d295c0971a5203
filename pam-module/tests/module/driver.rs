//! Runs the C application and reads what it noticed.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use tempfile::TempDir;

pub(crate) const SUCCESS: i32 = 0;
pub(crate) const SERVICE_ERR: i32 = 3;
pub(crate) const PERM_DENIED: i32 = 6;
pub(crate) const AUTH_ERR: i32 = 7;
pub(crate) const AUTHINFO_UNAVAIL: i32 = 9;
pub(crate) const MAXTRIES: i32 = 11;
pub(crate) const NEW_AUTHTOK_REQD: i32 = 12;
pub(crate) const SESSION_ERR: i32 = 14;
pub(crate) const AUTHTOK_ERR: i32 = 20;

/// Measured, with room for a busy machine: the limit is 3 s.
pub(crate) const LIMIT_US: u64 = 3_500_000;

const OTHER: &str = "auth required pam_deny.so\naccount required pam_deny.so\n\
                     password required pam_deny.so\nsession required pam_deny.so\n";

/// What cargo built for this test: beside the test itself.
pub(crate) fn module() -> PathBuf {
    built("libpam_sekisho.so")
}

pub(crate) fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("path of the test");
    let path = test.parent().expect("folder of the test").join(name);
    assert!(path.exists(), "{}", path.display());
    path
}

/// The C programs, compiled once for this process.
pub(crate) fn compiled(name: &str) -> PathBuf {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("folder");
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
        compile(
            &folder,
            &sources,
            "driver.c",
            "driver",
            &["-rdynamic", "-Wl,-z,now"],
        );
        compile(
            &folder,
            &sources,
            "modules/authtok.c",
            "authtok.so",
            &["-shared", "-fPIC"],
        );
        folder
    });
    folder.path().join(name)
}

fn compile(folder: &TempDir, sources: &Path, source: &str, target: &str, more: &[&str]) {
    let output = Command::new("cc")
        .args(["-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-o"])
        .arg(folder.path().join(target))
        .arg(sources.join(source))
        .args(more)
        .arg("-lpam")
        .output()
        .expect("cc");
    assert!(output.status.success(), "{output:?}");
}

/// One run of the application.
pub(crate) struct Driver {
    folder: TempDir,
    user: String,
    words: Vec<String>,
    environment: Vec<(String, String)>,
    under: Vec<String>,
    uid: Option<u32>,
}

impl Driver {
    /// With the module as the only one for everything.
    pub(crate) fn new(socket: &Path, options: &str) -> Self {
        let line = format!(
            "required {} socket={} {options}",
            module().display(),
            socket.display()
        );
        Self::stack(&format!(
            "auth {line}\naccount {line}\npassword {line}\nsession {line}\n"
        ))
    }

    /// With this service file.
    pub(crate) fn stack(text: &str) -> Self {
        let folder = TempDir::new().expect("folder");
        fs::write(folder.path().join("sekisho-test"), text).expect("service file");
        // libpam looks at it for phases that the service does not have, and complains if it is
        // missing.
        fs::write(folder.path().join("other"), OTHER).expect("service file");
        Self {
            folder,
            user: "alice".into(),
            words: Vec::new(),
            environment: Vec::new(),
            under: Vec::new(),
            uid: None,
        }
    }

    pub(crate) fn user(mut self, user: &str) -> Self {
        self.user = user.into();
        self
    }

    pub(crate) fn answer(self, text: &str) -> Self {
        self.word("--answer").word(text)
    }

    pub(crate) fn word(mut self, word: &str) -> Self {
        self.words.push(word.into());
        self
    }

    pub(crate) fn words(mut self, words: &[&str]) -> Self {
        self.words.extend(words.iter().map(|&word| word.to_owned()));
        self
    }

    pub(crate) fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// As the child of another program, such as strace.
    pub(crate) fn under(mut self, words: &[&str]) -> Self {
        self.under = words.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// As a host that is not root, such as a screen locker.
    pub(crate) fn by_user(mut self, uid: u32) -> Self {
        self.uid = Some(uid);
        self
    }

    pub(crate) fn run(self) -> Noticed {
        let program = match self.uid {
            None => compiled("driver"),
            Some(_) => public_copy(&compiled("driver"), self.folder.path()),
        };
        // A module that hangs fails the test instead of holding it up.
        let mut command = Command::new("timeout");
        command.arg("300").args(&self.under).arg(program);
        if let Some(uid) = self.uid {
            command.uid(uid);
        }
        command
            .arg(self.folder.path())
            .arg("sekisho-test")
            .arg(&self.user)
            .args(&self.words)
            .envs(self.environment.iter().map(|(k, v)| (k, v)));
        Noticed::read(command.output().expect("driver"))
    }
}

/// A copy of a program in a folder that everybody can enter; where cargo builds, they may not.
pub(crate) fn public_copy(program: &Path, folder: &Path) -> PathBuf {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("mode");
    let copy = folder.join(program.file_name().expect("a name"));
    fs::copy(program, &copy).expect("copy");
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).expect("mode");
    copy
}

/// What the application noticed.
#[derive(Debug)]
pub(crate) struct Noticed {
    pub output: String,
    pub errors: String,
}

impl Noticed {
    fn read(output: Output) -> Self {
        let noticed = Self {
            output: String::from_utf8_lossy(&output.stdout).into_owned(),
            errors: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        // Also that the host was not killed.
        assert!(output.status.success(), "{:?} {noticed:?}", output.status);
        assert!(noticed.lines("fault").is_empty(), "{noticed:?}");
        noticed
    }

    /// The lines that begin with `word`, as their values.
    pub(crate) fn lines(&self, word: &str) -> Vec<HashMap<&str, &str>> {
        self.output
            .lines()
            .filter_map(|line| line.strip_prefix(word)?.strip_prefix(' '))
            .map(values)
            .collect()
    }

    pub(crate) fn code(&self, call: &str) -> i32 {
        let lines = self.lines("code");
        let value = lines.iter().find_map(|line| line.get(call));
        value.expect("call was made").parse().expect("number")
    }

    pub(crate) fn codes(&self) -> [i32; 3] {
        ["authenticate", "setcred", "acct_mgmt"].map(|call| self.code(call))
    }

    pub(crate) fn total(&self, name: &str) -> u64 {
        self.lines("total")[0][name].parse().expect("number")
    }

    pub(crate) fn state(&self, when: &str, what: &str) -> u64 {
        let lines = self.lines("state");
        let line = lines.iter().find(|line| line["when"] == when);
        line.expect("state")[what].parse().expect("number")
    }

    /// What the module logged.
    pub(crate) fn log(&self) -> Vec<(u8, String)> {
        self.lines("log")
            .iter()
            .map(|line| {
                (
                    line["priority"].parse().expect("number"),
                    line["text"].into(),
                )
            })
            .collect()
    }
}

/// `key=value` words; the value of `text` goes to the end of the line.
fn values(line: &str) -> HashMap<&str, &str> {
    let (words, text) = match line.split_once("text=") {
        Some((words, text)) => (words, Some(text)),
        None => (line, None),
    };
    words
        .split_whitespace()
        .filter_map(|word| word.split_once('='))
        .chain(text.map(|text| ("text", text)))
        .collect()
}
