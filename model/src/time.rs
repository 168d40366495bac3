//! A moment, as a number the shell hands to a core.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tepui_proto::v1;

/// A moment in nanoseconds since the Unix epoch, from 1970 to the year 2554. Arithmetic stops at the ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Time(u64);

const NANOS: u64 = 1_000_000_000;

impl Time {
    /// The epoch; where virtual time starts.
    pub const ZERO: Self = Self(0);
    /// The last moment that can be told.
    pub const MAX: Self = Self(u64::MAX);

    /// Nanoseconds since the epoch.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Seconds since the epoch.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(NANOS))
    }

    /// Seconds since the epoch; what is negative or not a number is the epoch.
    pub fn from_secs_f64(secs: f64) -> Self {
        Self((secs * NANOS as f64).round() as u64)
    }

    /// Nanoseconds since the epoch.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch.
    pub const fn as_secs(self) -> u64 {
        self.0 / NANOS
    }

    /// Seconds since the epoch, as `TaskStatus.timestamp` wants them (exact to about 100 ns in this century).
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / NANOS as f64
    }

    /// How long ago `earlier` was; zero if it is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos(duration)))
    }
}

impl AddAssign<Duration> for Time {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub<Duration> for Time {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(duration)))
    }
}

impl Sub for Time {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl From<&v1::TimeInfo> for Time {
    /// A negative moment is the epoch.
    fn from(wire: &v1::TimeInfo) -> Self {
        Self(u64::try_from(wire.nanoseconds).unwrap_or(0))
    }
}

impl From<Time> for v1::TimeInfo {
    fn from(time: Time) -> Self {
        Self { nanoseconds: i64::try_from(time.0).unwrap_or(i64::MAX) }
    }
}

/// Virtual times start at zero and print as a stopwatch; from here on a date reads better.
const FIRST_DATE: Time = Time::from_secs(100 * 24 * 3600);

impl fmt::Display for Time {
    /// `0:05`, `1:00:00.250` (minutes and hours since zero) for the first hundred days, then `2026-11-21T03:52:34Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secs = self.as_secs();
        if *self < FIRST_DATE {
            let (hours, minutes, seconds) = (secs / 3600, secs / 60 % 60, secs % 60);
            match hours {
                0 => write!(f, "{minutes}:{seconds:02}")?,
                _ => write!(f, "{hours}:{minutes:02}:{seconds:02}")?,
            }
            return write_fraction(f, self.0 % NANOS);
        }
        let (year, month, day) = date(secs / 86_400);
        let (hours, minutes, seconds) = (secs / 3600 % 24, secs / 60 % 60, secs % 60);
        write!(f, "{year}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}")?;
        write_fraction(f, self.0 % NANOS)?;
        f.write_str("Z")
    }
}

fn write_fraction(f: &mut fmt::Formatter<'_>, nanos: u64) -> fmt::Result {
    if nanos == 0 {
        return Ok(());
    }
    if nanos.is_multiple_of(1_000_000) {
        return write!(f, ".{:03}", nanos / 1_000_000);
    }
    write!(f, ".{nanos:09}")
}

/// Year, month and day of a day since the epoch (proleptic Gregorian; eras of 400 years, years starting in March).
fn date(day: u64) -> (u64, u64, u64) {
    let day = day + 719_468;
    let (era, day) = (day / 146_097, day % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_times_print_as_a_stopwatch_and_long_ones_as_a_date() {
        assert_eq!(Time::from_secs(5).to_string(), "0:05");
        assert_eq!(Time::from_secs(3600 + 61).to_string(), "1:01:01");
        assert_eq!((Time::ZERO + Duration::from_millis(1_250)).to_string(), "0:01.250");
        assert_eq!(Time::from_secs(1_795_233_154).to_string(), "2026-11-21T03:52:34Z");
        assert_eq!(Time::from_secs(951_782_400).to_string(), "2000-02-29T00:00:00Z");
    }

    #[test]
    fn arithmetic_stops_at_the_ends() {
        assert_eq!(Time::ZERO - Duration::from_secs(1), Time::ZERO);
        assert_eq!(Time::MAX + Duration::MAX, Time::MAX);
        assert_eq!(Time::ZERO - Time::from_secs(3), Duration::ZERO);
        assert_eq!(Time::from_secs(3) - Time::ZERO, Duration::from_secs(3));
        assert_eq!(Time::from_secs_f64(f64::NAN), Time::ZERO);
        assert_eq!(Time::from_secs_f64(-1.0), Time::ZERO);
        assert_eq!(Time::from_secs_f64(1.5), Time::from_nanos(1_500_000_000));
    }

    #[test]
    fn a_time_goes_through_its_message() {
        let time = Time::from_secs(1_795_233_154);

        assert_eq!(Time::from(&v1::TimeInfo::from(time)), time);
        assert_eq!(Time::from(&v1::TimeInfo { nanoseconds: -1 }), Time::ZERO);
    }
}
