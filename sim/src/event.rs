//! Everything that can be about to happen.

use std::sync::Arc;

use tepui_agent_core as agent;
use tepui_master_core as master;
use tepui_model::ContainerId;
use tepui_proto::v1;

use crate::fault::Fault;
use crate::network::{LinkId, Packet, Side};

/// One event. What belongs to a process carries the number of that process's life, and is void in the next one.
#[derive(Debug)]
pub(crate) enum Event {
    /// A packet of a connection reaches a side of its link.
    Arrives {
        link: LinkId,
        to: Side,
        connection: u64,
        packet: Packet,
    },
    /// A connection that is cut gives up.
    CutBreaks {
        link: LinkId,
        cut: u64,
    },
    /// A cut link is whole again.
    CutHeals {
        link: LinkId,
        cut: u64,
    },
    /// A scheduler's process that was replaced ends at last.
    OldSchedulerDies(LinkId),

    MasterStarts,
    MasterTimer {
        life: u64,
        timer: master::Timer,
    },
    RegistryWrites {
        life: u64,
    },
    AllocatorHears {
        life: u64,
        call: Box<tepui_allocator::Call>,
    },
    AllocatorRuns {
        life: u64,
    },
    Allocated {
        life: u64,
        allocations: Vec<tepui_allocator::Allocation>,
    },
    /// A stream that the master closed itself.
    StreamClosed {
        life: u64,
        connection: master::Connection,
    },

    AgentStarts {
        agent: usize,
    },
    Agent {
        agent: usize,
        life: u64,
        input: Box<agent::Input>,
    },
    DiskWrites {
        agent: usize,
        life: u64,
    },
    DiskHasRoom {
        agent: usize,
    },
    ContainersFound {
        agent: usize,
        life: u64,
        runs: Vec<agent::Run>,
    },
    Container {
        agent: usize,
        id: ContainerId,
        deed: Deed,
    },

    Scheduler {
        framework: usize,
        process: u64,
        deed: Plan,
    },

    Fault(Fault),
    EverySecond,
}

/// What happens to a container or the executor in it.
#[derive(Debug)]
pub(crate) enum Deed {
    /// It was made, or could not be.
    Launched,
    Subscribes,
    Hears {
        from: agent::Peer,
        event: Arc<v1::executor::Event>,
    },
    /// The agent said no, or the stream ended.
    StreamLost(agent::Peer),
    TaskRuns(String),
    TaskEnds {
        task: String,
        state: v1::TaskState,
    },
    /// No task for a while, since this many were launched.
    Idle {
        launched: u64,
    },
    Exits {
        status: i32,
    },
}

/// What a scheduler does of its own accord.
#[derive(Clone, Debug)]
pub(crate) enum Plan {
    Subscribe,
    /// The subscription should be there by now.
    GiveUpSubscribing {
        attempt: u64,
    },
    /// Is anybody still there?
    Listen {
        attempt: u64,
    },
    AnswerOffers,
    Job,
    Kill(String),
    Reconcile,
    /// An actor's TEARDOWN is not answered; by now it has happened.
    TornDown,
}
