//! Peers that are figures: measured once elsewhere, and said to be so.

use std::time::Duration;

use tepui_bench::{Figures, Side};

/// A side that measures nothing.
pub fn side(name: &str, figures: &[(&str, Duration)]) -> Side {
    let figures: Vec<(&str, f64)> = figures.iter().map(|(name, took)| (*name, took.as_secs_f64())).collect();
    side_of(name, &figures)
}

/// The same of whatever the rows' unit is.
pub fn side_of(name: &str, figures: &[(&str, f64)]) -> Side {
    let figures: Figures = figures.iter().map(|(name, figure)| ((*name).to_owned(), *figure)).collect();
    Side::new(name, move || Ok(figures.clone()))
}
