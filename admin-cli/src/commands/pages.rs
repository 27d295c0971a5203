//! How lists are read: a page at a time, as far as was asked.

use sekisho_verifier_socket::admin::PAGE_MAX;
use serde::Serialize;

use crate::Stop;
use crate::cli::Limit;
use crate::failure::Failure;
use crate::output::Output;
use crate::output::list::{Columns, ListWriter};

/// The most rows of one command.
const ROWS_MAX: usize = 1_000_000;

/// Prints what `next` reads, which is told how many rows to ask for. A page may be short without
/// being the last; only an empty one is the end.
pub(super) fn print<T: Serialize>(
    limit: &Limit,
    columns: Columns<T>,
    output: &mut Output,
    mut next: impl FnMut(u16) -> Result<Vec<T>, Failure>,
) -> Result<(), Stop> {
    let mut remaining = Remaining::new(limit);
    // Nothing is printed before the first answer: it may be a refusal.
    let mut page = next(remaining.to_ask())?;
    let mut writer = ListWriter::new(output, columns)?;
    let more = loop {
        let more = remaining.take(&mut page);
        writer.page(&page)?;
        if more || page.is_empty() {
            break more;
        }
        page = next(remaining.to_ask())?;
    };
    Ok(writer.end(more)?)
}

/// How many rows are still wanted.
#[derive(Debug)]
pub(crate) struct Remaining {
    rows: usize,
}

impl Remaining {
    pub(crate) fn new(limit: &Limit) -> Self {
        Self {
            rows: if limit.all {
                ROWS_MAX
            } else {
                limit.limit as usize
            },
        }
    }

    /// How many rows to ask for: one more than wanted tells whether there is more.
    pub(crate) fn to_ask(&self) -> u16 {
        u16::try_from(self.rows + 1)
            .unwrap_or(PAGE_MAX)
            .min(PAGE_MAX)
    }

    /// Cuts a page to what is wanted; says whether there was more.
    pub(crate) fn take<T>(&mut self, page: &mut Vec<T>) -> bool {
        let more = page.len() > self.rows;
        page.truncate(self.rows);
        self.rows -= page.len();
        more
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_end_at_the_limit_and_know_of_more() {
        const REST: u16 = 7;
        let limit = Limit {
            limit: u32::from(PAGE_MAX + REST),
            all: false,
        };
        let mut remaining = Remaining::new(&limit);
        assert_eq!(remaining.to_ask(), PAGE_MAX);
        assert!(!remaining.take(&mut vec![(); PAGE_MAX.into()]));
        assert_eq!(remaining.to_ask(), REST + 1);
        let mut page = vec![(); usize::from(REST) + 1];
        assert!(remaining.take(&mut page));
        assert_eq!(page.len(), usize::from(REST));
    }
}
