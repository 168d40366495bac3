//! Peers that are figures: measured once elsewhere, and said to be so.

use std::time::Duration;

use tepui_bench::{Figures, Side};

/// A side that measures nothing.
pub fn side(name: &str, figures: &[(&str, Duration)]) -> Side {
    let figures: Figures =
        figures.iter().map(|(name, took)| ((*name).to_owned(), took.as_secs_f64())).collect();
    Side::new(name, move || Ok(figures.clone()))
}
