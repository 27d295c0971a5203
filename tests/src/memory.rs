//! Looking for octets: in files, and in the memory of processes.

use std::collections::HashMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Octets of a pattern that are looked up at once.
const HEAD: usize = 8;
/// Memory is read in pieces of this.
const PIECE: usize = 4 << 20;

/// Many patterns, looked for at once.
#[derive(Debug)]
pub struct Needles {
    patterns: Vec<(String, Vec<u8>)>,
    heads: HashMap<[u8; HEAD], Vec<usize>>,
    /// Whether a pattern begins with these two octets.
    begins: Vec<bool>,
    longest: usize,
}

impl Needles {
    /// Patterns of eight octets or more, each with what it is.
    pub fn new(patterns: Vec<(String, Vec<u8>)>) -> Self {
        let mut heads: HashMap<[u8; HEAD], Vec<usize>> = HashMap::new();
        let mut begins = vec![false; 1 << 16];
        for (index, (what, pattern)) in patterns.iter().enumerate() {
            let head = pattern
                .first_chunk()
                .unwrap_or_else(|| panic!("{what} is short"));
            heads.entry(*head).or_default().push(index);
            begins[usize::from(u16::from_be_bytes([head[0], head[1]]))] = true;
        }
        let longest = patterns.iter().map(|(_, pattern)| pattern.len()).max();
        Self {
            patterns,
            heads,
            begins,
            longest: longest.unwrap_or(0),
        }
    }

    /// What is found in `octets`.
    pub fn find(&self, octets: &[u8]) -> Vec<&str> {
        let mut found = Vec::new();
        for (at, pair) in octets.windows(2).enumerate() {
            if !self.begins[usize::from(pair[0]) << 8 | usize::from(pair[1])] {
                continue;
            }
            let Some(head) = octets[at..].first_chunk::<HEAD>() else {
                break;
            };
            let known = self.heads.get(head).into_iter().flatten();
            found.extend(
                known
                    .map(|&index| &self.patterns[index])
                    .filter(|(_, pattern)| octets[at..].starts_with(pattern))
                    .map(|(what, _)| what.as_str()),
            );
        }
        found
    }

    /// What is found in a file.
    pub fn find_in_file(&self, path: &Path) -> Vec<&str> {
        self.find(&fs::read(path).expect("root can read it"))
    }

    /// What is found in everything that a process can read; and how many octets that were.
    pub fn find_in_process(&self, process: u32) -> (Vec<&str>, usize) {
        let folder = PathBuf::from(format!("/proc/{process}"));
        let maps = fs::read_to_string(folder.join("maps")).expect("the process runs");
        let memory = File::open(folder.join("mem")).expect("root can read memory");
        let (mut found, mut all) = (Vec::new(), 0);
        for (from, to) in maps.lines().filter_map(readable) {
            let mut at = from;
            while at < to {
                let mut piece = vec![0; PIECE.min((to - at) as usize)];
                // Some areas can not be read by anybody, as that of the kernel's clock.
                let Ok(count) = memory.read_at(&mut piece, at) else {
                    break;
                };
                if count == 0 {
                    break;
                }
                found.extend(self.find(&piece[..count]));
                all += count;
                at += count as u64;
                if at < to {
                    // What stands across two pieces.
                    at -= self.longest.min(count - 1) as u64;
                }
            }
        }
        (found, all)
    }
}

fn readable(line: &str) -> Option<(u64, u64)> {
    let mut columns = line.split_whitespace();
    let (from, to) = columns.next()?.split_once('-')?;
    let rights = columns.next()?;
    let address = |text| u64::from_str_radix(text, 16).ok();
    rights
        .starts_with('r')
        .then_some((address(from)?, address(to)?))
}

/// The processes of a program that has `word` in its command line.
pub fn processes(program: &str, word: &str) -> Vec<u32> {
    let entries = fs::read_dir("/proc").expect("proc is mounted").flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers
        .filter(|number: &u32| {
            let read = |name: &str| fs::read(format!("/proc/{number}/{name}")).unwrap_or_default();
            let (name, words) = (read("comm"), read("cmdline"));
            let words = String::from_utf8_lossy(&words).into_owned();
            name.trim_ascii_end() == program.as_bytes() && words.contains(word)
        })
        .collect()
}
