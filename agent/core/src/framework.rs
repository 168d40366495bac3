//! A framework, as far as this agent runs something for it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tepui_model::{ExecutorId, FrameworkId};
use tepui_proto::v1;

use crate::executor::Executor;
use crate::status;

/// A framework with executors here.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Framework {
    /// Its id.
    pub id: FrameworkId,
    /// As the master told it last.
    pub info: Arc<v1::FrameworkInfo>,
    /// Its scheduler's actor; empty for HTTP schedulers.
    pub pid: String,
    /// Where it stands.
    pub phase: FrameworkPhase,
    /// Those that have not ended, or whose updates are not all acknowledged.
    pub executors: BTreeMap<ExecutorId, Executor>,
    /// Those that have, oldest first.
    pub completed: VecDeque<Executor>,
}

/// ```text
/// Running ──ShutdownFramework──► Terminating ──last executor gone──► (completed)
///    └───────────last executor gone──────────────────────────────────────►┘
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FrameworkPhase {
    /// It runs tasks.
    Running,
    /// Its executors are being shut down; nobody hears of its tasks any more.
    Terminating,
}

impl Framework {
    pub(crate) fn new(id: FrameworkId, info: Arc<v1::FrameworkInfo>, pid: String) -> Framework {
        Framework {
            id,
            info,
            pid,
            phase: FrameworkPhase::Running,
            executors: BTreeMap::new(),
            completed: VecDeque::new(),
        }
    }

    /// Whether its tasks are to survive a restart of this agent.
    pub fn checkpoints(&self) -> bool {
        self.info.checkpoint.unwrap_or(false)
    }

    pub(crate) fn dropped(&self) -> v1::TaskState {
        status::dropped(&self.info)
    }

    pub(crate) fn gone(&self) -> v1::TaskState {
        status::gone(&self.info)
    }
}
