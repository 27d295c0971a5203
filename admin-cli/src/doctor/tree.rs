//! The file tree that is looked at: this machine's, or an image's below `--root`.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use nix::unistd::{Gid, Group, Uid, User};

use super::finding::quoted;

/// More than any file has that is read here.
const FILE_OCTETS_MAX: u64 = 4 * 1024 * 1024;
/// As many links as the kernel follows.
const LINKS_MAX: usize = 40;

/// A tree; its paths are absolute ones in it.
#[derive(Debug)]
pub(crate) struct Tree {
    root: PathBuf,
    live: bool,
    owner: u32,
}

impl Tree {
    pub(crate) fn new(root: &Path) -> io::Result<Self> {
        let root = fs::canonicalize(root)?;
        let owner = fs::metadata(&root)?.uid();
        Ok(Self {
            live: root == Path::new("/"),
            root,
            owner,
        })
    }

    /// Whether it is the one that this process runs in.
    pub(crate) fn is_live(&self) -> bool {
        self.live
    }

    /// Who owns the machine: root, or whoever owns the image.
    pub(crate) fn owner(&self) -> u32 {
        self.owner
    }

    /// As it is called from outside.
    pub(crate) fn shown(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// The same as a word for a shell, which takes an absolute link in an image for one of this machine.
    pub(crate) fn word(&self, path: &Path) -> String {
        let resolved = self.resolve(path);
        let path = resolved.unwrap_or_else(|_| self.shown(path));
        quoted(&path.display().to_string())
    }

    /// Follows links as they are meant in the tree: an absolute one begins at its root.
    pub(crate) fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        if self.live {
            return Ok(path.to_owned());
        }
        let mut left: Vec<PathBuf> = parts(path);
        let mut done = self.root.clone();
        let mut links = 0;
        while let Some(part) = left.pop() {
            if part == Path::new("..") {
                if done != self.root {
                    done.pop();
                }
                continue;
            }
            let next = done.join(&part);
            match fs::read_link(&next) {
                Ok(target) => {
                    links += 1;
                    if links > LINKS_MAX {
                        return Err(io::Error::other("too many links"));
                    }
                    if target.is_absolute() {
                        done.clone_from(&self.root);
                    }
                    left.extend(parts(&target));
                }
                Err(_) => done = next,
            }
        }
        Ok(done)
    }

    pub(crate) fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        fs::metadata(self.resolve(path)?)
    }

    /// Of the link itself, if it is one.
    pub(crate) fn link_metadata(&self, path: &Path) -> io::Result<Metadata> {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return self.metadata(path);
        };
        fs::symlink_metadata(self.resolve(folder)?.join(name))
    }

    pub(crate) fn exists(&self, path: &Path) -> bool {
        self.metadata(path).is_ok()
    }

    pub(crate) fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let path = self.resolve(path)?;
        // A FIFO would block the open, and a device might have no end.
        if !fs::metadata(&path)?.is_file() {
            return Err(io::Error::other("not a file"));
        }
        let mut octets = Vec::new();
        File::open(&path)?
            .take(FILE_OCTETS_MAX + 1)
            .read_to_end(&mut octets)?;
        if octets.len() as u64 > FILE_OCTETS_MAX {
            return Err(io::Error::other("too large"));
        }
        Ok(octets)
    }

    /// What is no UTF-8 is replaced: names that matter here are ASCII.
    pub(crate) fn text(&self, path: &Path) -> io::Result<String> {
        Ok(String::from_utf8_lossy(&self.read(path)?).into_owned())
    }

    /// The names in a folder, in order; none if there is no such folder.
    pub(crate) fn names(&self, folder: &Path) -> Vec<String> {
        let entries = self.resolve(folder).and_then(fs::read_dir);
        let mut names: Vec<String> = entries
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort();
        names
    }

    /// A user's number.
    pub(crate) fn uid(&self, name: &str) -> Option<u32> {
        if self.live {
            return User::from_name(name).ok()?.map(|user| user.uid.as_raw());
        }
        let users = self.table("/etc/passwd");
        users.get(name)?.get(1)?.parse().ok()
    }

    /// A user's name, or the number as text.
    pub(crate) fn user_name(&self, uid: u32) -> String {
        let name = if self.live {
            let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
            user.map(|user| user.name)
        } else {
            let number = uid.to_string();
            let mut users = self.table("/etc/passwd").into_iter();
            let user = users.find(|(_, fields)| fields.get(1) == Some(&number));
            user.map(|(name, _)| name)
        };
        name.unwrap_or_else(|| uid.to_string())
    }

    /// Who is in a group; `None` if there is no such group.
    pub(crate) fn members(&self, group: &str) -> Option<Vec<String>> {
        let (gid, mut members) = if self.live {
            let group = Group::from_name(group).ok()??;
            (group.gid, group.mem)
        } else {
            let groups = self.table("/etc/group");
            let fields = groups.get(group)?;
            let listed = fields.get(2).map_or("", String::as_str).split(',');
            let listed = listed.filter(|name| !name.is_empty()).map(str::to_owned);
            (
                Gid::from_raw(fields.get(1)?.parse().ok()?),
                listed.collect(),
            )
        };
        let gid = gid.to_string();
        let users = self.table("/etc/passwd").into_iter();
        let primary = users.filter(|(_, fields)| fields.get(2) == Some(&gid));
        members.extend(primary.map(|(name, _)| name));
        members.sort();
        members.dedup();
        Some(members)
    }

    /// A table as passwd(5): the first field, and those behind it.
    fn table(&self, path: &str) -> BTreeMap<String, Vec<String>> {
        let text = self.text(Path::new(path)).unwrap_or_default();
        let rows = text.lines().filter_map(|line| {
            let mut fields = line.split(':').map(str::to_owned);
            Some((fields.next()?, fields.collect()))
        });
        rows.collect()
    }
}

/// The last first.
fn parts(path: &Path) -> Vec<PathBuf> {
    let mut parts: Vec<PathBuf> = path
        .components()
        .filter_map(|part| match part {
            Component::Normal(name) => Some(name.into()),
            Component::ParentDir => Some("..".into()),
            _ => None,
        })
        .collect();
    parts.reverse();
    parts
}
