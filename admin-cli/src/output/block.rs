//! Aligned lines of label and value.

use super::clean;

/// Collects lines; those without a value are left out.
#[derive(Debug, Default)]
pub(crate) struct Block {
    lines: Vec<(&'static str, String)>,
}

impl Block {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn with(mut self, label: &'static str, value: impl AsRef<str>) -> Self {
        self.lines.push((label, clean(value.as_ref()).into_owned()));
        self
    }

    pub(crate) fn with_some(self, label: &'static str, value: Option<impl AsRef<str>>) -> Self {
        match value {
            Some(value) => self.with(label, value),
            None => self,
        }
    }

    /// Ends with a line break.
    pub(crate) fn render(&self) -> String {
        let width = self.lines.iter().map(|(label, _)| label.len()).max();
        let width = width.unwrap_or(0);
        self.lines
            .iter()
            .map(|(label, value)| format!("{label:width$}  {value}\n"))
            .collect()
    }
}
