//! Effects as one line each: what step tests and transcripts of simulations read.

use std::fmt;

use tepui_model::{Resources, duration};
use tepui_proto::internal::status_update_record;
use tepui_proto::v1::executor::{Event, event};
use tepui_proto::v1::task_status::Reason;
use tepui_proto::v1::{TaskState, TaskStatus};

use super::{Effect, Launch, Reply, ToMaster, Write};

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Effect::Master { to, message } => write!(f, "{to} <- {message}"),
            Effect::Authenticate { to, attempt } => write!(f, "{to} <- authenticate, attempt {attempt}"),
            Effect::Event { to, event } => {
                write!(f, "{to} <- ")?;
                write_event(f, event)
            }
            Effect::Close(peer) => write!(f, "{peer} closed"),
            Effect::Reply { request, reply } => write!(f, "{request} <- {reply}"),
            Effect::Checkpoint { ticket, writes } => {
                write!(f, "disk {ticket}")?;
                writes.iter().enumerate().try_for_each(|(n, one)| {
                    let separator = if n == 0 { " <- " } else { ", " };
                    write!(f, "{separator}{one}")
                })
            }
            Effect::RecoverContainers(runs) => {
                f.write_str("containers: recover")?;
                runs.iter().try_for_each(|run| write!(f, " {run}"))
            }
            Effect::Launch(launch) => launch.fmt(f),
            Effect::Update { container, resources } => {
                write!(f, "container {container} <- update {resources}")
            }
            Effect::Destroy(container) => write!(f, "container {container} <- destroy"),
            Effect::Arm { timer, after } => write!(f, "timer: {timer} in {}", duration::print(*after)),
            Effect::Watch(pid) => write!(f, "watch {pid}"),
            Effect::Reconnect { to, .. } => write!(f, "reconnect {to}"),
            Effect::Collect(run) => write!(f, "collect {run}"),
            Effect::Log(fact) => write!(f, "{}: {fact}", fact.level),
            Effect::Terminate { why } => write!(f, "terminate: {why}"),
        }
    }
}

impl fmt::Display for ToMaster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ToMaster::Register(_) => f.write_str("RegisterSlave"),
            ToMaster::Reregister(message) => {
                write!(f, "ReregisterSlave {} executors, tasks [", message.executor_infos.len())?;
                for (n, task) in message.tasks.iter().enumerate() {
                    let separator = if n == 0 { "" } else { ", " };
                    write!(f, "{separator}{} {}", task.task_id.value, task.state().as_str_name())?;
                }
                f.write_str("]")
            }
            ToMaster::Unregister(_) => f.write_str("UnregisterSlave"),
            ToMaster::Update(_) => f.write_str("UpdateSlave"),
            ToMaster::StatusUpdate(message) => {
                f.write_str("StatusUpdate ")?;
                write_status(f, &message.update.status)?;
                let latest = message.update.latest_state.and_then(|state| TaskState::try_from(state).ok());
                match latest.filter(|latest| *latest as i32 != message.update.status.state) {
                    Some(latest) => write!(f, ", latest {}", latest.as_str_name()),
                    None => Ok(()),
                }
            }
            ToMaster::ExitedExecutor(message) => {
                write!(f, "ExitedExecutor {} status {}", message.executor_id.value, message.status)
            }
            ToMaster::ExecutorToFramework(message) => {
                write!(f, "ExecutorToFramework {}: {} bytes", message.executor_id.value, message.data.len())
            }
            ToMaster::OperationStatus(message) => {
                let status = &message.status;
                let id = status.operation_id.as_ref().map_or("without id", |id| id.value.as_str());
                write!(f, "OperationStatus {id} {}", status.state().as_str_name())?;
                if let Some(why) = &status.message {
                    write!(f, " ({why})")?;
                }
                f.write_str(if status.uuid.is_some() { ", to acknowledge" } else { "" })
            }
            ToMaster::Pong(_) => f.write_str("PongSlave"),
        }
    }
}

fn write_status(f: &mut fmt::Formatter<'_>, status: &TaskStatus) -> fmt::Result {
    write!(f, "{} ", status.task_id.value)?;
    match TaskState::try_from(status.state) {
        Ok(state) => f.write_str(state.as_str_name())?,
        Err(_) => write!(f, "state {}", status.state)?,
    }
    if let Some(reason) = status.reason.and_then(|reason| Reason::try_from(reason).ok()) {
        write!(f, " {}", reason.as_str_name())?;
    }
    match &status.message {
        Some(message) => write!(f, " ({message})"),
        None => Ok(()),
    }
}

fn write_event(f: &mut fmt::Formatter<'_>, event: &Event) -> fmt::Result {
    f.write_str(event.r#type().as_str_name())?;
    match event.r#type() {
        event::Type::Launch => {
            write_task(f, event.launch.as_ref().map(|launch| launch.task.task_id.value.as_str()))
        }
        event::Type::Kill => write_task(f, event.kill.as_ref().map(|kill| kill.task_id.value.as_str())),
        event::Type::Acknowledged => {
            write_task(f, event.acknowledged.as_ref().map(|acknowledged| acknowledged.task_id.value.as_str()))
        }
        event::Type::Subscribed
        | event::Type::LaunchGroup
        | event::Type::Message
        | event::Type::Error
        | event::Type::Shutdown
        | event::Type::Heartbeat
        | event::Type::Unknown => Ok(()),
    }
}

fn write_task(f: &mut fmt::Formatter<'_>, task: Option<&str>) -> fmt::Result {
    write!(f, " {}", task.unwrap_or("?"))
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reply::Subscribed => f.write_str("200"),
            Reply::Accepted => f.write_str("202"),
            Reply::BadRequest(why) => write!(f, "400 {why}"),
            Reply::Forbidden(why) => write!(f, "403 {why}"),
            Reply::NotImplemented(why) => write!(f, "501 {why}"),
            Reply::Unavailable(why) => write!(f, "503 {why}"),
        }
    }
}

impl fmt::Display for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Write::Agent(info) => {
                write!(f, "agent {}", info.id.as_ref().map_or("without id", |id| id.value.as_str()))
            }
            Write::ForgetAgent => f.write_str("forget agent"),
            Write::Drain { config: Some(_), .. } => f.write_str("drain"),
            Write::Drain { config: None, .. } => f.write_str("drained"),
            Write::Assets(state) => {
                let resources = Resources::from_wire(&state.resources).unwrap_or_default();
                write!(f, "assets {resources}, {} operations", state.operations.len())
            }
            Write::Framework { run, .. } => write!(f, "framework {}", run.framework),
            Write::Executor { run, .. } => write!(f, "executor {}", run.executor),
            Write::Task { task, .. } => write!(f, "task {}", task.task_id.value),
            Write::Update { task, record, .. } => match (record.r#type(), &record.update) {
                (status_update_record::Type::Update, Some(update)) => {
                    write!(f, "update {task} {}", update.status.state().as_str_name())
                }
                (status_update_record::Type::Update, None) => write!(f, "update {task}"),
                (status_update_record::Type::Ack, _) => write!(f, "ack {task}"),
            },
            Write::Subscription { run, pid: None } => write!(f, "http marker of {}", run.executor),
            Write::Subscription { run, pid: Some(pid) } => write!(f, "pid of {} {pid}", run.executor),
            Write::Sentinel(run) => write!(f, "sentinel of {}", run.executor),
        }
    }
}

impl fmt::Display for Launch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "launch {} with {}", self.run, self.resources)
    }
}
