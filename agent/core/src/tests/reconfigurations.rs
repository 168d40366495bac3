//! What an agent may change between two starts.

use super::world::{info, resources};
use crate::{Policy, compare};
use tepui_proto::v1::AgentInfo;

fn why(policy: Policy, change: impl FnOnce(&mut AgentInfo)) -> Option<String> {
    let mut new = info();
    change(&mut new);
    compare(policy, &info(), &new).err().map(|why| why.to_string())
}

#[test]
fn the_same_agent_may_always_come_back() {
    assert_eq!(why(Policy::Equal, |_| ()), None);
    assert_eq!(why(Policy::Additive, |_| ()), None);
}

#[test]
fn another_hostname_or_port_is_another_agent() {
    let hostname = why(Policy::Additive, |info| info.hostname = "node8".into());
    let port = why(Policy::Additive, |info| info.port = Some(5052));

    assert_eq!(hostname.as_deref(), Some("the hostname was 'node7' and is now 'node8'"));
    assert_eq!(port.as_deref(), Some("the port was 5051 and is now 5052"));
}

#[test]
fn more_resources_need_the_additive_policy() {
    let more =
        |info: &mut AgentInfo| info.resources = resources("cpus:8;mem:4096;ports:[30000-32000];gpus:1");

    assert!(
        why(Policy::Equal, more).is_some_and(|why| why.starts_with("the resources were 'cpus:4; mem:4096"))
    );
    assert_eq!(why(Policy::Additive, more), None);
}

#[test]
fn fewer_resources_are_never_fine() {
    let fewer = |info: &mut AgentInfo| info.resources = resources("cpus:2;mem:4096;ports:[31000-32000]");

    assert!(why(Policy::Additive, fewer).is_some());
}
