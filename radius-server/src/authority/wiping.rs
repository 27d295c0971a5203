//! A buffer for octets that hold codes: whatever leaves it is wiped, and so is what it outgrows.

use zeroize::{Zeroize, Zeroizing};

/// Enough for a few hundred attempts; grows when more wait.
const FIRST_CAPACITY: usize = 64 * 1024;

/// Octets that are appended at the end and consumed from the front.
#[derive(Default)]
pub(crate) struct WipingBuffer {
    octets: Zeroizing<Vec<u8>>,
    consumed: usize,
}

impl std::fmt::Debug for WipingBuffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WipingBuffer({} octets)", self.unread().len())
    }
}

impl WipingBuffer {
    pub(crate) fn push(&mut self, octets: &[u8]) {
        self.make_room(octets.len());
        self.octets.extend_from_slice(octets);
    }

    /// Moves everything from `other` to the end of this.
    pub(crate) fn append(&mut self, other: &mut Self) {
        if self.is_empty() {
            std::mem::swap(self, other);
        } else {
            self.push(other.unread());
        }
        other.clear();
    }

    pub(crate) fn unread(&self) -> &[u8] {
        &self.octets[self.consumed..]
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.unread().is_empty()
    }

    pub(crate) fn consume(&mut self, count: usize) {
        self.consumed += count;
        if self.is_empty() {
            self.clear();
        }
    }

    pub(crate) fn clear(&mut self) {
        // Only what was written: to wipe the whole capacity each time would cost more than to
        // write it.
        self.octets.as_mut_slice().zeroize();
        self.octets.clear();
        self.consumed = 0;
    }

    /// A Vec that grows by itself leaves its old octets behind.
    fn make_room(&mut self, more: usize) {
        let needed = self.octets.len() + more;
        if needed <= self.octets.capacity() {
            return;
        }
        let capacity = (2 * needed).max(FIRST_CAPACITY);
        let mut larger = Zeroizing::new(Vec::with_capacity(capacity));
        larger.extend_from_slice(self.unread());
        // The old one is wiped as it is dropped.
        self.octets = larger;
        self.consumed = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_come_out_in_order_however_they_are_moved() {
        let mut buffer = WipingBuffer::default();
        let mut expected = Vec::new();
        for n in 0..300_u32 {
            let mut other = WipingBuffer::default();
            other.push(&n.to_be_bytes());
            other.push(&[7; 500]);
            expected.extend(n.to_be_bytes());
            expected.extend([7; 500]);
            buffer.append(&mut other);
            assert!(other.is_empty());
            if n % 3 == 0 {
                buffer.consume(100);
                expected.drain(..100);
            }
        }
        assert_eq!(buffer.unread(), expected);
        buffer.consume(expected.len());
        assert!(buffer.is_empty());
    }
}
