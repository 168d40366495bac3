//! Performs the core's writes.

use std::fs;
use std::path::Path;

use tepui_agent_core::{Run, Write};
use tepui_proto::v1;

use super::files::{self, FileError};
use super::{assets, layout};

pub(super) fn perform(work_dir: &Path, write: Write) -> Result<(), FileError> {
    match write {
        Write::Agent(info) => agent(work_dir, &info),
        Write::Assets(state) => assets::write(work_dir, &state),
        Write::ForgetAgent => remove(&layout::slaves(work_dir).join(layout::LATEST)),
        Write::Drain { agent, config } => {
            let path = layout::slaves(work_dir).join(agent.as_str()).join(layout::DRAIN_CONFIG);
            match config {
                Some(config) => files::replace(&path, &files::encode(&config)),
                None => remove(&path),
            }
        }
        Write::Framework { run, info, pid } => {
            let directory = run.framework_meta(work_dir);
            files::replace(&directory.join(layout::FRAMEWORK_INFO), &files::encode(&*info))?;
            files::replace(&directory.join(layout::FRAMEWORK_PID), pid.as_bytes())
        }
        Write::Executor { run, info, generated } => executor(work_dir, &run, &info, generated),
        Write::Task { run, task } => {
            let id = tepui_model::TaskId::from_wire(&task.task_id).expect("the core checks the ids of tasks");
            let path = layout::task(work_dir, &run, &id).join(layout::TASK_INFO);
            files::replace(&path, &files::encode(&*task))
        }
        Write::Update { run, task, record } => {
            let path = layout::task(work_dir, &run, &task).join(layout::TASK_UPDATES);
            files::append(&path, &files::encode(&*record))
        }
        Write::Subscription { run, pid: None } => {
            files::replace(&run.meta(work_dir).join(layout::HTTP_MARKER), b"")
        }
        Write::Subscription { run, pid: Some(pid) } => {
            files::replace(&layout::libprocess_pid(work_dir, &run), pid.as_str().as_bytes())
        }
        Write::Sentinel(run) => files::replace(&run.meta(work_dir).join(layout::EXECUTOR_SENTINEL), b""),
    }
}

/// The agent's id must survive the machine: the master knows it too.
fn agent(work_dir: &Path, info: &v1::AgentInfo) -> Result<(), FileError> {
    let Some(id) = &info.id else { return Ok(()) };
    let slaves = layout::slaves(work_dir);
    files::replace_durably(&slaves.join(&id.value).join(layout::SLAVE_INFO), &files::encode(info))?;
    files::link(&slaves.join(layout::LATEST), Path::new(&id.value))?;
    let sandboxes = work_dir.join("slaves");
    fs::create_dir_all(sandboxes.join(&id.value)).map_err(files::failed("make directory", &sandboxes))?;
    files::link(&sandboxes.join(layout::LATEST), Path::new(&id.value))
}

/// Removes a file or a link, if it is there.
fn remove(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
            Err(files::failed("remove", path)(cause))
        }
        _ => Ok(()),
    }
}

fn executor(work_dir: &Path, run: &Run, info: &v1::ExecutorInfo, generated: bool) -> Result<(), FileError> {
    let directory = run.executor_meta(work_dir);
    files::replace(&directory.join(layout::EXECUTOR_INFO), &files::encode(info))?;
    if generated {
        files::replace(&directory.join(layout::EXECUTOR_GENERATED), b"")?;
    }
    let meta = run.meta(work_dir);
    fs::create_dir_all(&meta).map_err(files::failed("make directory", &meta))?;
    files::link(&directory.join("runs").join(layout::LATEST), Path::new(&run.container.to_string()))
}

/// Written as soon as there is a process.
pub(crate) fn forked_pid(work_dir: &Path, run: &Run, pid: u32) -> Result<(), FileError> {
    files::replace(&run.forked_pid(work_dir), pid.to_string().as_bytes())
}
