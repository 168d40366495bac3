//! `/metrics/snapshot`: one flat object of numbers; and `/metrics`, the same for Prometheus.

use std::collections::BTreeMap;

use libactor::AskError;
use libactor::web::web::Data;
use libactor::web::{HttpRequest, HttpResponse};
use tepui_agent_core::{Executor, ExecutorPhase, Phase};
use tepui_model::{Resources, duration};
use tepui_proto::v1::TaskState;

use super::{Site, answer};
use crate::actor::AgentActor;

pub(super) async fn serve(request: &HttpRequest, site: &Site) -> Result<HttpResponse, AskError> {
    // Ours never takes long enough to need the time-out that clients may give.
    if let Some(timeout) = answer::query(request, "timeout")
        && let Err(why) = duration::parse(&timeout)
    {
        return Ok(answer::text(400, format!("Invalid timeout '{timeout}': {why}.\n")));
    }
    Ok(answer::json(request, &snapshot(site).await?))
}

/// Every metric of the process, and the agent's.
pub(super) async fn snapshot(site: &Site) -> Result<BTreeMap<String, f64>, AskError> {
    let mut snapshot = libactor::metrics::snapshot();
    snapshot.extend(figures(site).await?);
    Ok(snapshot)
}

/// `GET /metrics`.
pub(super) async fn prometheus(site: Data<Site>) -> HttpResponse {
    match figures(&site).await {
        Ok(figures) => {
            let text = libactor::metrics::prometheus(figures);
            HttpResponse::Ok().content_type(libactor::metrics::PROMETHEUS).body(text)
        }
        Err(_ended) => answer::ending(),
    }
}

/// What the agent looks up when it is asked.
async fn figures(site: &Site) -> Result<BTreeMap<String, f64>, AskError> {
    let mut metrics = site.look(of_agent).await?;
    let mut set = |name: &str, value: f64| {
        metrics.insert(name.to_owned(), value);
    };
    let uptime = site.clock.now().as_secs_f64() - site.world.started;
    set("slave/uptime_secs", uptime.max(0.0));
    let collected = site.world.collector.counts();
    set("gc/path_removals_pending", collected.pending as f64);
    set("gc/path_removals_succeeded", collected.succeeded as f64);
    set("gc/path_removals_failed", collected.failed as f64);
    set("slave/executor_directory_max_allowed_age_secs", collected.max_age.as_secs_f64());
    Ok(metrics)
}

fn of_agent(agent: &AgentActor) -> BTreeMap<String, f64> {
    let core = &agent.core;
    let mut metrics = BTreeMap::new();
    let mut set = |name: &str, value: f64| {
        metrics.insert(name.to_owned(), value);
    };
    let counters = core.counters();
    for name in ["failed", "finished", "killed", "lost", "gone"] {
        let name = format!("slave/tasks_{name}");
        set(&name, counters.ended.get(name.as_str()).copied().unwrap_or_default() as f64);
    }
    set("slave/registered", f64::from(u8::from(matches!(core.phase(), Phase::Running { .. }))));
    set("slave/frameworks_active", core.frameworks().count() as f64);
    set("slave/valid_status_updates", counters.valid_status_updates as f64);
    set("slave/invalid_status_updates", counters.invalid_status_updates as f64);
    set("slave/valid_framework_messages", counters.valid_framework_messages as f64);
    set("slave/invalid_framework_messages", counters.invalid_framework_messages as f64);
    set("slave/executors_terminated", counters.executors_terminated as f64);
    set("slave/container_launch_errors", counters.container_launch_errors as f64);
    set("slave/recovery_errors", counters.recovery_errors as f64);

    let executors: Vec<&Executor> =
        core.frameworks().flat_map(|framework| framework.executors.values()).collect();
    let in_phase =
        |wanted: fn(&ExecutorPhase) -> bool| executors.iter().filter(|one| wanted(&one.phase)).count() as f64;
    set("slave/executors_registering", in_phase(|phase| matches!(phase, ExecutorPhase::Registering)));
    set("slave/executors_running", in_phase(|phase| matches!(phase, ExecutorPhase::Running { .. })));
    set("slave/executors_terminating", in_phase(|phase| matches!(phase, ExecutorPhase::Terminating { .. })));
    let in_state = |wanted: TaskState| {
        let tasks = executors.iter().flat_map(|one| one.launched.values());
        tasks.filter(|record| record.task.state() == wanted).count() as f64
    };
    let queued: usize = executors.iter().map(|one| one.queued.len()).sum();
    set("slave/tasks_staging", in_state(TaskState::TaskStaging) + queued as f64);
    set("slave/tasks_starting", in_state(TaskState::TaskStarting));
    set("slave/tasks_running", in_state(TaskState::TaskRunning));
    set("slave/tasks_killing", in_state(TaskState::TaskKilling));

    let total = Resources::from_wire(&core.info().resources).unwrap_or_default();
    let used = executors.iter().fold(Resources::new(), |sum, one| sum + &one.needs());
    for (kind, total, used) in [
        ("", total.non_revocable(), used.non_revocable()),
        ("_revocable", total.revocable(), used.revocable()),
    ] {
        let amounts =
            |all: &Resources| [all.cpus(), all.mem(), all.disk(), all.gpus()].map(|amount| amount.as_f64());
        let (totals, useds) = (amounts(&total), amounts(&used));
        for (n, name) in ["cpus", "mem", "disk", "gpus"].into_iter().enumerate() {
            let percent = if totals[n] > 0.0 { useds[n] / totals[n] } else { 0.0 };
            set(&format!("slave/{name}{kind}_total"), totals[n]);
            set(&format!("slave/{name}{kind}_used"), useds[n]);
            set(&format!("slave/{name}{kind}_percent"), percent);
        }
    }
    metrics
}
