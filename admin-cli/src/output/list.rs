//! Long lists, page by page as they come.

use std::io;

use serde::Serialize;

use super::{Output, hint, json, table};

/// Writes the pages of one list: one table, or one JSON object.
#[derive(Debug)]
pub(crate) struct ListWriter<'a> {
    output: &'a mut Output,
    /// What the rows are, in the plural.
    name: &'static str,
    header: &'static [&'static str],
    rows: usize,
    widths: Vec<u16>,
}

impl<'a> ListWriter<'a> {
    pub(crate) fn new(
        output: &'a mut Output,
        name: &'static str,
        header: &'static [&'static str],
    ) -> io::Result<Self> {
        if output.is_json() {
            output.text(&format!("{{\"{name}\":["))?;
        }
        Ok(Self {
            output,
            name,
            header,
            rows: 0,
            widths: Vec::new(),
        })
    }

    pub(crate) fn page<T: Serialize>(
        &mut self,
        page: &[T],
        row: impl Fn(&T) -> Vec<String>,
    ) -> io::Result<()> {
        if self.output.is_json() {
            return self.page_of_json(page);
        }
        if page.is_empty() {
            return Ok(());
        }
        let rows: Vec<_> = page.iter().map(row).collect();
        let header = Some(self.header).filter(|_| self.rows == 0);
        self.rows += rows.len();
        let table = table::render(header, &rows, &mut self.widths);
        self.output.text(&table)
    }

    fn page_of_json<T: Serialize>(&mut self, page: &[T]) -> io::Result<()> {
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
            hint(&format!("no {}", self.name));
        } else if more {
            self.output.finish()?;
            hint(&format!("there are more {}: --limit, --all", self.name));
        }
        Ok(())
    }
}
