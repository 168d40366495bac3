//! Durations as Mesos writes them in flags and messages: `10secs`, `1.5mins`, `500ms`.

use std::fmt;
use std::time::Duration;

/// Units and their nanoseconds, smallest first.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("secs", 1_000_000_000),
    ("mins", 60_000_000_000),
    ("hrs", 3_600_000_000_000),
    ("days", 86_400_000_000_000),
    ("weeks", 604_800_000_000_000),
];

/// The longest duration Mesos can tell: nanoseconds in an i64, about 292 years.
pub const LONGEST: Duration = Duration::from_nanos(i64::MAX as u64);

/// Why a text or number is not a duration.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum InvalidDuration {
    /// No unit, or no number before it.
    #[error("invalid duration '{0}'; write a number and a unit, such as '10secs'")]
    Malformed(String),
    /// A unit Mesos does not know.
    #[error(
        "unknown duration unit '{unit}' in '{text}'; supported units are 'ns', 'us', 'ms', 'secs', 'mins', 'hrs', \
         'days', and 'weeks'"
    )]
    Unit {
        /// The unit.
        unit: String,
        /// The whole text.
        text: String,
    },
    /// More than 292 years.
    #[error("duration '{0}' is longer than 292 years, the longest that 64-bit nanoseconds can tell")]
    TooLong(String),
    /// Negative or not a number of seconds.
    #[error("{0} is not a duration in seconds")]
    NotSeconds(f64),
}

/// Reads `1.5mins`. Negative durations have no text.
pub fn parse(text: &str) -> Result<Duration, InvalidDuration> {
    let malformed = || InvalidDuration::Malformed(text.to_owned());
    let at = text.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(malformed)?;
    let (number, unit) = text.split_at(at);
    let number: f64 = number.parse().map_err(|_| malformed())?;
    let (_, factor) = UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .ok_or_else(|| InvalidDuration::Unit { unit: unit.to_owned(), text: text.to_owned() })?;
    let nanos = number * *factor as f64;
    if nanos >= i64::MAX as f64 {
        return Err(InvalidDuration::TooLong(text.to_owned()));
    }
    Ok(Duration::from_nanos(nanos as u64))
}

/// Reads seconds as messages carry them (`failover_timeout`, `refuse_seconds`).
pub fn from_secs(secs: f64) -> Result<Duration, InvalidDuration> {
    let nanos = secs * 1e9;
    if nanos.is_nan() || nanos < 0.0 {
        return Err(InvalidDuration::NotSeconds(secs));
    }
    if nanos >= i64::MAX as f64 {
        return Err(InvalidDuration::TooLong(format!("{secs}secs")));
    }
    Ok(Duration::from_nanos(nanos as u64))
}

/// Prints a duration in the unit that reads best: `90secs`, `1.5hrs` is `90mins`.
pub fn print(duration: Duration) -> DurationText {
    DurationText(duration)
}

/// A duration that displays as Mesos prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DurationText(Duration);

impl fmt::Display for DurationText {
    /// Picks the largest unit not above the duration; if that gives a fraction and the next smaller unit does not,
    /// takes that.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = u64::try_from(self.0.as_nanos()).unwrap_or(u64::MAX);
        let bucket = UNITS.iter().rposition(|(_, factor)| nanos >= *factor).unwrap_or(0);
        let whole_below = bucket > 0 && nanos.is_multiple_of(UNITS[bucket - 1].1);
        let fraction = !nanos.is_multiple_of(UNITS[bucket].1);
        let (unit, factor) = if fraction && whole_below { UNITS[bucket - 1] } else { UNITS[bucket] };
        write!(f, "{}{unit}", significant(nanos as f64 / factor as f64))
    }
}

/// The shortest decimal with 15 significant digits, which C++ streams print at full precision.
fn significant(value: f64) -> f64 {
    format!("{value:.14e}").parse().expect("a number printed by us is a number")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_in_every_unit() {
        let ms = |text: &str| parse(text).unwrap().as_millis();

        assert_eq!(ms("10secs"), 10_000);
        assert_eq!(ms("1.5mins"), 90_000);
        assert_eq!(ms("500ms"), 500);
        assert_eq!(ms("1hrs"), 3_600_000);
        assert_eq!(ms("2days"), 172_800_000);
        assert_eq!(ms("1weeks"), 604_800_000);
        assert_eq!(parse("3us").unwrap(), Duration::from_micros(3));
        assert_eq!(parse("7ns").unwrap(), Duration::from_nanos(7));
    }

    #[test]
    fn a_bad_duration_names_what_is_wrong() {
        let why = |text: &str| parse(text).unwrap_err().to_string();

        assert_eq!(why("10"), "invalid duration '10'; write a number and a unit, such as '10secs'");
        assert_eq!(why("-5secs"), "invalid duration '-5secs'; write a number and a unit, such as '10secs'");
        assert_eq!(why(""), "invalid duration ''; write a number and a unit, such as '10secs'");
        assert!(why("10s").starts_with("unknown duration unit 's' in '10s'; supported units are 'ns', 'us'"));
        assert!(why("1000000weeks").starts_with("duration '1000000weeks' is longer than 292 years"));
        assert!(
            from_secs(-1.0).is_err() && from_secs(f64::NAN).is_err() && from_secs(f64::INFINITY).is_err()
        );
    }

    #[test]
    fn durations_print_in_the_unit_that_reads_best() {
        let text = |duration| print(duration).to_string();

        assert_eq!(text(Duration::ZERO), "0ns");
        assert_eq!(text(Duration::from_secs(10)), "10secs");
        assert_eq!(text(Duration::from_secs(90)), "90secs");
        assert_eq!(text(Duration::from_secs(120)), "2mins");
        assert_eq!(text(Duration::from_millis(1_500)), "1500ms");
        assert_eq!(text(Duration::from_secs(10 * 86_400)), "10days");
        assert_eq!(text(Duration::from_nanos(1_234_567)), "1.234567ms");
        assert_eq!(text(Duration::from_nanos(1_500)), "1500ns");
        assert_eq!(text(Duration::from_secs(86_400) + Duration::from_nanos(1)), "1.00000000000001days");
    }

    #[test]
    fn a_whole_number_of_milliseconds_is_read_back() {
        for ms in [1, 999, 1_000, 61_000, 3_600_000, 90_061_001, 604_800_000] {
            let duration = Duration::from_millis(ms);
            let back = parse(&print(duration).to_string()).unwrap();
            assert!(back.abs_diff(duration) < Duration::from_micros(1), "{}", print(duration));
        }
    }
}
