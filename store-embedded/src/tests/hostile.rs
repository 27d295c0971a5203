//! Data folders that somebody else has filled: offline readers, which root may run, do not wait,
//! do not follow, and take no more than a journal can need.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use sekisho_verifier::note::{NOTE_OCTETS_MAX, PublicKey};
use sekisho_verifier::testing::sample::spend;

use crate::archive::{self, CONTENT_OCTETS_MAX, FRAMES_MAX};
use crate::disk::{ReadOnly, read_short};
use crate::tests::sim::Sim;
use crate::tests::{commit, open, script};
use crate::verify::{Fault, find, verify};

/// Longer than any of this takes, and far shorter than for ever.
const PATIENCE: Duration = Duration::from_secs(60);

/// A data folder with a journal, and its key.
fn folder() -> (tempfile::TempDir, PublicKey) {
    let disk = Sim::new();
    let mut store = open(&disk).expect("a new store");
    for group in script() {
        commit(&mut store, &group).expect("a commit");
    }
    commit(&mut store, &[spend(1, 9_000)]).expect("a commit");
    store
        .keeper()
        .compress(&mut || true)
        .expect("it compresses");
    let key = store.signer().expect("a signer").public();
    drop(store);
    let folder = tempfile::tempdir().expect("a folder");
    let journal = folder.path().join("journal");
    fs::create_dir(&journal).expect("a folder");
    for (name, octets) in disk.files() {
        fs::write(journal.join(name), octets).expect("written");
    }
    (folder, key)
}

fn pipe(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe");
}

/// Everything that is read offline, none of it for ever. What verifying finds is returned.
fn read_all(data: &Path, key: &PublicKey) -> Result<(), Fault> {
    let (data, key) = (PathBuf::from(data), key.clone());
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let _ = find(&data, 1, None);
        let verified = verify(&data, Some(&key), &[], &mut |_, _| {});
        let _ = tell.send(verified.map(|_| ()));
    });
    told.recv_timeout(PATIENCE).expect("it comes to an end")
}

#[test]
fn nothing_but_a_regular_file_is_read() {
    let (folder, key) = folder();
    let data = folder.path();
    read_all(data, &key).expect("it is as it was written");
    let foreign = data.join("foreign");
    fs::write(&foreign, "root:secret\n").expect("written");
    let journal = data.join("journal");
    let mut names: Vec<PathBuf> = fs::read_dir(&journal)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    names.extend([data.join("checkpoint"), journal.join("0000000009.snapshot")]);
    for path in names {
        let before = fs::read(&path).ok();
        for made in ["pipe", "link", "folder"] {
            let _ = fs::remove_file(&path);
            match made {
                "pipe" => pipe(&path),
                "link" => symlink(&foreign, &path).expect("a link"),
                _ => fs::create_dir(&path).expect("a folder"),
            }
            let fault = read_all(data, &key).expect_err("it is no file");
            assert_eq!(fault.file, path, "{made}: {fault}");
            assert!(!fault.text.contains("secret"), "{fault}");
            let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir(&path));
        }
        if let Some(before) = before {
            fs::write(&path, before).expect("written");
        }
    }
    read_all(data, &key).expect("it is as it was written");
}

#[test]
fn journal_that_is_a_link_is_not_read() {
    let (folder, key) = folder();
    let data = folder.path();
    fs::rename(data.join("journal"), data.join("elsewhere")).expect("moved");
    symlink("elsewhere", data.join("journal")).expect("a link");
    read_all(data, &key).expect_err("it is a link");
}

#[test]
fn only_so_much_of_a_file_is_read_as_it_may_have() {
    let (folder, key) = folder();
    let data = folder.path();
    let sparse = |name: &str, octets: u64| {
        let path = data.join(name);
        let file = File::options().create(true).append(true).open(&path);
        file.and_then(|file| file.set_len(octets))
            .expect("a length");
        path
    };
    let checkpoint = sparse("checkpoint", 1 << 40);
    let read = read_short(&checkpoint, NOTE_OCTETS_MAX).expect_err("too long");
    assert_eq!(read.kind(), io::ErrorKind::FileTooLarge);
    let fault = read_all(data, &key).expect_err("this is no checkpoint");
    assert_eq!(fault.file, checkpoint);
    fs::remove_file(&checkpoint).expect("removed");

    let plain = fs::read_dir(data.join("journal")).expect("a folder");
    let plain = plain.map(|entry| entry.expect("an entry").file_name());
    let plain = plain.filter_map(|name| name.into_string().ok());
    let last = plain.filter(|name| name.ends_with(".journal")).max();
    let last = sparse(
        &format!("journal/{}", last.expect("one")),
        CONTENT_OCTETS_MAX + 1,
    );
    let fault = read_all(data, &key).expect_err("it is too long");
    assert_eq!(fault.file, last);
}

/// A file that ends with the seek table of `frames` frames, all else being zero.
fn with_table(path: &Path, octets: u64, frames: u32) -> io::Result<()> {
    let file = File::options()
        .create(true)
        .truncate(true)
        .write(true)
        .open(path)?;
    file.set_len(octets)?;
    let mut end = frames.to_le_bytes().to_vec();
    end.extend([0, 0xB1, 0xEA, 0x92, 0x8F]);
    file.write_all_at(&end, octets - end.len() as u64)?;
    let table = u64::from(frames) * 8 + 9;
    if let Some(from) = octets.checked_sub(table + 8) {
        let head = [0x184D_2A5E_u32, table as u32].map(u32::to_le_bytes);
        file.write_all_at(head.as_flattened(), from)?;
    }
    Ok(())
}

#[test]
fn table_of_more_frames_than_a_file_may_have_is_not_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let name = archive::file_name(1);
    let path = folder.path().join(&name);
    for (octets, frames) in [
        (2 << 30, (2 << 30) / 8 - 100),
        (1 << 40, u32::MAX),
        (1 << 30, FRAMES_MAX + 1),
        (1 << 10, FRAMES_MAX),
        (1 << 30, FRAMES_MAX),
        (9, 1),
        (8, 0),
    ] {
        if octets > 8 {
            with_table(&path, octets, frames).expect("written");
        } else {
            fs::write(&path, [0; 8]).expect("written");
        }
        let disk = ReadOnly::open(folder.path()).expect("a folder");
        let error = archive::open(&disk, 1).expect_err("no such file was written");
        assert_eq!(
            error.kind(),
            io::ErrorKind::InvalidData,
            "{octets} {frames}"
        );
    }
}
