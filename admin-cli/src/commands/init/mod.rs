//! `init`: settings file, data folder and master key of a new installation.

mod create;
mod owner;
mod source;
mod template;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sekisho_admin_cli::text;
use sekisho_settings::{DEFAULT_FILE, Settings};
use sekisho_verifier_socket::DEFAULT_SOCKET;
use serde_json::json;

use crate::Stop;
use crate::cli::{Global, Init, MasterKeySource};
use crate::failure::{Failure, Kind};
use crate::output::Output;
use crate::output::block::Block;

use create::Creator;
use owner::Owner;
use source::Source;

const KEY_FILE: &str = "master.key";

pub(crate) fn run(global: &Global, init: &Init, output: &mut Output) -> Result<(), Stop> {
    let plan = Plan::new(global, init)?;
    plan.check_nothing_is_there()?;
    let mut creator = Creator::default();
    if let Err(failure) = plan.carry_out(&mut creator) {
        // Half an installation would only be in the way of the next try.
        creator.undo();
        return Err(failure.into());
    }
    Ok(plan.report(output)?)
}

/// What shall be where.
#[derive(Debug)]
struct Plan {
    settings: PathBuf,
    data: PathBuf,
    /// The master key's file, if it is to be in one.
    key: Option<PathBuf>,
    source: Source,
    socket: PathBuf,
    owner: Option<Owner>,
    /// Whether the socket's folder is ours to make; systemd makes that of the default.
    private_socket: bool,
}

impl Plan {
    fn new(global: &Global, init: &Init) -> Result<Self, Failure> {
        let or = |path: &Option<PathBuf>, default: &str| {
            absolute(path.as_deref().unwrap_or(Path::new(default)))
        };
        let data = absolute(&init.data)?;
        Ok(Self {
            settings: or(&global.settings, DEFAULT_FILE)?,
            key: (init.master_key == MasterKeySource::File).then(|| data.join(KEY_FILE)),
            source: Source::of(init)?,
            data,
            socket: or(&global.socket, DEFAULT_SOCKET)?,
            owner: Owner::find(init.owner.as_deref())?,
            private_socket: global.socket.is_some(),
        })
    }

    fn check_nothing_is_there(&self) -> Result<(), Failure> {
        if is_there(&self.settings)? {
            return Err(exists(&self.settings, text!("init-installed-way")));
        }
        let key = self.data.join(KEY_FILE);
        if is_there(&key)? {
            return Err(exists(&key, text!("init-key-there-way")));
        }
        if is_there(&self.data)? && !is_empty_folder(&self.data)? {
            return Err(Failure::new(
                Kind::Conflict,
                text!("init-not-empty", path = self.data.display().to_string()),
                text!("init-not-empty-way"),
            ));
        }
        Ok(())
    }

    /// The settings file comes last: if it is there, everything is.
    fn carry_out(&self, creator: &mut Creator) -> Result<(), Failure> {
        let owner = self.owner.as_ref();
        creator.folder(&self.data, 0o700, owner)?;
        if let Some(key) = &self.key {
            creator.master_key(key, owner)?;
        }
        if self.private_socket {
            creator.socket_folder(&self.socket, owner)?;
        }
        let text = template::render(&self.data, &self.socket, &self.source)?;
        let group = owner.map(Owner::only_group);
        creator.parent_folder(&self.settings)?;
        creator.file(&self.settings, 0o640, group.as_ref(), text.as_bytes())?;
        Settings::load(&self.settings)?;
        Ok(())
    }

    fn report(&self, output: &mut Output) -> io::Result<()> {
        if output.is_json() {
            return output.value(&json!({
                "settings": self.settings,
                "data": self.data,
                "master_key": self.key,
                "socket": self.socket,
            }));
        }
        let made = Block::new()
            .with("label-settings", self.settings.to_string_lossy())
            .with("label-data-folder", self.data.to_string_lossy())
            .with("label-master-key", self.source.place(self.key.as_deref()))
            .with("label-socket", self.socket.to_string_lossy());
        output.text(&made.render())?;
        output.text(&self.next_steps())
    }

    fn next_steps(&self) -> String {
        let private = self.settings != Path::new(DEFAULT_FILE);
        let (start, option) = if private {
            let option = format!(" --settings {}", self.settings.display());
            (format!("sekisho-verifierd{option}"), option)
        } else {
            (
                "systemctl enable --now sekisho-verifierd".to_owned(),
                String::new(),
            )
        };
        format!(
            "\n{}\n\
             {}\
             * {}\n\
             \x20   groupadd --system sekisho-admin; usermod --append --groups sekisho-admin NAME\n\
             \x20   {}\n\
             * {}\n\
             \x20   {start}\n\
             * {}\n\
             \x20   sekisho{option} status\n\
             \x20   sekisho{option} token issue\n",
            text!("init-next"),
            self.source.next_steps(),
            text!("init-next-groups"),
            text!("init-next-groups-others"),
            text!("init-next-start"),
            text!("init-next-try"),
        )
    }
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path)
        .map_err(|e| Failure::local(path.display(), &e, text!("init-absolute-way")))
}

fn exists(path: &Path, way_out: String) -> Failure {
    Failure::new(
        Kind::Conflict,
        text!("file-exists", path = path.display().to_string()),
        way_out,
    )
}

/// Whether anything has this name, a dangling link included.
fn is_there(path: &Path) -> Result<bool, Failure> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(cannot_look(path, &e)),
    }
}

fn is_empty_folder(path: &Path) -> Result<bool, Failure> {
    let about = fs::symlink_metadata(path).map_err(|e| cannot_look(path, &e))?;
    if !about.is_dir() {
        return Ok(false);
    }
    let mut entries = fs::read_dir(path).map_err(|e| cannot_look(path, &e))?;
    Ok(entries.next().is_none())
}

fn cannot_look(path: &Path, error: &io::Error) -> Failure {
    Failure::local(path.display(), error, text!("init-root-way"))
}
