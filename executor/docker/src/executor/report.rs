//! What a container's state is in a task's words.

use bollard::models::ContainerInspectResponse;
use tepui_executor::policy::{self, Asked, Verdict};
use tepui_executor::{Update, v1};

use super::task::Unknown;
use crate::container::Ending;

/// The largest inspection that is sent along. Real ones have a few kilobytes.
const LARGEST_INSPECTION: usize = 64 << 10;

/// Where the task is reached, as frameworks of Mesos expect to find it: also as a label with the address.
pub(super) fn placed(update: Update, inspected: &ContainerInspectResponse) -> Update {
    let networks = inspected.network_settings.as_ref().and_then(|settings| settings.networks.as_ref());
    let mut addresses: Vec<(&String, &String)> = networks
        .into_iter()
        .flatten()
        .filter_map(|(name, endpoint)| Some((name, endpoint.ip_address.as_ref()?)))
        .filter(|(_, address)| !address.is_empty())
        .collect();
    addresses.sort();
    let mut update = update;
    if let Some((_, address)) = addresses.first() {
        update = update.label("Docker.NetworkSettings.IPAddress", address.as_str());
    }
    for (name, address) in addresses {
        let address = v1::network_info::IpAddress { ip_address: Some(address.clone()), ..Default::default() };
        let name = Some(name.clone());
        update = update.network(v1::NetworkInfo { name, ip_addresses: vec![address], ..Default::default() });
    }
    update
}

/// What the engine says about the task, as frameworks of Mesos expect to find it: as `data`. Values of variables are left out.
pub(super) fn described(update: Update, inspected: &ContainerInspectResponse) -> Update {
    let mut shown = inspected.clone();
    let variables = shown.config.as_mut().and_then(|config| config.env.as_mut());
    for variable in variables.into_iter().flatten() {
        let name = variable.split('=').next().unwrap_or_default().len();
        variable.truncate(name);
    }
    match serde_json::to_vec(&[shown]) {
        Ok(data) if data.len() <= LARGEST_INSPECTION => update.data(data),
        _ => update,
    }
}

/// The final word on a task whose container is gone.
pub(super) fn verdict(ended: Result<Ending, Unknown>, asked: Asked) -> Verdict {
    let ending = match ended {
        Ok(ending) => ending,
        // Not the status, which nobody knows, but what was asked decides.
        Err(Unknown(why)) => {
            let unknown = policy::verdict("Container", policy::Ending::Exited(1), asked, false);
            return Verdict { message: format!("Container ended with an unknown status: {why}"), ..unknown };
        }
    };
    let code = i32::try_from(ending.code).unwrap_or(i32::MAX);
    let mut verdict = policy::verdict("Container", policy::Ending::Exited(code), asked, ending.out_of_memory);
    if let Some(error) = ending.error {
        verdict.message = format!("{}: {error}", verdict.message);
    }
    if ending.by_engine {
        verdict.message = format!("{}; the Docker engine ended and took it along", verdict.message);
        if verdict.state == v1::TaskState::TaskFinished {
            // However well: it had not come to its own end.
            verdict.state = v1::TaskState::TaskFailed;
        }
    }
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(code: i64, out_of_memory: bool) -> Result<Ending, Unknown> {
        Ok(Ending { code, out_of_memory, error: None, by_engine: false })
    }

    #[test]
    fn a_containers_end_is_its_tasks() {
        let says = |ended, asked| {
            let verdict = verdict(ended, asked);
            let reason = verdict.reason.map_or("", |reason| reason.as_str_name());
            format!("{} {reason} {}", verdict.state.as_str_name(), verdict.message)
        };

        assert_eq!(says(ended(0, false), Asked::Nothing), "TASK_FINISHED  Container exited with status 0");
        assert_eq!(says(ended(7, false), Asked::Nothing), "TASK_FAILED  Container exited with status 7");
        assert_eq!(says(ended(137, false), Asked::Kill), "TASK_KILLED  Container exited with status 137");
        assert_eq!(
            says(Ok(Ending { code: 0, out_of_memory: false, error: None, by_engine: true }), Asked::Nothing),
            "TASK_FAILED  Container exited with status 0; the Docker engine ended and took it along"
        );
        assert_eq!(
            says(Err(Unknown("nobody knows".into())), Asked::Kill),
            "TASK_KILLED  Container ended with an unknown status: nobody knows"
        );
        assert_eq!(
            says(ended(137, true), Asked::Nothing),
            "TASK_FAILED REASON_CONTAINER_LIMITATION_MEMORY Memory limit exceeded: Container exited with status 137"
        );
    }
}
