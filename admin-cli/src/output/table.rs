//! Plain tables: aligned columns, no lines.

use comfy_table::presets::NOTHING;
use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width};

use super::{clean, heading};

/// Blanks between two columns.
const GAP: u16 = 2;

/// Renders rows, under a header of ids of texts if there is one. No column is narrower than `least` says, which
/// then holds the widths: the pages of one list stand under each other.
pub(crate) fn render(
    header: Option<&[&str]>,
    rows: &[Vec<String>],
    least: &mut Vec<u16>,
) -> String {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    if let Some(header) = header {
        table.set_header(header.iter().map(|id| heading(id)));
    }
    for row in rows {
        table.add_row(row.iter().map(|cell| clean(cell).into_owned()));
    }
    let needed = table.column_max_content_widths();
    least.resize(needed.len(), 0);
    for (column, (least, needed)) in table.column_iter_mut().zip(least.iter_mut().zip(needed)) {
        *least = needed.max(*least);
        column.set_padding((0, GAP));
        // A constraint counts the padding.
        let width = Width::Fixed(least.saturating_add(GAP));
        column.set_constraint(ColumnConstraint::LowerBoundary(width));
    }
    table.trim_fmt() + "\n"
}

/// Leaves out columns in which no row has anything.
pub(crate) fn render_used(header: &[&str], rows: &[Vec<String>]) -> String {
    let used: Vec<usize> = (0..header.len())
        .filter(|&column| rows.iter().any(|row| !row[column].is_empty()))
        .collect();
    let header: Vec<&str> = used.iter().map(|&column| header[column]).collect();
    let pick = |row: &Vec<String>| used.iter().map(|&column| row[column].clone()).collect();
    let rows: Vec<Vec<String>> = rows.iter().map(pick).collect();
    render(Some(&header), &rows, &mut Vec::new())
}
