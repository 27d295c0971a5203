//! What a journal begins with: its first segment, or a snapshot that stands for segments that are
//! not there any more.

use std::collections::BTreeMap;
use std::sync::Arc;

use sekisho_verifier::note::PublicKey;

use crate::disk::Disk;
use crate::error::{Damage, OpenError};
use crate::records::Records;
use crate::recovery::{Point, Start};
use crate::segment::{FIRST, Header, file_name};
use crate::segments;
use crate::snapshot::{self, Head};
use crate::stamp::NO_STAMP;

/// The segments that there are, and what stands for those before them.
#[derive(Debug)]
pub(crate) struct Beginning {
    pub(crate) headers: BTreeMap<u64, Header>,
    pub(crate) first: Header,
    last: Header,
    /// The newest snapshot: its name and what it says.
    pub(crate) snapshot: Option<(String, Head)>,
}

/// The segment that goes on from a snapshot where there is none: that of a backup without history.
pub(crate) fn behind_snapshot(disk: &dyn Disk) -> Result<Option<Header>, OpenError> {
    let Some(name) = snapshot::newest(disk)? else {
        return Ok(None);
    };
    let head = snapshot::head(disk, &name)?;
    Ok(Some(Header {
        stamp: NO_STAMP,
        epoch: head.epoch,
        store: head.store,
        number: head.segment + 1,
        first_position: head.point.position + 1,
        previous: head.point.hash,
    }))
}

impl Beginning {
    /// Looks for segments and snapshot. `None` if there is no segment.
    pub(crate) fn find(disk: &dyn Disk) -> Result<Option<Self>, OpenError> {
        let headers = segments::headers(disk)?;
        let ends = (headers.values().next(), headers.values().next_back());
        let (Some(&first), Some(&last)) = ends else {
            return Ok(None);
        };
        let name = snapshot::newest(disk)?;
        let snapshot = match name.map(|name| Ok((snapshot::head(disk, &name)?, name))) {
            None => None,
            Some(Ok((head, name))) => Some((name, head)),
            // The journal says everything that it could say.
            Some(Err(_)) if first.number == FIRST => None,
            Some(Err(error)) => return Err(error),
        };
        let beginning = Self {
            headers,
            first,
            last,
            snapshot,
        };
        beginning.is_covered(disk)?;
        Ok(Some(beginning))
    }

    /// The snapshot must stand for every segment that is not there, and for this journal.
    fn is_covered(&self, disk: &dyn Disk) -> Result<(), OpenError> {
        let (first, last) = (&self.first, &self.last);
        let missing = || OpenError::Missing {
            file: disk.path(&file_name(first.number - 1)),
        };
        let Some((name, head)) = &self.snapshot else {
            return if self.is_whole() {
                Ok(())
            } else {
                Err(missing())
            };
        };
        let next = head.point.position + 1;
        let joined = head.point.hash == first.previous;
        if head.exported && !(joined && self.was_restored_from(head)) {
            return Err(OpenError::Damaged {
                file: disk.path(name),
                offset: 0,
                damage: Damage::Exported,
            });
        }
        let foreign = head.store != first.store || head.epoch > last.epoch;
        if foreign || (next == first.first_position && !joined) {
            return Err(OpenError::Damaged {
                file: disk.path(name),
                offset: 0,
                damage: Damage::SnapshotJoint,
            });
        }
        // Positions are skipped where an epoch begins.
        let skipped = head.epoch < first.epoch && joined;
        match next < first.first_position && !skipped {
            true => Err(missing()),
            false => Ok(()),
        }
    }

    /// Whether the first segment is the one that a restore has put behind this snapshot: an epoch
    /// begins behind it, if anything does. A store that goes on has none that fits, for a snapshot
    /// is made when its last segment has begun.
    fn was_restored_from(&self, head: &Head) -> bool {
        let first = &self.first;
        let behind = self.headers.get(&(first.number + 1));
        first.number == head.segment + 1
            && first.first_position == head.point.position + 1
            && first.epoch == head.epoch
            && behind.is_none_or(|behind| behind.epoch > first.epoch)
    }

    /// Whether no segment was ever removed.
    pub(crate) fn is_whole(&self) -> bool {
        self.first.number == FIRST
    }

    /// The header of the last segment.
    pub(crate) fn last(&self) -> Header {
        self.last
    }

    /// Whether what follows on `point` is there.
    pub(crate) fn has(&self, point: &Point) -> bool {
        point
            .group
            .map_or(self.is_whole(), |group| group.segment >= self.first.number)
    }

    /// Takes the records from the snapshot, if there is one that is needed or good. All of it is
    /// verified before.
    pub(crate) fn load(
        &self,
        disk: &dyn Disk,
        key: Option<&PublicKey>,
        records: &mut Records,
    ) -> Result<Option<Start>, OpenError> {
        let Some((name, _)) = &self.snapshot else {
            return Ok(None);
        };
        let mut loaded = Records::new(Arc::clone(records.keyring()), records.digests());
        let mut put = |key, value| loaded.load(key, value);
        let head = match snapshot::read(disk, name, key, &mut put) {
            Ok(head) => head,
            Err(_) if self.is_whole() => return Ok(None),
            Err(error) => return Err(error),
        };
        loaded.set_summary(head.summary);
        loaded.tracker().index_is_empty();
        *records = loaded;
        Ok(Some(self.start(&head)))
    }

    /// Where to go on from a snapshot.
    pub(crate) fn start(&self, head: &Head) -> Start {
        let mut point = head.point;
        if !self.has(&point) {
            point.group = None;
        }
        Start {
            point: Some(point),
            seen: head.point.position,
        }
    }
}
