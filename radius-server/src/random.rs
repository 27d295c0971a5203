//! Random octets, taken from the kernel many at a time: a system call for each packet would cost
//! more than the packet.

use sekisho_radius_protocol::server::Random;
use zeroize::Zeroize;

/// For so many packets at a time.
const PACKETS: usize = 64;

/// Random octets that were not used yet.
pub(crate) struct Pool {
    octets: Box<[u8]>,
    used: usize,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pool")
    }
}

impl Default for Pool {
    fn default() -> Self {
        let octets = vec![0; PACKETS * Random::OCTETS].into_boxed_slice();
        Self {
            used: octets.len(),
            octets,
        }
    }
}

impl Pool {
    /// For one packet. Nothing if the kernel gives none: then nothing can be answered safely.
    pub(crate) fn next(&mut self) -> Option<Random> {
        let mut random = [0; Random::OCTETS];
        self.take(&mut random)?;
        Some(Random(random))
    }

    /// For whatever needs no secrets. Without randomness there is no jitter, and nothing worse.
    pub(crate) fn jitter(&mut self) -> u32 {
        let mut octets = [0; 4];
        self.take(&mut octets)
            .map_or(0, |()| u32::from_be_bytes(octets))
    }

    /// What is taken leaves the pool, so that it is never given twice nor found there later.
    fn take(&mut self, out: &mut [u8]) -> Option<()> {
        if self.octets.len() - self.used < out.len() {
            getrandom::fill(&mut self.octets).ok()?;
            self.used = 0;
        }
        let taken = &mut self.octets[self.used..self.used + out.len()];
        out.copy_from_slice(taken);
        taken.zeroize();
        self.used += out.len();
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn nothing_comes_twice() {
        let mut pool = Pool::default();
        let mut seen = HashSet::new();
        for n in 0..1_000 {
            assert!(seen.insert(pool.next().unwrap().0));
            if n % 3 == 0 {
                pool.jitter();
            }
        }
    }
}
