//! Settings, data, master key and sockets: are they there, and who can read and write them?

use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use sekisho_settings::{FirstFactor, Settings, Source};

use super::finding::{Finding, Found, Kind};
use super::tree::Tree;

const WRITABLE_BY_OTHERS: u32 = 0o022;
const WRITABLE_BY_ANYBODY: u32 = 0o002;
const READABLE_BY_ANYBODY: u32 = 0o004;
const ANY_FOR_OTHERS: u32 = 0o077;
/// Who connects to a socket needs the right to write it.
const OPEN_TO_ALL: u32 = 0o006;
/// The verifier's user, as packages make it.
const VERIFIER: &str = "sekisho";

/// The settings, if they are there and good.
pub(crate) fn settings(tree: &Tree, file: &Path, found: &mut Found) -> Option<Settings> {
    let text = match tree.text(file) {
        Ok(text) => zeroize::Zeroizing::new(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let finding = Finding::new(Kind::SettingsMissing, "sekisho init");
            found.add(finding.at_file(file));
            return None;
        }
        Err(error) => {
            let because = format!("{}: {error}", tree.shown(file).display());
            found.unseen("settings", because);
            return None;
        }
    };
    let settings = match Settings::parse(file, &text) {
        Ok(settings) => Some(settings),
        Err(error) => {
            let text = error.to_string();
            let (what, way_out) = text.split_once('\n').unwrap_or((&text, ""));
            let mend = format!("editor {}   # {}", tree.word(file), way_out.trim());
            let finding = Finding::new(Kind::SettingsRefused, mend).at_file(file);
            found.add(finding.with("error", what));
            None
        }
    };
    let Ok(metadata) = tree.metadata(file) else {
        return settings;
    };
    let mode = format!("{:04o}", metadata.mode() & 0o7777);
    if metadata.mode() & WRITABLE_BY_OTHERS != 0 {
        let mend = format!("chmod go-w {}", tree.word(file));
        let finding = Finding::new(Kind::SettingsWritable, mend).at_file(file);
        found.add(finding.with("mode", mode.as_str()));
    }
    // What can not be read may hold secrets as well.
    let secret = settings.as_ref().is_none_or(holds_secrets);
    if metadata.mode() & READABLE_BY_ANYBODY != 0 && secret {
        let mend = format!("chmod o-rwx {}", tree.word(file));
        let finding = Finding::new(Kind::SettingsReadable, mend).at_file(file);
        found.add(finding.with("mode", mode));
    }
    settings
}

fn holds_secrets(settings: &Settings) -> bool {
    let directory = settings.radius.ldap.as_ref();
    let password = directory.is_some_and(|ldap| ldap.bind_password.is_some());
    password || !settings.radius.client.is_empty()
}

/// Folders, files and sockets that the settings name.
pub(crate) fn look(tree: &Tree, settings: &Settings, found: &mut Found) {
    let mut look = Look { tree, found };
    let verifier = look.user(VERIFIER);
    if !settings.radius.client.is_empty() {
        look.user(&settings.verifier.radius_user);
    }
    look.data(settings, verifier);
    look.socket(&settings.verifier.socket, Some(OPEN_TO_ALL));
    if asks_pam(settings) {
        // For the RADIUS server's group, and nobody else.
        look.socket(&settings.radius.pam.socket, None);
    }
}

/// Whether a gateway's passwords are judged by PAM.
pub(crate) fn asks_pam(settings: &Settings) -> bool {
    let mut clients = settings.radius.client.iter();
    clients.any(|client| client.get_ref().first_factor == FirstFactor::Pam)
}

struct Look<'a> {
    tree: &'a Tree,
    found: &'a mut Found,
}

impl Look<'_> {
    fn user(&mut self, name: &str) -> Option<u32> {
        let uid = self.tree.uid(name);
        if uid.is_none() {
            let finding = Finding::new(Kind::UserMissing, "systemd-sysusers sekisho.conf");
            self.found.add(finding.with("user", name));
        }
        uid
    }

    fn data(&mut self, settings: &Settings, verifier: Option<u32>) {
        let data = &settings.verifier.data;
        let metadata = match self.tree.metadata(data) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let finding = Finding::new(Kind::DataMissing, "sekisho init").at_file(data);
                return self.found.add(finding);
            }
            Err(error) => return self.unseen(data, &error),
        };
        self.owner(data, metadata.uid(), verifier);
        if metadata.mode() & ANY_FOR_OTHERS != 0 {
            self.mode(Kind::DataMode, data, metadata.mode(), "0700");
        }
        if settings.master_key.source == Source::File {
            self.master_key(&data.join("master.key"), verifier);
        }
    }

    fn master_key(&mut self, key: &Path, verifier: Option<u32>) {
        let metadata = match self.tree.link_metadata(key) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // Never "init": with another key no seed opens.
                let mend = format!("install -m 0400 -o {VERIFIER} COPY {}", self.tree.word(key));
                let finding = Finding::new(Kind::MasterKeyMissing, mend).at_file(key);
                return self.found.add(finding);
            }
            Err(error) => return self.unseen(key, &error),
        };
        self.owner(key, metadata.uid(), verifier);
        if metadata.mode() & ANY_FOR_OTHERS != 0 || !metadata.is_file() {
            self.mode(Kind::MasterKeyMode, key, metadata.mode(), "0400");
        }
    }

    fn owner(&mut self, path: &Path, uid: u32, verifier: Option<u32>) {
        if verifier.is_some_and(|verifier| verifier != uid) {
            let mend = format!("chown {VERIFIER}: {}", self.tree.word(path));
            let finding = Finding::new(Kind::DataOwner, mend).at_file(path);
            let owner = self.tree.user_name(uid);
            self.found.add(finding.with("owner", owner));
        }
    }

    fn mode(&mut self, kind: Kind, path: &Path, mode: u32, right: &str) {
        let mend = format!("chmod {right} {}", self.tree.word(path));
        let finding = Finding::new(kind, mend).at_file(path);
        let mode = format!("{:04o}", mode & 0o7777);
        self.found.add(finding.with("mode", mode));
    }

    fn unseen(&mut self, path: &Path, error: &io::Error) {
        let because = format!("{}: {error}", self.tree.shown(path).display());
        self.found.unseen("file", because);
    }

    /// As the module looks at it before it sends a code.
    fn socket(&mut self, socket: &Path, open: Option<u32>) {
        let folder = socket.parent().unwrap_or(Path::new("/"));
        let of_folder = match self.tree.metadata(folder) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return self.no_socket(socket);
            }
            Err(error) => return self.unseen(folder, &error),
        };
        if of_folder.mode() & WRITABLE_BY_OTHERS != 0 {
            let mend = format!("chmod go-w {}", self.tree.word(folder));
            let finding = Finding::new(Kind::SocketFolder, mend).at_file(folder);
            let mode = format!("{:04o}", of_folder.mode() & 0o7777);
            self.found.add(finding.with("mode", mode));
        }
        let metadata = match self.tree.link_metadata(socket) {
            Ok(metadata) if metadata.file_type().is_socket() => metadata,
            Ok(_) => return self.no_socket(socket),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return self.no_socket(socket);
            }
            Err(error) => return self.unseen(socket, &error),
        };
        if metadata.uid() != of_folder.uid() && metadata.uid() != 0 {
            let owner = self.tree.user_name(metadata.uid());
            let finding = Finding::new(Kind::SocketOwner, self.restart()).at_file(socket);
            self.found.add(finding.with("owner", owner));
        }
        let is_open = metadata.mode() & WRITABLE_BY_ANYBODY != 0;
        if open.is_some() && !is_open {
            let mend = format!("chmod a+rw {}", self.tree.word(socket));
            let finding = Finding::new(Kind::SocketMode, mend).at_file(socket);
            let mode = format!("{:04o}", metadata.mode() & 0o7777);
            self.found.add(finding.with("mode", mode));
        }
    }

    fn no_socket(&mut self, socket: &Path) {
        let finding = Finding::new(Kind::SocketMissing, self.restart()).at_file(socket);
        self.found.add(finding);
    }

    fn restart(&self) -> String {
        "systemctl restart sekisho-verifierd".to_owned()
    }
}
