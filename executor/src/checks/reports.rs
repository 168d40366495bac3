//! What the agent is told about a task that is checked: its state as told last, and on top of it what is known by now.

use std::collections::BTreeSet;

use bytes::Bytes;
use tepui_proto::v1;
use v1::task_status::Reason;

use super::judge;
use crate::Update;

/// Updates about checks that wait for the agent to acknowledge them. While there are so many, later ones are held back, and
/// only what is known at the end is told: an agent that is away must not make an executor grow.
const UNACKNOWLEDGED: usize = 16;

/// The updates about one task's checks.
#[derive(Debug)]
pub(super) struct Reports {
    /// The latest, without uuid, reason and message.
    known: Update,
    unacknowledged: BTreeSet<Bytes>,
    held: Option<Why>,
}

/// Why there is an update.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Why {
    reason: Reason,
    message: Option<String>,
}

impl Reports {
    /// `running` is the update that said that the task runs: what it carries, all later ones carry too.
    pub(super) fn new(running: Update) -> Reports {
        Reports { known: running, unacknowledged: BTreeSet::new(), held: None }
    }

    /// The task is well, or not.
    #[must_use]
    pub(super) fn health(&mut self, healthy: bool, message: Option<String>) -> Option<Update> {
        self.known = self.known.clone().healthy(healthy);
        self.tell(Why { reason: Reason::TaskHealthCheckStatusUpdated, message })
    }

    /// A check has found something.
    #[must_use]
    pub(super) fn status(&mut self, status: v1::CheckStatusInfo) -> Option<Update> {
        self.known = self.known.clone().check_status(status);
        self.tell(Why { reason: Reason::TaskCheckStatusUpdated, message: None })
    }

    /// An update went out with this uuid.
    pub(super) fn told(&mut self, uuid: Bytes) {
        self.unacknowledged.insert(uuid);
    }

    /// The agent has this update. What was held back may go out.
    #[must_use]
    pub(super) fn acknowledged(&mut self, uuid: &Bytes) -> Option<Update> {
        self.unacknowledged.remove(uuid);
        let why = self.held.take()?;
        self.tell(why)
    }

    fn tell(&mut self, why: Why) -> Option<Update> {
        if self.unacknowledged.len() >= UNACKNOWLEDGED {
            self.held = Some(why);
            return None;
        }
        let update = self.known.clone().reason(why.reason);
        Some(match why.message {
            Some(message) => update.message(message),
            None => update,
        })
    }
}

/// The task is now in `state`. Every update about a task with a check has a status of it; this one's has no result yet.
#[must_use]
pub fn update(task: &v1::TaskInfo, state: v1::TaskState) -> Update {
    let update = Update::new(&task.task_id, state);
    match &task.check {
        Some(check) => update.check_status(judge::empty(check.r#type())),
        None => update,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reports() -> Reports {
        let id = v1::TaskId { value: "t".into() };
        Reports::new(Update::new(&id, v1::TaskState::TaskRunning).data("kept"))
    }

    fn status(code: u32) -> v1::CheckStatusInfo {
        let http = Some(v1::check_status_info::Http { status_code: Some(code) });
        v1::CheckStatusInfo { http, ..judge::empty(v1::check_info::Type::Http) }
    }

    #[test]
    fn an_update_about_one_check_carries_what_is_known_of_the_other_and_all_else() {
        let mut reports = reports();
        let _ = reports.status(status(404));

        let told = reports.health(false, Some("why".into())).unwrap().into_status();

        assert_eq!(told.reason(), Reason::TaskHealthCheckStatusUpdated);
        assert_eq!((told.healthy, told.message.as_deref()), (Some(false), Some("why")));
        assert_eq!(
            (told.check_status, told.data.as_deref()),
            (Some(Box::new(status(404))), Some(&b"kept"[..]))
        );
    }

    #[test]
    fn while_nothing_is_acknowledged_updates_are_held_back_and_the_last_one_goes_out() {
        let mut reports = reports();
        let uuid = |number: usize| Bytes::from(vec![number as u8]);
        for number in 0..UNACKNOWLEDGED {
            assert!(reports.health(false, None).is_some());
            reports.told(uuid(number));
        }

        let held = [reports.health(false, Some("earlier".into())), reports.health(true, None)];
        let out = reports.acknowledged(&uuid(3)).unwrap().into_status();
        reports.told(uuid(99));
        let more = reports.acknowledged(&uuid(4));

        assert!(held.iter().all(Option::is_none) && more.is_none());
        assert_eq!((out.healthy, out.message), (Some(true), None));
    }
}
