//! Fixed work of one thread: what a second is worth on this machine at this moment.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tepui_bench::{CALIBRATION, Contest, Figures, Row, Side, Target, Unit};

use crate::recorded;
use crate::work::Work;

/// What the same work took when the table in `docs/benchmarks.md` was recorded.
const RECORDED: Duration = Duration::from_millis(577);

const NUMBERS: usize = 500_000;

pub fn contest() -> Contest {
    let row = Row::new(CALIBRATION, Unit::Seconds, "took", Target::Shown);
    Contest {
        sides: vec![
            Side::new("calibration", || Ok(Figures::from([("took".to_owned(), work().as_secs_f64())]))),
            recorded::side("calibration: recorded", &[("took", RECORDED)]),
        ],
        rows: vec![row.recorded("recorded with the table", 1)],
    }
}

/// Numbers into an ordered map and out again, by lot: like the cores, mostly looking things up.
fn work() -> Duration {
    let mut random = StdRng::seed_from_u64(1);
    let numbers: Vec<u64> = (0..NUMBERS).map(|_| random.random()).collect();
    let began = Work::begin();
    let mut map = BTreeMap::new();
    for number in &numbers {
        map.insert(*number, number.to_string());
    }
    let length: usize = numbers.iter().filter_map(|number| map.remove(number)).map(|text| text.len()).sum();
    black_box(length);
    began.done()
}
