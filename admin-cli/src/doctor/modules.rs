//! The module files: are they there, whose are they, can libpam load ours?

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::elf::Object;
use super::finding::{Finding, Found, Kind, Place};
use super::pam::Stacks;
use super::pam::stack::Module;
use super::tree::Tree;

const OURS: &str = "pam_sekisho.so";
/// Where distributions have modules; the multiarch folders of Debian come first.
const FOLDERS: [&str; 6] = [
    "/lib64/security",
    "/usr/lib64/security",
    "/lib/security",
    "/usr/lib/security",
    "/usr/local/lib/security",
    "/usr/lib/pam",
];
const WRITABLE_BY_OTHERS: u32 = 0o022;
const LIBPAM: &str = "libpam.so.0";

/// Looks at each module once.
pub(crate) fn look(tree: &Tree, stacks: &Stacks, found: &mut Found) {
    let folders = folders(tree);
    let mut seen = Vec::new();
    for (place, module) in &stacks.modules {
        if seen.contains(&&module.path) {
            continue;
        }
        seen.push(&module.path);
        let ours = module.name() == OURS;
        match file(tree, &folders, &module.path) {
            Some(path) if ours => our_file(tree, &path, found),
            Some(_) => {}
            None => missing(tree, &folders, place, module, ours, found),
        }
    }
}

fn folders(tree: &Tree) -> Vec<PathBuf> {
    let multiarch = ["/lib", "/usr/lib"].into_iter().flat_map(|folder| {
        let names = tree.names(Path::new(folder)).into_iter();
        let triples = names.filter(|name| name.contains("-linux-"));
        triples.map(move |name| Path::new(folder).join(name).join("security"))
    });
    let folders = multiarch.chain(FOLDERS.map(PathBuf::from));
    folders.filter(|folder| tree.exists(folder)).collect()
}

fn file(tree: &Tree, folders: &[PathBuf], path: &str) -> Option<PathBuf> {
    if path.starts_with('/') {
        let path = PathBuf::from(path);
        return tree.exists(&path).then_some(path);
    }
    let paths = folders.iter().map(|folder| folder.join(path));
    paths.into_iter().find(|path| tree.exists(path))
}

fn missing(
    tree: &Tree,
    folders: &[PathBuf],
    place: &Place,
    module: &Module,
    ours: bool,
    found: &mut Found,
) {
    let folder = folders
        .first()
        .map_or(Path::new("/lib/security"), PathBuf::as_path);
    let finding = if ours {
        let to = match module.path.starts_with('/') {
            true => PathBuf::from(&module.path),
            false => folder.join(OURS),
        };
        let to = tree.word(&to);
        let mend = format!("install -s -m 0644 target/release/libpam_sekisho.so {to}");
        Finding::new(Kind::ModuleMissing, mend)
    } else if module.may_lack {
        return;
    } else {
        let mend = format!("ls {}", tree.word(folder));
        Finding::new(Kind::ModuleOtherMissing, mend)
    };
    found.add(
        finding
            .at(place.clone())
            .with("module", module.path.as_str()),
    );
}

fn our_file(tree: &Tree, path: &Path, found: &mut Found) {
    let word = tree.word(path);
    let module = path.display().to_string();
    let finding = |kind, mend| {
        Finding::new(kind, mend)
            .at_file(path)
            .with("module", module.as_str())
    };
    let folder = path.parent().unwrap_or(Path::new("/"));
    for part in [path, folder] {
        let Ok(metadata) = tree.metadata(part) else {
            continue;
        };
        let word = tree.word(part);
        if metadata.uid() != tree.owner() && metadata.uid() != 0 {
            let owner = tree.user_name(metadata.uid());
            let mend = format!("chown {} {word}", tree.owner());
            found.add(
                finding(Kind::ModuleOwner, mend)
                    .at_file(part)
                    .with("owner", owner),
            );
        }
        if metadata.mode() & WRITABLE_BY_OTHERS != 0 {
            let mend = format!("chmod go-w {word}");
            let mode = format!("{:04o}", metadata.mode() & 0o7777);
            found.add(
                finding(Kind::ModuleWritable, mend)
                    .at_file(part)
                    .with("mode", mode),
            );
        }
    }
    let install = format!("install -s -m 0644 target/release/libpam_sekisho.so {word}");
    let octets = match tree.read(path) {
        Ok(octets) => octets,
        Err(error) => return found.unseen("module", error.to_string()),
    };
    let Some(object) = Object::read(&octets) else {
        return found.add(finding(Kind::ModuleForeign, install));
    };
    let here = expected(tree);
    let fits = here.is_none_or(|(machine, bits)| (object.machine, object.bits) == (machine, bits));
    if !fits || !object.shared {
        return found.add(finding(Kind::ModuleForeign, install));
    }
    // Linked against the archive it would bring a libpam of its own, beside that of the program.
    if !object.needed.iter().any(|name| name == LIBPAM) {
        found.add(finding(Kind::ModuleLinked, install));
    }
}

/// What programs of the tree are made for: as its libpam is, else as this program is.
fn expected(tree: &Tree) -> Option<(u16, u8)> {
    let mut folders: Vec<PathBuf> = folders(tree)
        .into_iter()
        .filter_map(|folder| folder.parent().map(Path::to_owned))
        .collect();
    folders.push("/usr/lib64".into());
    let libraries = folders.iter().map(|folder| folder.join(LIBPAM));
    let library = libraries.into_iter().find_map(|path| tree.read(&path).ok());
    let octets = match library {
        Some(octets) => octets,
        None => std::fs::read("/proc/self/exe").ok()?,
    };
    let object = Object::read(&octets)?;
    Some((object.machine, object.bits))
}
