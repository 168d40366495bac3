//! The updates of one task on their way to the scheduler: first in, first out, one in flight.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tepui_proto::internal::StatusUpdate;
use tepui_proto::v1::TaskState;

use crate::limits;
use crate::names::UpdateId;
use crate::run::Run;
use crate::status;

/// ```text
/// expect ──► writing ──► stored ──► (head: in flight) ──► acknowledging ──► gone
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Stream {
    /// Where the updates are checkpointed; `None` if they are not.
    pub run: Option<Run>,
    /// Durable (or needing no durability) and not acknowledged, oldest first. The first is in flight.
    pending: VecDeque<Pending>,
    /// Given to the disk, not yet known to be there.
    writing: BTreeSet<UpdateId>,
    /// Everything remembered of this task, to recognise duplicates.
    known: BTreeSet<UpdateId>,
    /// The order in which they came, so that the oldest is forgotten first.
    order: VecDeque<UpdateId>,
    /// The acknowledgement of the head is being written.
    acknowledging: bool,
    /// Counts sendings, so that the timer of an earlier one is told from the latest.
    generation: u64,
    /// The pause before the head is sent again.
    pause: Duration,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Pending {
    id: UpdateId,
    update: Arc<StatusUpdate>,
}

/// What a stream makes of an update that arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// It is new.
    New,
    /// It is already durable: whoever sent it again has missed our word.
    Duplicate,
    /// It is being written: the word follows.
    Writing,
    /// Too many wait; it is not taken.
    Full,
}

/// A head that left its stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Acknowledged {
    /// It.
    pub update: Arc<StatusUpdate>,
    /// It ended its task.
    pub ended: bool,
}

impl Stream {
    pub fn new(run: Option<Run>) -> Stream {
        Stream {
            run,
            pending: VecDeque::new(),
            writing: BTreeSet::new(),
            known: BTreeSet::new(),
            order: VecDeque::new(),
            acknowledging: false,
            generation: 0,
            pause: limits::RETRY_MIN,
        }
    }

    /// Takes note of an update that is to be written.
    pub fn expect(&mut self, id: UpdateId, ends: bool) -> Arrival {
        if self.writing.contains(&id) {
            return Arrival::Writing;
        }
        if self.known.contains(&id) {
            return Arrival::Duplicate;
        }
        if self.pending.len() + self.writing.len() >= limits::PENDING_UPDATES && !ends {
            return Arrival::Full;
        }
        self.remember(id);
        self.writing.insert(id);
        Arrival::New
    }

    fn remember(&mut self, id: UpdateId) {
        if self.known.insert(id) {
            self.order.push_back(id);
        }
        if self.order.len() > limits::REMEMBERED_UPDATES
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    /// The update is where it must be. True if it is now the head.
    pub fn store(&mut self, id: UpdateId, update: Arc<StatusUpdate>) -> bool {
        self.writing.remove(&id);
        self.remember(id);
        self.pending.push_back(Pending { id, update });
        self.pending.len() == 1
    }

    pub fn head(&self) -> Option<(UpdateId, &Arc<StatusUpdate>)> {
        self.pending.front().map(|pending| (pending.id, &pending.update))
    }

    /// The state of the newest durable update: what `latest_state` tells.
    pub fn latest_state(&self) -> Option<TaskState> {
        self.pending.back().and_then(|pending| status::state_of(&pending.update.status))
    }

    /// The head is being sent; gives the generation its timer is to carry and the pause until then.
    pub fn sent(&mut self) -> (u64, Duration) {
        self.generation += 1;
        let pause = self.pause;
        self.pause = (pause * 2).min(limits::RETRY_MAX);
        (self.generation, pause)
    }

    /// The next sending is a first one again.
    pub fn start_over(&mut self) {
        self.pause = limits::RETRY_MIN;
    }

    pub fn is_generation(&self, generation: u64) -> bool {
        self.generation == generation && !self.acknowledging
    }

    /// An acknowledgement names an update: is it the head, and the first to do so?
    pub fn acknowledging(&mut self, id: UpdateId) -> bool {
        let is_head = self.pending.front().is_some_and(|head| head.id == id);
        if !is_head || self.acknowledging {
            return false;
        }
        self.acknowledging = true;
        true
    }

    /// The head's acknowledgement is where it must be: the head leaves.
    pub fn acknowledge(&mut self, id: UpdateId) -> Option<Acknowledged> {
        self.pending.front().filter(|head| head.id == id)?;
        let head = self.pending.pop_front()?;
        self.acknowledging = false;
        self.start_over();
        let ended = status::state_of(&head.update.status).is_some_and(status::is_terminal);
        Some(Acknowledged { update: head.update, ended })
    }

    /// How many are not known to be durable.
    pub fn writing(&self) -> usize {
        self.writing.len()
    }

    /// Nothing is waiting and nothing is being written.
    pub fn is_idle(&self) -> bool {
        self.pending.is_empty() && self.writing.is_empty()
    }
}
