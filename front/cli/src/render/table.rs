// SPDX-License-Identifier: Apache-2.0
//! Columns as Docker's tabwriter sets them: at least ten wide, three apart.

const WIDTH_MIN: usize = 10;
const PADDING: usize = 3;

/// Aligns the cells of lines that are separated by tabs; text after the last tab is not padded.
pub(crate) fn align(lines: &[String]) -> String {
    let rows: Vec<Vec<&str>> = lines.iter().map(|line| line.split('\t').collect()).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let cells = rows.iter().filter(|row| column + 1 < row.len()).map(|row| row[column]);
            let widest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
            (widest + PADDING).max(WIDTH_MIN)
        })
        .collect();
    let mut text = String::new();
    for row in &rows {
        for (column, cell) in row.iter().enumerate() {
            text.push_str(cell);
            if column + 1 < row.len() {
                let width = cell.chars().count();
                text.extend(std::iter::repeat_n(' ', widths[column].saturating_sub(width)));
            }
        }
        text.push('\n');
    }
    text
}

/// Cuts a text to `length` characters, the last one an ellipsis.
pub(crate) fn ellipsis(text: &str, length: usize) -> String {
    if text.chars().count() <= length {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(length.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn align_pads_to_ten_and_keeps_three_apart() {
        let lines = ["IMAGE\tID\tNAMES".to_owned(), "a-rather-long-one\tx\ty".to_owned()];
        assert_eq!(
            align(&lines),
            "IMAGE               ID        NAMES\n\
             a-rather-long-one   x         y\n"
        );
    }

    #[test]
    fn ellipsis_counts_characters() {
        assert_eq!(ellipsis("häßlich", 7), "häßlich");
        assert_eq!(ellipsis("häßlich!", 7), "häßlic…");
    }
}
