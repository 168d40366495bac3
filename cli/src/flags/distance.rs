//! Finds the name that somebody may have meant.

/// The known name that needs the fewest changes, if they are few enough to be a slip.
pub fn nearest(written: &str, known: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let slip = (written.len() / 3).clamp(2, 4);
    known
        .map(|name| (changes(written, name), name))
        .min()
        .filter(|(changes, _)| *changes <= slip)
        .map(|(_, name)| name)
}

/// Characters to insert, remove or replace: Levenshtein's distance, row by row.
fn changes(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, character) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, other) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(character != *other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_a_slip_away() {
        let known = ["work_dir", "webui_dir", "port"];

        assert_eq!(nearest("wrok_dir", known.into_iter()), Some("work_dir"));
        assert_eq!(nearest("prot", known.into_iter()), Some("port"));
        assert_eq!(nearest("colour", known.into_iter()), None);
    }
}
