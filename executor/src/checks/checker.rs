//! When to look at a task, and for how long, without a clock and without IO.

use std::time::Duration;

use libactor::Timestamp;

use super::judge::{Judge, News};
use super::plan::Plan;
use super::{Blind, Finding};

/// ```text
///       start: delay                 found, or too late
/// Idle ──────────────► Waiting ──due──► Looking ──────┐
///                         ▲                           │
///                         └───────── interval ────────┘
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Idle,
    Waiting,
    Looking,
}

/// One check of one task.
#[derive(Debug)]
pub(super) struct Checker {
    plan: Plan,
    judge: Judge,
    phase: Phase,
    /// Counts phases, so that what an earlier one still brings is not taken for the present one's.
    turn: u64,
}

/// What happened.
#[derive(Debug)]
pub(super) enum Input {
    Start,
    /// A wait of this turn is over.
    Due {
        turn: u64,
    },
    /// The look of this turn has ended.
    Found {
        turn: u64,
        found: Result<Finding, Blind>,
    },
}

/// What is asked of the world.
#[derive(Debug, PartialEq)]
pub(super) enum Effect {
    /// Answered by `Due`.
    Wait {
        turn: u64,
        pause: Duration,
    },
    /// Answered by `Found`, unless abandoned.
    Look {
        turn: u64,
    },
    /// End the look that is under way with all that it started.
    Abandon,
    Tell(News),
}

impl Checker {
    pub(super) fn new(plan: Plan, judge: Judge) -> Checker {
        Checker { plan, judge, phase: Phase::Idle, turn: 0 }
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    pub(super) fn step(&mut self, now: Timestamp, input: Input) -> Vec<Effect> {
        match (self.phase, input) {
            (Phase::Idle, Input::Start) => {
                self.enter(Phase::Waiting);
                vec![self.wait(self.plan.delay)]
            }
            (Phase::Waiting, Input::Due { turn }) if turn == self.turn => {
                self.enter(Phase::Looking);
                let limit = self.plan.timeout.map(|timeout| self.wait(timeout));
                [Effect::Look { turn: self.turn }].into_iter().chain(limit).collect()
            }
            (Phase::Looking, Input::Due { turn }) if turn == self.turn => {
                let limit = self.plan.timeout.unwrap_or_default();
                let too_late = Err(Blind::Failed(format!("the check did not end within {limit:?}")));
                let mut effects = vec![Effect::Abandon];
                effects.extend(self.found(now, too_late));
                effects
            }
            (Phase::Looking, Input::Found { turn, found }) if turn == self.turn => self.found(now, found),
            // Of an earlier turn, or too late.
            (_, Input::Start | Input::Due { .. } | Input::Found { .. }) => Vec::new(),
        }
    }

    fn found(&mut self, now: Timestamp, found: Result<Finding, Blind>) -> Vec<Effect> {
        self.enter(Phase::Waiting);
        let next = self.wait(self.plan.interval);
        let news = self.judge.judge(now, found, &self.plan.probe);
        [next].into_iter().chain(news.map(Effect::Tell)).collect()
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.turn += 1;
    }

    fn wait(&self, pause: Duration) -> Effect {
        Effect::Wait { turn: self.turn, pause }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::plan::{Patience, Probe};

    const NOW: Timestamp = Timestamp::from_nanos(0);
    const SECOND: Duration = Duration::from_secs(1);

    fn checker(timeout: Option<Duration>) -> Checker {
        let probe = Probe::Tcp(([127, 0, 0, 1], 80).into());
        let plan = Plan { probe, delay: 15 * SECOND, interval: 10 * SECOND, timeout };
        Checker::new(plan, Judge::of_health(Patience { grace: Duration::ZERO, failures: 2 }, NOW))
    }

    fn unhealthy(why: &str, too_often: bool) -> Effect {
        Effect::Tell(News::Unhealthy { why: why.into(), too_often })
    }

    #[test]
    fn it_looks_after_the_delay_and_again_after_each_interval() {
        let mut checker = checker(Some(20 * SECOND));

        let start = checker.step(NOW, Input::Start);
        let look = checker.step(NOW, Input::Due { turn: 1 });
        let found = checker.step(NOW, Input::Found { turn: 2, found: Ok(Finding::Connected) });
        let again = checker.step(NOW, Input::Due { turn: 3 });

        assert_eq!(start, [Effect::Wait { turn: 1, pause: 15 * SECOND }]);
        assert_eq!(look, [Effect::Look { turn: 2 }, Effect::Wait { turn: 2, pause: 20 * SECOND }]);
        assert_eq!(found, [Effect::Wait { turn: 3, pause: 10 * SECOND }, Effect::Tell(News::Healthy)]);
        assert_eq!(again[0], Effect::Look { turn: 4 });
    }

    #[test]
    fn a_look_that_takes_too_long_is_ended_and_counts_as_failed() {
        let mut checker = checker(Some(20 * SECOND));
        checker.step(NOW, Input::Start);
        checker.step(NOW, Input::Due { turn: 1 });

        let late = checker.step(NOW, Input::Due { turn: 2 });
        let later = checker.step(NOW, Input::Found { turn: 2, found: Ok(Finding::Connected) });

        let why = "the check did not end within 20s (failure 1 of 2)";
        let next = Effect::Wait { turn: 3, pause: 10 * SECOND };
        assert_eq!(late, [Effect::Abandon, next, unhealthy(why, false)]);
        assert_eq!(later, []);
    }

    #[test]
    fn without_a_timeout_nobody_waits_for_one() {
        let mut checker = checker(None);
        checker.step(NOW, Input::Start);

        assert_eq!(checker.step(NOW, Input::Due { turn: 1 }), [Effect::Look { turn: 2 }]);
    }
}
