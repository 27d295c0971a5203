//! The last step of opening: nobody relies on what is not durable.

use std::collections::BTreeMap;

use crate::disk::{Disk, write_full, write_zeros};
use crate::error::OpenError;
use crate::frame;
use crate::recovery::{GroupPlace, Recovered};
use crate::scan::Scanner;
use crate::segment::{Header, TEMPORARY, file_name};
use crate::segments::{is_compressed, open};
use crate::{archive, snapshot};

/// What was being made when the process ended.
const LEFT_OVER: [&str; 4] = [
    TEMPORARY,
    archive::TEMPORARY,
    snapshot::TEMPORARY,
    snapshot::EXPORTED,
];

/// Makes the end of the journal what it was found to be, durably, before anybody relies on it.
///
/// The last group is written once more: after a sync that failed, the system may hold in memory
/// what the disk does not have, and think that nothing is left to be written.
pub(crate) fn settle(
    disk: &dyn Disk,
    recovered: &Recovered,
    headers: &BTreeMap<u64, Header>,
) -> Result<(), OpenError> {
    let number = recovered.last.number;
    let path = disk.path(&file_name(number));
    let failed = |doing| move |error: std::io::Error| OpenError::io(&path, doing, &error);
    let file = open(disk, number)?;
    if recovered.torn > 0 {
        let end = recovered.end + recovered.torn;
        write_zeros(&*file, recovered.end, end).map_err(failed.clone()("cut"))?;
    }
    if let Some(group) = recovered.point.group
        && !is_compressed(disk, group.segment)
    {
        write_again(disk, recovered, group)?;
    }
    file.sync().map_err(failed.clone()("sync"))?;
    let names = disk.names().map_err(failed.clone()("list the folder of"))?;
    for name in LEFT_OVER {
        if names.iter().any(|found| found == name) {
            disk.remove(name)
                .map_err(failed.clone()("tidy up behind"))?;
        }
    }
    if headers.contains_key(&(number + 1)) {
        let half_made = file_name(number + 1);
        disk.remove(&half_made)
            .map_err(failed.clone()("tidy up behind"))?;
    }
    disk.sync_names().map_err(failed("sync the folder of"))
}

fn write_again(disk: &dyn Disk, recovered: &Recovered, group: GroupPlace) -> Result<(), OpenError> {
    let path = disk.path(&file_name(group.segment));
    let failed = |error: std::io::Error| OpenError::io(&path, "write", &error);
    let file = open(disk, group.segment)?;
    let end = file.octets().map_err(failed)?;
    let mut scanner = Scanner::new(&*file, end);
    let mut offset = group.offset;
    while let Some(head) = scanner.head(offset).map_err(failed)? {
        let octets = head.frame_octets();
        let Some(frame) = scanner.frame(offset).map_err(failed)? else {
            break;
        };
        // What a power cut took of its filling is made whole.
        let mut frame = frame.octets.to_vec();
        frame::pad(&mut frame);
        write_full(&*file, &frame, offset).map_err(failed)?;
        offset += octets;
        if head.position >= recovered.point.position {
            break;
        }
    }
    file.sync().map_err(failed)
}
