//! Which servers to start and which to stop, so that a new generation takes over one by one and there are never fewer healthy
//! ones than wanted because of it. Without any IO.

/// So many servers of the newest generation, in the end.
///
/// ```text
/// launched ──► Starting ◄──► Healthy ──surplus──► Stopping ──ended──► (forgotten)
///                 └─────────────┴──────ended──────────────────────────►┘
/// ```
#[derive(Debug)]
pub(super) struct Rollout {
    wanted: usize,
    generation: u64,
    servers: Vec<Server>,
}

#[derive(Debug)]
struct Server {
    task: String,
    generation: u64,
    phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Starting,
    Healthy,
    Stopping,
}

impl Rollout {
    pub(super) fn new(wanted: usize) -> Rollout {
        Rollout { wanted, generation: 1, servers: Vec::new() }
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// From now on a newer generation is wanted.
    pub(super) fn replace(&mut self) {
        self.generation += 1;
    }

    /// Healthy servers, of whichever generation.
    pub(super) fn healthy(&self) -> usize {
        self.count(|server| server.phase == Phase::Healthy)
    }

    /// All servers are of the newest generation, and healthy.
    pub(super) fn is_done(&self) -> bool {
        let newest = |server: &Server| server.generation == self.generation && server.phase == Phase::Healthy;
        self.servers.len() == self.wanted && self.servers.iter().all(newest)
    }

    /// How many servers of the newest generation to start now: all that miss, but while older ones are to be replaced only one
    /// more than wanted in all.
    pub(super) fn missing(&self) -> usize {
        let stays = |server: &Server| server.phase != Phase::Stopping;
        let new = self.count(|server| stays(server) && server.generation == self.generation);
        let old = self.count(|server| stays(server) && server.generation < self.generation);
        let room = (self.wanted + usize::from(old > 0)).saturating_sub(new + old);
        room.min(self.wanted.saturating_sub(new))
    }

    /// A server of the newest generation was started as this task.
    pub(super) fn launched(&mut self, task: String) {
        self.servers.push(Server { task, generation: self.generation, phase: Phase::Starting });
    }

    /// What is known of a task's health. One that is being stopped stays that.
    pub(super) fn felt(&mut self, task: &str, healthy: bool) {
        let server = self.servers.iter_mut().find(|server| server.task == task);
        if let Some(server) = server.filter(|server| server.phase != Phase::Stopping) {
            server.phase = if healthy { Phase::Healthy } else { Phase::Starting };
        }
    }

    /// The task is gone. Whether it was one of ours that was not asked to end.
    pub(super) fn ended(&mut self, task: &str) -> Option<Ended> {
        let index = self.servers.iter().position(|server| server.task == task)?;
        let server = self.servers.remove(index);
        Some(match server.phase {
            Phase::Stopping => Ended::AsAsked,
            Phase::Starting => Ended::Unready,
            Phase::Healthy => Ended::Healthy,
        })
    }

    /// A server of an older generation that is no longer needed: the new ones that are healthy make up for it. It is from now on
    /// being stopped.
    pub(super) fn surplus(&mut self) -> Option<String> {
        let stays = |server: &Server| server.phase != Phase::Stopping;
        let new = self.count(|server| server.generation == self.generation && server.phase == Phase::Healthy);
        let old = self.count(|server| stays(server) && server.generation < self.generation);
        if old == 0 || new + old <= self.wanted {
            return None;
        }
        let old =
            self.servers.iter_mut().filter(|server| server.generation < self.generation && stays(server));
        // Who does not serve goes first.
        let server = old.min_by_key(|server| (server.phase == Phase::Healthy, server.generation))?;
        server.phase = Phase::Stopping;
        Some(server.task.clone())
    }

    /// Servers that were asked to end, and have not.
    pub(super) fn stopping(&self) -> impl Iterator<Item = &str> {
        let stopping = self.servers.iter().filter(|server| server.phase == Phase::Stopping);
        stopping.map(|server| server.task.as_str())
    }

    fn count(&self, like: impl Fn(&Server) -> bool) -> usize {
        self.servers.iter().filter(|server| like(server)).count()
    }
}

/// How a server was when it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// It was to end.
    AsAsked,
    /// It never became healthy, or fell ill.
    Unready,
    /// It was well.
    Healthy,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A rollout whose servers are `1`, `2` …; what happens is noted.
    struct World {
        rollout: Rollout,
        launched: u64,
        log: Vec<String>,
    }

    impl World {
        fn of(wanted: usize) -> World {
            World { rollout: Rollout::new(wanted), launched: 0, log: Vec::new() }
        }

        fn start(&mut self) {
            for _ in 0..self.rollout.missing() {
                self.launched += 1;
                self.log.push(format!("start {}", self.launched));
                self.rollout.launched(self.launched.to_string());
            }
        }

        fn healthy(&mut self, task: &str) {
            self.rollout.felt(task, true);
            while let Some(task) = self.rollout.surplus() {
                self.log.push(format!("stop {task}"));
            }
            self.start();
        }

        fn ended(&mut self, task: &str) {
            self.rollout.ended(task);
            self.start();
        }

        fn log(&mut self) -> String {
            std::mem::take(&mut self.log).join(", ")
        }
    }

    fn served_by(wanted: usize) -> World {
        let mut world = World::of(wanted);
        world.start();
        for task in 1..=wanted {
            world.healthy(&task.to_string());
        }
        world.log.clear();
        world
    }

    #[test]
    fn the_first_generation_starts_at_once() {
        let mut world = World::of(3);

        world.start();

        assert_eq!(world.log(), "start 1, start 2, start 3");
        assert!(!world.rollout.is_done());
    }

    #[test]
    fn a_new_generation_takes_over_one_by_one() {
        let mut world = served_by(2);
        assert!(world.rollout.is_done());

        world.rollout.replace();
        world.start();
        assert_eq!(world.log(), "start 3");
        world.healthy("3");
        assert_eq!(world.log(), "stop 1, start 4");
        world.ended("1");
        assert_eq!(world.log(), "");
        world.healthy("4");
        assert_eq!(world.log(), "stop 2");
        world.ended("2");

        assert_eq!(world.log(), "");
        assert!(world.rollout.is_done());
    }

    #[test]
    fn a_generation_that_does_not_get_well_replaces_nobody() {
        let mut world = served_by(2);
        world.rollout.replace();
        world.start();

        assert_eq!(world.rollout.ended("3"), Some(Ended::Unready));

        world.start();
        assert_eq!(world.log(), "start 3, start 4");
        assert_eq!(world.rollout.healthy(), 2);
        assert_eq!(world.rollout.surplus(), None);
    }

    #[test]
    fn what_dies_meanwhile_is_replaced_by_the_new_generation() {
        let mut world = served_by(2);
        world.rollout.replace();
        world.start();

        world.ended("1");

        assert_eq!(world.log(), "start 3, start 4");
        world.healthy("3");
        assert_eq!(world.log(), "");
        world.healthy("4");
        assert_eq!(world.log(), "stop 2");
    }

    #[test]
    fn a_third_generation_replaces_what_is_left_of_both_and_the_ill_first() {
        let mut world = served_by(2);
        world.rollout.replace();
        world.start();
        world.rollout.replace();
        world.start();
        assert_eq!(world.log(), "start 3");

        world.ended("2");

        assert_eq!(world.log(), "start 4");
        world.healthy("4");
        assert_eq!(world.log(), "stop 3, start 5");
    }
}
