//! A disk in memory that knows what is durable.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use crate::disk::{Disk, DiskFile};

/// A small random number generator with a seed (splitmix64): images can be made again.
#[derive(Debug, Clone)]
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// What is done to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It fails, and has done nothing.
    Error(i32),
    /// A write writes only so many octets; another call fails with EINTR.
    Short(usize),
    /// The power is off from here on.
    Dead,
}

pub(super) const EINTR: i32 = 4;
pub(super) const EIO: i32 = 5;
pub(super) const ENOSPC: i32 = 28;

/// Which call it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    /// Counted only when it is asked for.
    Read,
    Write,
    Sync,
    Names,
}

type Plan = Box<dyn FnMut(u64, Call) -> Option<Fault> + Send>;

#[derive(Default)]
struct State {
    files: Vec<File>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    calls: u64,
    plan: Option<Plan>,
    dead: bool,
    lying: bool,
    counts_reads: bool,
    /// Octets that all files together can have; 0 for any number.
    capacity: usize,
}

#[derive(Debug, Clone, Default)]
struct File {
    current: Vec<u8>,
    durable: Vec<u8>,
    /// Writes since the last sync.
    pending: Vec<(usize, Vec<u8>)>,
}

/// How a power cut leaves what was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// Nothing of it.
    Nothing,
    /// All of it.
    All,
    /// Of each block of so many octets some version that was ever there.
    Torn(usize),
}

#[derive(Clone, Default)]
pub(super) struct Sim(Arc<Mutex<State>>);

impl std::fmt::Debug for Sim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sim")
    }
}

impl Sim {
    pub(super) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Fails calls as `plan` says, from the next one on, which is number 1.
    pub(super) fn plan(&self, plan: impl FnMut(u64, Call) -> Option<Fault> + Send + 'static) {
        let mut state = self.state();
        state.calls = 0;
        state.plan = Some(Box::new(plan));
    }

    /// Syncs say that all is well and do nothing.
    pub(super) fn lie(&self) {
        self.state().lying = true;
    }

    /// Counts reads as calls, and lets them fail.
    pub(super) fn count_reads(&self) {
        self.state().counts_reads = true;
    }

    /// Has no space for more than so many octets; 0 for no bound.
    pub(super) fn hold(&self, octets: usize) {
        self.state().capacity = octets;
    }

    /// Octets of all files.
    pub(super) fn octets(&self) -> usize {
        self.state().octets()
    }

    /// Sets an octet, in memory and on the disk.
    pub(super) fn set(&self, name: &str, offset: usize, octet: u8) {
        let mut state = self.state();
        let index = state.names[name];
        let file = &mut state.files[index];
        file.current[offset] = octet;
        file.durable[offset] = octet;
    }

    pub(super) fn calls(&self) -> u64 {
        self.state().calls
    }

    /// The disk as the next start finds it, after the process ended but not the machine.
    pub(super) fn restarted(&self) -> Arc<Self> {
        let state = self.state();
        Arc::new(Self(Arc::new(Mutex::new(State {
            files: state.files.clone(),
            names: state.names.clone(),
            durable_names: state.durable_names.clone(),
            ..State::default()
        }))))
    }

    /// The disk as a power cut leaves it.
    pub(super) fn cut(&self, cut: Cut, random: &mut Random) -> Arc<Self> {
        let state = self.state();
        let files = state.files.iter();
        let files: Vec<File> = files
            .map(|file| {
                let left = file.cut(cut, random);
                File {
                    current: left.clone(),
                    durable: left,
                    pending: Vec::new(),
                }
            })
            .collect();
        let keep_names = match cut {
            Cut::Nothing => false,
            Cut::All => true,
            Cut::Torn(_) => random.below(2) == 0,
        };
        let names = match keep_names {
            true => state.names.clone(),
            false => state.durable_names.clone(),
        };
        Arc::new(Self(Arc::new(Mutex::new(State {
            files,
            names: names.clone(),
            durable_names: names,
            ..State::default()
        }))))
    }

    /// A disk that holds these files.
    pub(super) fn holding(files: &BTreeMap<String, Vec<u8>>) -> Arc<Self> {
        let mut state = State::default();
        for (index, (name, octets)) in files.iter().enumerate() {
            state.files.push(File {
                current: octets.clone(),
                durable: octets.clone(),
                pending: Vec::new(),
            });
            state.names.insert(name.clone(), index);
        }
        state.durable_names = state.names.clone();
        Arc::new(Self(Arc::new(Mutex::new(state))))
    }

    /// The files as they are.
    pub(super) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let state = self.state();
        let names = state.names.iter();
        names
            .map(|(name, &index)| (name.clone(), state.files[index].current.clone()))
            .collect()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().expect("nobody panicked")
    }
}

impl State {
    /// Counts a call. Tells how many octets a write may write.
    fn call(&mut self, call: Call) -> io::Result<usize> {
        self.calls += 1;
        let fault = match &mut self.plan {
            Some(plan) if !self.dead => plan(self.calls, call),
            _ => None,
        };
        if fault == Some(Fault::Dead) {
            self.dead = true;
        }
        match fault {
            _ if self.dead => Err(io::Error::from_raw_os_error(EIO)),
            Some(Fault::Error(code)) => Err(io::Error::from_raw_os_error(code)),
            Some(Fault::Short(octets)) if call == Call::Write => Ok(octets),
            // None at all would be the end of the file.
            Some(Fault::Short(octets)) if call == Call::Read => Ok(octets.max(1)),
            Some(Fault::Short(_)) => Err(io::Error::from_raw_os_error(EINTR)),
            _ => Ok(usize::MAX),
        }
    }

    fn octets(&self) -> usize {
        let files = self.names.values().map(|&index| &self.files[index]);
        files.map(|file| file.current.len()).sum()
    }

    /// How many of so many octets at `offset` of a file there is space for.
    fn space(&self, index: usize, offset: usize, octets: usize) -> usize {
        let grows = (offset + octets).saturating_sub(self.files[index].current.len());
        let free = self.capacity.saturating_sub(self.octets());
        match self.capacity {
            0 => octets,
            _ => octets - grows.saturating_sub(free),
        }
    }

    fn name(&self, name: &str) -> io::Result<usize> {
        self.names
            .get(name)
            .copied()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl File {
    fn write(&mut self, offset: usize, octets: &[u8]) {
        put(&mut self.current, offset, octets);
        self.pending.push((offset, octets.to_vec()));
    }

    fn cut(&self, cut: Cut, random: &mut Random) -> Vec<u8> {
        match cut {
            Cut::Nothing => self.durable.clone(),
            Cut::All => self.current.clone(),
            Cut::Torn(block) => self.torn(block, random),
        }
    }

    /// Each block as it was after some of the writes, which may be none.
    fn torn(&self, block: usize, random: &mut Random) -> Vec<u8> {
        let mut versions = vec![self.durable.clone()];
        for (offset, octets) in &self.pending {
            let mut next = versions.last().expect("one at least").clone();
            put(&mut next, *offset, octets);
            versions.push(next);
        }
        // Half of all blocks stay as they were, or cuts would hardly ever hit a single block.
        let mut left = self.durable.clone();
        for from in (0..self.current.len()).step_by(block) {
            let pick = random.below(2 * versions.len() as u64) as usize;
            let version = versions.get(pick).unwrap_or(&self.current);
            let to = version.len().min(from + block);
            if from < to && version[from..to] != *left.get(from..to).unwrap_or(&[]) {
                put(&mut left, from, &version[from..to]);
            }
        }
        left
    }
}

fn put(octets: &mut Vec<u8>, offset: usize, new: &[u8]) {
    if octets.len() < offset + new.len() {
        octets.resize(offset + new.len(), 0);
    }
    octets[offset..offset + new.len()].copy_from_slice(new);
}

#[derive(Debug)]
struct SimFile {
    disk: Sim,
    index: usize,
}

impl Disk for Sim {
    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.state().names.keys().cloned().collect())
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let index = self.state().name(name)?;
        let disk = self.clone();
        Ok(Box::new(SimFile { disk, index }))
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.state();
        state.call(Call::Names)?;
        assert!(!state.names.contains_key(name), "O_EXCL");
        let index = state.files.len();
        state.files.push(File::default());
        state.names.insert(name.into(), index);
        drop(state);
        let disk = self.clone();
        Ok(Box::new(SimFile { disk, index }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        state.call(Call::Names)?;
        let index = state.name(from)?;
        state.names.remove(from);
        state.names.insert(to.into(), index);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        state.call(Call::Names)?;
        state.name(name)?;
        state.names.remove(name);
        Ok(())
    }

    fn sync_names(&self) -> io::Result<()> {
        let mut state = self.state();
        state.call(Call::Names)?;
        if !state.lying {
            state.durable_names = state.names.clone();
        }
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from("journal").join(name)
    }
}

impl DiskFile for SimFile {
    fn octets(&self) -> io::Result<u64> {
        Ok(self.disk.state().files[self.index].current.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut state = self.disk.state();
        let most = match state.counts_reads {
            true => state.call(Call::Read)?,
            false => usize::MAX,
        };
        let current = &state.files[self.index].current;
        let from = current.len().min(offset as usize);
        let octets = buffer.len().min(current.len() - from).min(most);
        buffer[..octets].copy_from_slice(&current[from..from + octets]);
        Ok(octets)
    }

    fn write_at(&self, octets: &[u8], offset: u64) -> io::Result<usize> {
        let mut state = self.disk.state();
        let asked = state.call(Call::Write)?.min(octets.len());
        let done = state.space(self.index, offset as usize, asked);
        if done == 0 && asked > 0 {
            return Err(io::Error::from_raw_os_error(ENOSPC));
        }
        state.files[self.index].write(offset as usize, &octets[..done]);
        Ok(done)
    }

    /// After a failure the writes count as done, as on Linux: they are in memory, and will not be
    /// written by a later sync.
    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        let failed = state.call(Call::Sync);
        let (dead, lying) = (state.dead, state.lying);
        let file = &mut state.files[self.index];
        match failed {
            Ok(_) if lying => {}
            Ok(_) => {
                for (offset, octets) in std::mem::take(&mut file.pending) {
                    put(&mut file.durable, offset, &octets);
                }
            }
            Err(error) if error.raw_os_error() == Some(EINTR) || dead => return Err(error),
            Err(error) => {
                file.pending.clear();
                return Err(error);
            }
        }
        Ok(())
    }
}
