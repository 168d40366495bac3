//! How much more than usual this process logs, for a while: what `/logging/toggle` and SET_LOGGING_LEVEL set.
//!
//! The numbers are glog's: 0 is the usual, 1 adds what is worth knowing when something is looked into, 2 and more everything.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use libactor::Clock;
use tepui_model::duration;
use tepui_proto::v1::DurationInfo;
use tokio::task::JoinHandle;

use crate::{Parameters, Refusal};

/// A level that goes back to 0 by itself.
#[derive(Default)]
pub struct Verbosity(Mutex<State>);

#[derive(Default)]
struct State {
    level: u32,
    apply: Option<Box<dyn Fn(u32) + Send>>,
    /// The end of the level that holds now, and which setting it belongs to.
    end: Option<JoinHandle<()>>,
    settings: u64,
}

static OF_PROCESS: Verbosity = Verbosity(Mutex::new(State { level: 0, apply: None, end: None, settings: 0 }));

impl Verbosity {
    /// That of the log of this process, which all daemons in it share.
    #[must_use]
    pub fn of_process() -> &'static Verbosity {
        &OF_PROCESS
    }

    /// Says how a level comes into effect. Who sets the log up knows.
    pub fn install(&self, apply: impl Fn(u32) + Send + 'static) {
        self.lock().apply = Some(Box::new(apply));
    }

    /// The level that holds now.
    #[must_use]
    pub fn level(&self) -> u32 {
        self.lock().level
    }

    /// Sets the level for so long. What was set before, and its end, count no more.
    ///
    /// # Errors
    /// Nobody has said how it comes into effect.
    pub fn set(&'static self, level: u32, duration: Duration, clock: &Clock) -> Result<(), Refusal> {
        let mut state = self.lock();
        state.apply(level)?;
        state.settings += 1;
        if let Some(end) = state.end.take() {
            end.abort();
        }
        if level > 0 {
            let (setting, over) = (state.settings, clock.sleep(duration));
            state.end = Some(tokio::spawn(async move {
                over.await;
                self.over(setting);
            }));
        }
        drop(state);
        tracing::warn!(level, duration = %duration::print(duration), "the level of the log was set");
        Ok(())
    }

    /// The same as SET_LOGGING_LEVEL says it. A duration below 0 is over at once.
    ///
    /// # Errors
    /// As above.
    pub fn set_by_call(
        &'static self,
        level: u32,
        duration: &DurationInfo,
        clock: &Clock,
    ) -> Result<(), Refusal> {
        self.set(level, Duration::from_nanos(u64::try_from(duration.nanoseconds).unwrap_or(0)), clock)
    }

    fn over(&self, setting: u64) {
        let mut state = self.lock();
        if state.settings == setting && state.apply(0).is_ok() {
            drop(state);
            tracing::warn!("the level of the log is the usual again");
        }
    }

    /// `/logging/toggle`: the level without parameters, otherwise sets it.
    ///
    /// # Errors
    /// One parameter without the other, or one that cannot be read.
    pub fn toggle(&'static self, parameters: &Parameters, clock: &Clock) -> Result<String, Refusal> {
        let refused = |why: String| Err(Refusal::new(400, why));
        let (level, duration) = match (parameters.get("level"), parameters.get("duration")) {
            (None, None) => return Ok(format!("{}\n", self.level())),
            (Some(_), None) => return refused("Expecting 'duration=value' in query.\n".into()),
            (None, Some(_)) => return refused("Expecting 'level=value' in query.\n".into()),
            (Some(level), Some(duration)) => (level, duration),
        };
        let level = match level.parse::<i32>().map(u32::try_from) {
            Ok(Ok(level)) => level,
            Ok(Err(_)) => return refused(format!("Invalid level '{level}'.\n")),
            Err(_) => return refused(format!("Failed to convert '{level}' to number.\n")),
        };
        let duration = match duration::parse(duration) {
            Ok(duration) => duration,
            Err(why) => return refused(format!("{why}.\n")),
        };
        self.set(level, duration, clock)?;
        Ok(String::new())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is made at once: what is behind the lock is whole whenever it is free.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn apply(&mut self, level: u32) -> Result<(), Refusal> {
        let Some(apply) = &self.apply else {
            return Err(Refusal::new(
                501,
                "501 Not Implemented. The log of this process has no levels to set",
            ));
        };
        apply(level);
        self.level = level;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// One of its own, and what was applied last.
    fn verbosity() -> (&'static Verbosity, Arc<AtomicU32>) {
        let (verbosity, applied) = (Box::leak(Box::<Verbosity>::default()), Arc::new(AtomicU32::new(0)));
        let seen = applied.clone();
        verbosity.install(move |level| seen.store(level, Ordering::Relaxed));
        (verbosity, applied)
    }

    fn asked(pairs: &[(&str, &str)]) -> Parameters {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_level_holds_for_its_duration_and_a_newer_one_counts() {
        libactor::run(async {
            let clock = Clock::starting_at(libactor::Timestamp::default());
            let (verbosity, applied) = verbosity();
            let now = || (verbosity.level(), applied.load(Ordering::Relaxed));

            verbosity.set(1, Duration::from_secs(10), &clock).unwrap();
            clock.advance(Duration::from_secs(9)).await;
            assert_eq!(now(), (1, 1));
            verbosity.set(3, Duration::from_secs(5), &clock).unwrap();
            clock.advance(Duration::from_secs(4)).await;
            assert_eq!(now(), (3, 3));
            clock.advance(Duration::from_secs(1)).await;
            assert_eq!(now(), (0, 0));
        });
    }

    #[test]
    fn the_usual_level_needs_no_end() {
        libactor::run(async {
            let clock = Clock::starting_at(libactor::Timestamp::default());
            let (verbosity, _) = verbosity();
            verbosity.set(2, Duration::from_secs(10), &clock).unwrap();

            verbosity.set(0, Duration::from_secs(10), &clock).unwrap();

            assert_eq!(verbosity.level(), 0);
        });
    }

    #[test]
    fn what_cannot_be_set_is_refused_in_the_words_of_libprocess() {
        libactor::run(async {
            let clock = Clock::real();
            let (verbosity, _) = verbosity();
            let why = |pairs: &[(&str, &str)]| verbosity.toggle(&asked(pairs), &clock).unwrap_err().body;

            assert_eq!(verbosity.toggle(&asked(&[]), &clock), Ok("0\n".into()));
            assert_eq!(why(&[("level", "1")]), "Expecting 'duration=value' in query.\n");
            assert_eq!(why(&[("duration", "1secs")]), "Expecting 'level=value' in query.\n");
            assert_eq!(why(&[("level", "x"), ("duration", "1secs")]), "Failed to convert 'x' to number.\n");
            assert_eq!(why(&[("level", "-1"), ("duration", "1secs")]), "Invalid level '-1'.\n");
            assert_eq!(
                verbosity.toggle(&asked(&[("level", "1"), ("duration", "1mins")]), &clock),
                Ok("".into())
            );
            assert_eq!(verbosity.toggle(&asked(&[]), &clock), Ok("1\n".into()));
            verbosity.set(0, Duration::ZERO, &clock).unwrap();
        });
    }

    #[test]
    fn a_log_without_levels_says_so() {
        let verbosity: &'static Verbosity = Box::leak(Box::default());

        let refused = verbosity.set(1, Duration::from_secs(1), &Clock::real()).unwrap_err();

        assert_eq!(refused.status, 501);
    }
}
