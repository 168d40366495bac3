//! What to think of what was found: for a health check whether the task is well, for a check what changed.

use std::time::Duration;

use libactor::Timestamp;
use tepui_proto::v1;
use v1::check_status_info::{Command, Http, Tcp};

use super::plan::{Patience, Probe};
use super::{Blind, Finding};

/// What somebody should be told.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum News {
    /// The task is well: for the first time, or again.
    Healthy,
    /// The task is not well.
    Unhealthy {
        /// What was found, and how often in a row.
        why: String,
        /// So often that the task must end.
        too_often: bool,
    },
    /// Nobody could look, and why: nothing to tell the agent.
    Unseen(String),
    /// What a check finds is now this.
    Status(v1::CheckStatusInfo),
}

/// What one check makes of its findings.
#[derive(Debug)]
pub(super) enum Judge {
    Health(Health),
    Status { last: v1::CheckStatusInfo },
}

/// A health check so far.
#[derive(Debug)]
pub(super) struct Health {
    patience: Patience,
    started: Timestamp,
    succeeded: bool,
    /// In a row.
    failures: u32,
}

impl Judge {
    pub(super) fn of_health(patience: Patience, started: Timestamp) -> Judge {
        Judge::Health(Health { patience, started, succeeded: false, failures: 0 })
    }

    pub(super) fn of_check(probe: &Probe) -> Judge {
        Judge::Status { last: nothing_found(probe) }
    }

    pub(super) fn judge(
        &mut self,
        now: Timestamp,
        found: Result<Finding, Blind>,
        probe: &Probe,
    ) -> Option<News> {
        if let Err(Blind::Away(why)) = found {
            return Some(News::Unseen(why));
        }
        match self {
            Judge::Health(health) => match failure(&found) {
                None => health.succeeded(),
                Some(why) => health.failed(now.since(health.started), &why),
            },
            Judge::Status { last } => {
                let status = found.map_or_else(|_| nothing_found(probe), |finding| status(&finding));
                (status != *last).then(|| {
                    *last = status;
                    News::Status(status)
                })
            }
        }
    }
}

impl Health {
    fn succeeded(&mut self) -> Option<News> {
        let news = !self.succeeded || self.failures > 0;
        self.succeeded = true;
        self.failures = 0;
        news.then_some(News::Healthy)
    }

    fn failed(&mut self, age: Duration, why: &str) -> Option<News> {
        let Patience { grace, failures: most } = self.patience;
        if !self.succeeded && !grace.is_zero() && age <= grace {
            return None;
        }
        self.failures = self.failures.saturating_add(1);
        // Zero, too, lets the first failure happen.
        let most = most.max(1);
        let why = format!("{why} (failure {} of {most})", self.failures);
        Some(News::Unhealthy { why, too_often: self.failures >= most })
    }
}

/// Why a health check sees a failure in this, if it does.
fn failure(found: &Result<Finding, Blind>) -> Option<String> {
    match found {
        Ok(Finding::Exited(0) | Finding::Answered(200..=399) | Finding::Connected) => None,
        Ok(Finding::Exited(status)) => Some(format!("the command exited with status {status}")),
        Ok(Finding::Answered(status)) => Some(format!("the answer was HTTP status {status}")),
        Ok(Finding::Unconnected(why)) | Err(Blind::Failed(why) | Blind::Away(why)) => Some(why.clone()),
    }
}

fn status(finding: &Finding) -> v1::CheckStatusInfo {
    let kind = |kind: v1::check_info::Type| v1::CheckStatusInfo {
        r#type: Some(kind as i32),
        ..v1::CheckStatusInfo::default()
    };
    match finding {
        Finding::Exited(status) => v1::CheckStatusInfo {
            command: Some(Command { exit_code: Some(*status) }),
            ..kind(v1::check_info::Type::Command)
        },
        Finding::Answered(status) => v1::CheckStatusInfo {
            http: Some(Http { status_code: Some(u32::from(*status)) }),
            ..kind(v1::check_info::Type::Http)
        },
        Finding::Connected | Finding::Unconnected(_) => v1::CheckStatusInfo {
            tcp: Some(Tcp { succeeded: Some(*finding == Finding::Connected) }),
            ..kind(v1::check_info::Type::Tcp)
        },
    }
}

/// The status of a check that has found nothing, or could not look.
fn nothing_found(probe: &Probe) -> v1::CheckStatusInfo {
    empty(match probe {
        Probe::Command(_) => v1::check_info::Type::Command,
        Probe::Http(_) => v1::check_info::Type::Http,
        Probe::Tcp(_) => v1::check_info::Type::Tcp,
    })
}

/// A status without a result.
pub(super) fn empty(kind: v1::check_info::Type) -> v1::CheckStatusInfo {
    use v1::check_info::Type;
    v1::CheckStatusInfo {
        r#type: Some(kind as i32),
        command: (kind == Type::Command).then(Command::default),
        http: (kind == Type::Http).then(Http::default),
        tcp: (kind == Type::Tcp).then(Tcp::default),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Judges findings made at these seconds, by a check that bears three failures after ten seconds of grace.
    fn judged(findings: &[(u64, Result<Finding, Blind>)]) -> Vec<String> {
        let patience = Patience { grace: Duration::from_secs(10), failures: 3 };
        let mut judge = Judge::of_health(patience, Timestamp::from_nanos(0));
        let at = |seconds: u64| Timestamp::from_nanos(seconds * 1_000_000_000);
        let said = |news: News| match news {
            News::Healthy => "healthy".to_owned(),
            News::Unhealthy { why, too_often: false } => why,
            News::Unhealthy { why, too_often: true } => format!("kill: {why}"),
            News::Unseen(why) => why,
            News::Status(_) => panic!("no check"),
        };
        let news = |(seconds, found): &(u64, Result<Finding, Blind>)| {
            judge.judge(at(*seconds), found.clone(), &tcp()).map_or("".to_owned(), said)
        };
        findings.iter().map(news).collect()
    }

    fn tcp() -> Probe {
        Probe::Tcp(([127, 0, 0, 1], 80).into())
    }

    #[test]
    fn failures_count_after_the_grace_period_and_in_a_row() {
        let fails = || Ok(Finding::Exited(1));
        let works = || Ok(Finding::Exited(0));

        let news = judged(&[
            (5, fails()),
            (10, fails()),
            (11, fails()),
            (12, works()),
            (13, works()),
            (14, fails()),
            (15, fails()),
            (16, fails()),
        ]);

        let why = "the command exited with status 1";
        assert_eq!(
            news,
            [
                "".to_owned(),
                "".to_owned(),
                format!("{why} (failure 1 of 3)"),
                "healthy".to_owned(),
                "".to_owned(),
                format!("{why} (failure 1 of 3)"),
                format!("{why} (failure 2 of 3)"),
                format!("kill: {why} (failure 3 of 3)"),
            ]
        );
    }

    #[test]
    fn the_grace_period_ends_with_the_first_success() {
        let news = judged(&[(1, Ok(Finding::Connected)), (2, Ok(Finding::Unconnected("refused".into())))]);

        assert_eq!(news, ["healthy", "refused (failure 1 of 3)"]);
    }

    #[test]
    fn that_nobody_could_look_changes_nothing() {
        let away = || Err(Blind::Away("the engine is away".into()));
        let fails = || Ok(Finding::Exited(1));

        let news =
            judged(&[(11, fails()), (12, away()), (13, away()), (14, fails()), (15, away()), (16, fails())]);
        let mut check = Judge::of_check(&tcp());
        check.judge(Timestamp::from_nanos(0), Ok(Finding::Connected), &tcp());

        let told = |count: u32| format!("the command exited with status 1 (failure {count} of 3)");
        let unseen = || "the engine is away".to_owned();
        assert_eq!(news, [told(1), unseen(), unseen(), told(2), unseen(), format!("kill: {}", told(3))]);
        let unseen = check.judge(Timestamp::from_nanos(0), away(), &tcp());
        assert_eq!(unseen, Some(News::Unseen("the engine is away".into())));
    }

    #[test]
    fn http_is_healthy_from_200_to_399() {
        let healthy = |status| failure(&Ok(Finding::Answered(status))).is_none();

        assert_eq!(
            [199, 200, 204, 302, 399, 400, 500].map(healthy),
            [false, true, true, true, true, false, false]
        );
    }

    #[test]
    fn a_check_tells_what_changed_and_of_looks_that_failed_nothing() {
        let mut judge = Judge::of_check(&tcp());
        let mut tells = |found| judge.judge(Timestamp::from_nanos(0), found, &tcp());

        let first = tells(Err(Blind::Failed("not in time".into())));
        let second = tells(Ok(Finding::Connected));
        let third = tells(Ok(Finding::Connected));
        let fourth = tells(Ok(Finding::Unconnected("refused".into())));
        let fifth = tells(Err(Blind::Failed("not in time".into())));

        let succeeded = |news: Option<News>| match news {
            Some(News::Status(status)) => status.tcp.map(|tcp| tcp.succeeded),
            _ => None,
        };
        assert_eq!([first, third], [None, None]);
        assert_eq!(succeeded(second), Some(Some(true)));
        assert_eq!(succeeded(fourth), Some(Some(false)));
        assert_eq!(succeeded(fifth), Some(None));
    }
}
