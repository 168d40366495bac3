//! `POST /api/v1`: the operator's calls.

use libactor::AskError;
use libactor::web::{Bytes, HttpRequest, HttpResponse};
use prost::Message;
use tepui_agent_core::{Executor, Framework};
use tepui_daemon::Verbosity;
use tepui_model::secrets;
use tepui_proto::v1;
use tepui_proto::v1::agent::response::{self, Type};
use tepui_proto::v1::agent::{Call, Response, call};
use tepui_proto::{json, wire};

use super::answer::Refusal;
use super::negotiate::{self, Encoding};
use super::{Site, answer, files, lists, metrics, state, statistics};
use crate::actor::AgentActor;

const TAKEN: &str = "application/json or application/x-protobuf or application/recordio";

pub(super) async fn serve(request: &HttpRequest, body: Bytes, site: &Site) -> Result<HttpResponse, AskError> {
    let call: Result<Call, String> = match negotiate::content_type(request, TAKEN) {
        Ok(Encoding::Json) => negotiate::from_json(&body),
        Ok(Encoding::Protobuf) => {
            wire::decode(&body).map_err(|_| "Failed to parse body into Call protobuf".into())
        }
        Err(refused) => return Ok(refused.answer()),
    };
    let call = match call.and_then(check) {
        Ok(call) => call,
        Err(why) => return Ok(answer::text(400, why)),
    };
    let Some(encoding) = negotiate::accepted(request) else {
        return Ok(answer::text(406, format!("Expecting 'Accept' to allow {TAKEN}")));
    };
    if let (call::Type::SetLoggingLevel, Some(set)) = (call.r#type(), &call.set_logging_level) {
        let set = Verbosity::of_process().set_by_call(set.level, &set.duration, &site.clock);
        return Ok(set.map_or_else(|refused| Refusal::from(refused).answer(), |()| answer::empty(200)));
    }
    let response = match answer_to(call, site).await? {
        Ok(response) => response,
        Err(refused) => return Ok(refused.answer()),
    };
    let body = match encoding {
        Encoding::Protobuf => response.encode_to_vec(),
        Encoding::Json => match lists::of(&response).map(|list| serde_json::to_vec(&list)) {
            Some(Ok(list)) => list,
            Some(Err(_)) | None => json::to_vec(&response),
        },
    };
    Ok(answer::bytes(request, encoding.media_type(), body))
}

fn check(call: Call) -> Result<Call, String> {
    let missing =
        |field: &str| Err(format!("Failed to validate agent::Call: Expecting '{field}' to be present"));
    match call.r#type.and_then(|kind| call::Type::try_from(kind).ok()) {
        None => missing("type"),
        Some(call::Type::GetMetrics) if call.get_metrics.is_none() => missing("get_metrics"),
        Some(call::Type::SetLoggingLevel) if call.set_logging_level.is_none() => missing("set_logging_level"),
        Some(call::Type::ListFiles) if call.list_files.is_none() => missing("list_files"),
        Some(call::Type::ReadFile) if call.read_file.is_none() => missing("read_file"),
        Some(_) => Ok(call),
    }
}

async fn answer_to(call: Call, site: &Site) -> Result<Result<Response, Refusal>, AskError> {
    let of = |kind: Type| Response { r#type: Some(kind as i32), ..Response::default() };
    Ok(Ok(match call.r#type() {
        call::Type::GetHealth => {
            Response { get_health: Some(response::GetHealth { healthy: true }), ..of(Type::GetHealth) }
        }
        call::Type::GetVersion => {
            let version_info =
                v1::VersionInfo { version: state::API_VERSION.into(), ..v1::VersionInfo::default() };
            Response {
                get_version: Some(Box::new(response::GetVersion { version_info })),
                ..of(Type::GetVersion)
            }
        }
        call::Type::GetFlags => {
            let flags = site.world.config.shown_flags().into_iter();
            let flags = flags.map(|(name, value)| v1::Flag { name, value: Some(value) }).collect();
            Response { get_flags: Some(response::GetFlags { flags }), ..of(Type::GetFlags) }
        }
        call::Type::GetMetrics => {
            let all = metrics::snapshot(site).await?.into_iter();
            let metrics = all.map(|(name, value)| v1::Metric { name, value: Some(value) }).collect();
            Response { get_metrics: Some(response::GetMetrics { metrics }), ..of(Type::GetMetrics) }
        }
        call::Type::GetLoggingLevel => {
            let level = response::GetLoggingLevel { level: Verbosity::of_process().level() };
            Response { get_logging_level: Some(level), ..of(Type::GetLoggingLevel) }
        }
        call::Type::GetState => {
            let state = site.look(|agent| response::GetState {
                get_tasks: Some(Box::new(tasks(agent))),
                get_executors: Some(Box::new(executors(agent))),
                get_frameworks: Some(Box::new(frameworks(agent))),
            });
            Response { get_state: Some(state.await?), ..of(Type::GetState) }
        }
        call::Type::GetTasks => {
            Response { get_tasks: Some(Box::new(site.look(tasks).await?)), ..of(Type::GetTasks) }
        }
        call::Type::GetExecutors => {
            Response { get_executors: Some(Box::new(site.look(executors).await?)), ..of(Type::GetExecutors) }
        }
        call::Type::GetFrameworks => Response {
            get_frameworks: Some(Box::new(site.look(frameworks).await?)),
            ..of(Type::GetFrameworks)
        },
        call::Type::GetAgent => {
            let agent = site.look(|agent| {
                let drain = agent.core.drain();
                response::GetAgent {
                    agent_info: Some(Box::new(agent.core.info().clone())),
                    drain_config: drain.map(|drain| drain.config),
                    estimated_drain_start_time: drain.map(|drain| drain.since.into()),
                }
            });
            let agent = agent.await?;
            Response { get_agent: Some(Box::new(agent)), ..of(Type::GetAgent) }
        }
        call::Type::GetContainers => {
            let containers: Vec<_> = statistics::samples(site).await?.into_iter().map(container).collect();
            // As Mesos: nothing rather than an empty list.
            let found = (!containers.is_empty()).then_some(response::GetContainers { containers });
            Response { get_containers: found, ..of(Type::GetContainers) }
        }
        call::Type::ListFiles => {
            let path = call.list_files.map(|list| list.path).unwrap_or_default();
            match files::list(site, &path).await {
                Ok(file_infos) => {
                    Response { list_files: Some(response::ListFiles { file_infos }), ..of(Type::ListFiles) }
                }
                Err(refused) => return Ok(Err(refused)),
            }
        }
        call::Type::ReadFile => {
            let read = call.read_file.map(|read| *read).unwrap_or_default();
            match files::read_part(site, &read.path, read.offset, read.length).await {
                Ok((size, data)) => {
                    let read = response::ReadFile { size, data };
                    Response { read_file: Some(Box::new(read)), ..of(Type::ReadFile) }
                }
                Err(refused) => return Ok(Err(refused)),
            }
        }
        call::Type::GetOperations => {
            let operations = site.look(|agent| agent.core.operations().collect()).await?;
            let get_operations = Some(response::GetOperations { operations });
            Response { get_operations, ..of(Type::GetOperations) }
        }
        call::Type::GetResourceProviders => Response {
            get_resource_providers: Some(response::GetResourceProviders::default()),
            ..of(Type::GetResourceProviders)
        },
        call::Type::Unknown => return Ok(Err(Refusal::new(501, "501 Not Implemented."))),
        other => {
            let why =
                format!("501 Not Implemented. This agent does not have the call {} yet", other.as_str_name());
            return Ok(Err(Refusal::new(501, why)));
        }
    }))
}

fn frameworks(agent: &AgentActor) -> response::GetFrameworks {
    let shown = |framework: &Framework| response::get_frameworks::Framework {
        framework_info: v1::FrameworkInfo::clone(&framework.info),
    };
    response::GetFrameworks {
        frameworks: agent.core.frameworks().map(shown).collect(),
        completed_frameworks: agent.core.completed_frameworks().map(shown).collect(),
    }
}

fn executors(agent: &AgentActor) -> response::GetExecutors {
    let shown = |executor: &Executor| response::get_executors::Executor {
        executor_info: secrets::executor(&executor.info),
    };
    let all = || agent.core.frameworks().chain(agent.core.completed_frameworks());
    response::GetExecutors {
        executors: all().flat_map(|framework| framework.executors.values()).map(shown).collect(),
        completed_executors: all().flat_map(|framework| &framework.completed).map(shown).collect(),
    }
}

fn tasks(agent: &AgentActor) -> response::GetTasks {
    let mut shown = response::GetTasks::default();
    for framework in agent.core.frameworks().chain(agent.core.completed_frameworks()) {
        for executor in framework.executors.values() {
            shown.queued_tasks.extend(agent.core.queued_tasks(executor));
            shown.launched_tasks.extend(agent.core.launched_tasks(executor));
            shown.terminated_tasks.extend(agent.core.terminated_tasks(executor));
            shown.completed_tasks.extend(executor.completed.iter().cloned());
        }
        shown
            .completed_tasks
            .extend(framework.completed.iter().flat_map(|executor| executor.completed.iter().cloned()));
    }
    let lists = [
        &mut shown.queued_tasks,
        &mut shown.launched_tasks,
        &mut shown.terminated_tasks,
        &mut shown.completed_tasks,
    ];
    lists.into_iter().flatten().for_each(secrets::hide_in_task);
    shown
}

fn container(sample: statistics::Sample) -> response::get_containers::Container {
    response::get_containers::Container {
        framework_id: Some(sample.executor.run.framework.to_wire()),
        executor_id: Some(sample.executor.id().to_wire()),
        executor_name: Some(sample.executor.info.name().to_owned()),
        container_id: sample.executor.run.container.to_wire(),
        container_status: Some(Box::new(sample.status())),
        resource_statistics: sample.statistics.map(Box::new),
    }
}
