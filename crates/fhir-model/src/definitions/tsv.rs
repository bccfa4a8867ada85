//! Tab-separated tables, as `cargo run -p xtask -- definitions` writes them.

/// The rows below the header.
pub(super) fn rows<const N: usize>(table: &'static str) -> impl Iterator<Item = [&'static str; N]> {
    table.lines().filter(|row| !row.starts_with('#')).map(cells)
}

/// The cells of a row; empty ones at its end may be missing.
fn cells<const N: usize>(row: &'static str) -> [&'static str; N] {
    let mut cells = row.split('\t');
    std::array::from_fn(|_| cells.next().unwrap_or_default())
}

/// The names of a cell, separated by commas.
pub(super) fn list(cell: &'static str) -> impl Iterator<Item = &'static str> {
    cell.split(',').filter(|name| !name.is_empty())
}
