//! When old sandboxes go: plain decisions, without a clock or a disk.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

/// The flags that decide.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GcSettings {
    /// How long a path is kept while the disk is empty.
    pub gc_delay: Duration,
    /// The part of the disk that should stay free, 0 to 1.
    pub gc_disk_headroom: f64,
}

impl Default for GcSettings {
    fn default() -> Self {
        GcSettings { gc_delay: Duration::from_secs(7 * 24 * 3600), gc_disk_headroom: 0.1 }
    }
}

/// Paths that are no longer needed, with the time since when.
///
/// A path may go once it is older than `gc_delay * max(0, 1 - gc_disk_headroom - disk usage)`: the fuller the disk,
/// the younger.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gc {
    settings: GcSettings,
    paths: BTreeMap<PathBuf, SystemTime>,
}

impl Gc {
    pub fn new(settings: GcSettings) -> Gc {
        Gc { settings, paths: BTreeMap::new() }
    }

    /// `since`: when the path ceased to be needed. Scheduling again replaces the time.
    pub fn schedule(&mut self, path: PathBuf, since: SystemTime) {
        self.paths.insert(path, since);
    }

    /// True if the path was scheduled. It is needed again, or has been removed.
    pub fn unschedule(&mut self, path: &Path) -> bool {
        self.paths.remove(path).is_some()
    }

    /// The age from which paths may go at a disk usage of 0 to 1.
    pub fn max_age(&self, disk_usage: f64) -> Duration {
        let keep = (1.0 - self.settings.gc_disk_headroom - disk_usage).clamp(0.0, 1.0);
        self.settings.gc_delay.mul_f64(keep)
    }

    /// Paths that may go now, oldest first. They stay scheduled until they are unscheduled, so that a removal that
    /// fails is tried again. A clock that went back makes nothing due.
    pub fn due(&self, now: SystemTime, disk_usage: f64) -> Vec<PathBuf> {
        let max_age = self.max_age(disk_usage);
        let is_old = |since: &SystemTime| now.duration_since(*since).is_ok_and(|age| age >= max_age);
        let mut due: Vec<_> = self.paths.iter().filter(|(_, since)| is_old(since)).collect();
        due.sort_by_key(|(_, since)| **since);
        due.into_iter().map(|(path, _)| path.clone()).collect()
    }

    pub fn len(&self) -> usize {
        self.paths.len()
    }

    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn at(days: u32) -> SystemTime {
        SystemTime::UNIX_EPOCH + DAY * days
    }

    fn scheduled(days: &[u32]) -> Gc {
        let mut gc = Gc::new(GcSettings { gc_delay: DAY * 10, gc_disk_headroom: 0.1 });
        for day in days {
            gc.schedule(format!("/run-{day}").into(), at(*day));
        }
        gc
    }

    #[test]
    fn an_almost_empty_disk_keeps_sandboxes_for_most_of_the_delay() {
        let gc = scheduled(&[100]);

        assert_eq!(gc.due(at(108), 0.0), Vec::<PathBuf>::new());
        assert_eq!(gc.due(at(109), 0.0), [PathBuf::from("/run-100")]);
    }

    #[test]
    fn a_full_disk_makes_everything_due_oldest_first() {
        let gc = scheduled(&[102, 100, 101]);

        assert_eq!(gc.due(at(102), 0.95), ["/run-100", "/run-101", "/run-102"].map(PathBuf::from));
    }

    #[test]
    fn half_a_disk_halves_the_age() {
        let gc = scheduled(&[100, 102]);

        assert_eq!(gc.max_age(0.5), DAY * 4);
        assert_eq!(gc.due(at(104), 0.5), [PathBuf::from("/run-100")]);
    }

    #[test]
    fn what_is_needed_again_is_not_due() {
        let mut gc = scheduled(&[100]);

        assert!(gc.unschedule(Path::new("/run-100")));
        assert!(!gc.unschedule(Path::new("/run-100")));
        assert!(gc.due(at(200), 1.0).is_empty());
    }

    #[test]
    fn a_clock_that_went_back_makes_nothing_due() {
        assert!(scheduled(&[100]).due(at(99), 1.0).is_empty());
    }
}
