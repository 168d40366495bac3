//! Tables for people: columns as wide as their widest cell.

use std::fmt::Write;

/// Lines of a heading and its rows, two spaces between columns.
pub fn columns(heading: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = heading.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = line(&widths, heading.iter().copied());
    for row in rows {
        text += &line(&widths, row.iter().map(String::as_str));
    }
    text
}

fn line<'a>(widths: &[usize], cells: impl Iterator<Item = &'a str>) -> String {
    let mut line = String::new();
    for (width, cell) in widths.iter().zip(cells) {
        // What others chose, like a task's name, must not move the cursor.
        let cell: String = cell.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
        let _ = write!(line, "{cell:width$}  ");
    }
    format!("{}\n", line.trim_end())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn cells_stand_below_each_other() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();

        let table =
            columns(&["ID", "NAME", "STATE"], &[row(["1", "a\x1b[2J", "up"]), row(["123", "", "down"])]);

        expect![[r#"
            ID   NAME   STATE
            1    a?[2J  up
            123         down
        "#]]
        .assert_eq(&table);
    }
}
