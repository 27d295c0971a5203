//! Long lists, page by page as they come.

use std::io;

use sekisho_admin_cli::language::word;
use sekisho_admin_cli::text;
use serde::Serialize;

use super::{Output, hint, json, table};

/// What the rows of a list look like.
#[derive(Debug)]
pub(crate) struct Columns<T> {
    /// What the rows are, in the plural: the key in JSON, and a word for people.
    pub(crate) name: &'static str,
    pub(crate) header: &'static [&'static str],
    pub(crate) row: fn(&T) -> Vec<String>,
}

/// Writes the pages of one list: one table, or one JSON object.
#[derive(Debug)]
pub(crate) struct ListWriter<'a, T> {
    output: &'a mut Output,
    columns: Columns<T>,
    rows: usize,
    widths: Vec<u16>,
}

impl<'a, T: Serialize> ListWriter<'a, T> {
    pub(crate) fn new(output: &'a mut Output, columns: Columns<T>) -> io::Result<Self> {
        if output.is_json() {
            output.text(&format!("{{\"{}\":[", columns.name))?;
        }
        Ok(Self {
            output,
            columns,
            rows: 0,
            widths: Vec::new(),
        })
    }

    pub(crate) fn page(&mut self, page: &[T]) -> io::Result<()> {
        if self.output.is_json() {
            return self.page_of_json(page);
        }
        if page.is_empty() {
            return Ok(());
        }
        let rows: Vec<_> = page.iter().map(self.columns.row).collect();
        let header = Some(self.columns.header).filter(|_| self.rows == 0);
        self.rows += rows.len();
        let table = table::render(header, &rows, &mut self.widths);
        self.output.text(&table)
    }

    fn page_of_json(&mut self, page: &[T]) -> io::Result<()> {
        for view in page {
            let comma = if self.rows == 0 { "" } else { "," };
            self.output.text(&format!("{comma}{}", json::value(view)))?;
            self.rows += 1;
        }
        Ok(())
    }

    /// Says whether there is more than was shown.
    pub(crate) fn end(self, more: bool) -> io::Result<()> {
        if self.output.is_json() {
            return self.output.line(&format!("],\"more\":{more}}}"));
        }
        if self.rows == 0 {
            hint(&text!("list-none", rows = word("rows", self.columns.name)));
        } else if more {
            self.output.finish()?;
            hint(&text!("list-more", rows = word("rows", self.columns.name)));
        }
        Ok(())
    }
}
