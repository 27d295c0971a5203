//! The embedded store passes the suite of all stores.

use sekisho_store_embedded::{EmbeddedStore, Options};
use sekisho_verifier::note::SIGNING_KEY_OCTETS;
use sekisho_verifier::store::Store;
use sekisho_verifier::testing::sample::keyring;
use sekisho_verifier::testing::suite::Subject;
use tempfile::TempDir;
use zeroize::Zeroizing;

/// Small, so that the cases reach over several segments.
const SMALL_SEGMENT: u64 = 4 << 10;

struct Embedded {
    folder: TempDir,
    store: Option<EmbeddedStore>,
    segment_octets: Option<u64>,
    /// Closed in order, or dropped as after a crash.
    close: bool,
}

impl Embedded {
    fn new(segment_octets: Option<u64>, close: bool) -> Self {
        let mut embedded = Self {
            folder: tempfile::tempdir().expect("a folder"),
            store: None,
            segment_octets,
            close,
        };
        embedded.open();
        embedded
    }

    fn open(&mut self) {
        let options = Options {
            segment_octets: self.segment_octets,
            signing_key: Some(Zeroizing::new([3; SIGNING_KEY_OCTETS])),
            ..Options::new(keyring())
        };
        let store = EmbeddedStore::open(self.folder.path(), options);
        self.store = Some(store.expect("the store opens"));
    }
}

impl Subject for Embedded {
    fn store(&mut self) -> &mut dyn Store {
        self.store.as_mut().expect("it is open")
    }

    fn reopen(&mut self) {
        let store = self.store.take().expect("it is open");
        if self.close {
            store.close();
        } else {
            drop(store);
        }
        self.open();
    }
}

sekisho_verifier::store_conformance!(closed_in_order, Embedded::new(None, true));
sekisho_verifier::store_conformance!(dropped, Embedded::new(None, false));
sekisho_verifier::store_conformance!(small_segments, Embedded::new(Some(SMALL_SEGMENT), true));
