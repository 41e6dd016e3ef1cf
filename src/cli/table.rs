//! Rows in columns that line up, at most as wide as the terminal.

use console::{Alignment, measure_text_width, pad_str};

use super::figures::cut;

/// The narrowest that a column is made when room is short.
const MIN_COLUMN: usize = 8;
/// Space between columns.
const GAP: &str = "  ";

/// A column's head, and where its cells stand.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    pub head: &'static str,
    pub align: Alignment,
    /// Gives room when there is too little; others keep their width.
    pub flexible: bool,
}

impl Column {
    pub const fn left(head: &'static str) -> Column {
        Column { head, align: Alignment::Left, flexible: false }
    }

    pub const fn right(head: &'static str) -> Column {
        Column { head, align: Alignment::Right, flexible: false }
    }

    pub const fn flexible(head: &'static str) -> Column {
        Column { head, align: Alignment::Left, flexible: true }
    }
}

/// Lays rows out; each row has a cell for each column. `width`: columns of the terminal, `None` for no limit. Cells come
/// without control characters.
pub fn lay_out<const N: usize>(columns: &[Column; N], rows: &[[String; N]], width: Option<usize>) -> String {
    let rows: Vec<[String; N]> = rows.iter().map(|row| row.clone().map(|cell| cut(&cell, usize::MAX))).collect();
    let mut widths = [0; N];
    for (index, column) in columns.iter().enumerate() {
        let cells = rows.iter().filter_map(|row| row.get(index)).map(|cell| measure_text_width(cell));
        let widest = cells.chain([measure_text_width(column.head)]).max().unwrap_or(0);
        if let Some(width) = widths.get_mut(index) {
            *width = widest;
        }
    }
    if let Some(width) = width {
        shrink(columns, &mut widths, width);
    }
    let heads = columns.map(|column| column.head.to_owned());
    let mut text = String::new();
    for row in std::iter::once(&heads).chain(&rows) {
        let cells = row.iter().zip(&widths).zip(columns);
        let cells: Vec<_> = cells
            .map(|((cell, width), column)| pad_str(&cut(cell, *width), *width, column.align, None).into_owned())
            .collect();
        text.push_str(cells.join(GAP).trim_end());
        text.push('\n');
    }
    text
}

/// Takes from the widest flexible column what is too much, one terminal column at a time.
fn shrink<const N: usize>(columns: &[Column; N], widths: &mut [usize; N], available: usize) {
    let gaps = GAP.len() * N.saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > available {
        let flexible = widths.iter_mut().zip(columns).filter(|(width, column)| column.flexible && **width > MIN_COLUMN);
        let Some((widest, _)) = flexible.max_by_key(|(width, _)| **width) else { return };
        *widest -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 3] = [Column::flexible("TITLE"), Column::right("SIZE"), Column::left("BY")];

    fn row(cells: [&str; 3]) -> [String; 3] {
        cells.map(str::to_owned)
    }

    #[test]
    fn columns_line_up_also_with_wide_letters() {
        let rows = [row(["Worksheet.pdf", "1.2 MB", "Ann"]), row(["漢字", "3 B", ""])];

        let text = lay_out(&COLUMNS, &rows, None);

        let expected = "TITLE            SIZE  BY\nWorksheet.pdf  1.2 MB  Ann\n漢字              3 B\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_narrow_terminal_shortens_the_titles_and_nothing_else() {
        let rows = [row(["A very long title that goes on", "1.2 MB", "Ann"])];

        let text = lay_out(&COLUMNS, &rows, Some(30));

        assert_eq!(text.lines().nth(1), Some("A very long titl…  1.2 MB  Ann"));
        assert!(text.lines().all(|line| measure_text_width(line) <= 30));
    }

    #[test]
    fn a_title_can_t_break_the_table() {
        let rows = [row(["a\nb\u{1b}[1A", "1 B", ""])];

        assert_eq!(lay_out(&COLUMNS, &rows, None).lines().count(), 2);
    }
}
