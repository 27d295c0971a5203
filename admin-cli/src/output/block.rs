//! Aligned lines of label and value.

use super::{clean, heading};
use crate::usage::width;

/// Blanks between the widest label and its value.
const GAP: usize = 2;

/// Collects lines; those without a value are left out.
#[derive(Debug, Default)]
pub(crate) struct Block {
    lines: Vec<(String, String)>,
}

impl Block {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A label is the id of a text, or a text itself.
    pub(crate) fn with(mut self, label: impl Into<String>, value: impl AsRef<str>) -> Self {
        let value = clean(value.as_ref()).into_owned();
        self.lines.push((heading(&label.into()), value));
        self
    }

    pub(crate) fn with_some(
        self,
        label: impl Into<String>,
        value: Option<impl AsRef<str>>,
    ) -> Self {
        match value {
            Some(value) => self.with(label, value),
            None => self,
        }
    }

    /// Ends with a line break.
    pub(crate) fn render(&self) -> String {
        self.lines
            .iter()
            .map(|(label, value)| format!("{}{value}\n", self.padded(label)))
            .collect()
    }

    /// A label that stands under those of the block, up to its value.
    pub(crate) fn label(&self, label: &str) -> String {
        self.padded(&heading(label))
    }

    /// As wide as a terminal shows the widest label, and a gap.
    fn padded(&self, label: &str) -> String {
        let widest = self.lines.iter().map(|(label, _)| width(label)).max();
        let blanks = (widest.unwrap_or(0) + GAP).saturating_sub(width(label));
        format!("{label}{:blanks$}", "")
    }
}
