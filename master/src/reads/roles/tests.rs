//! Roles in the words of Mesos, letter for letter as they were recorded.

use std::collections::BTreeSet;
use std::sync::Arc;

use tepui_master_core::{
    AgentStanding, AgentView, Changed, FrameworkHandle, FrameworkStanding, FrameworkView,
};
use tepui_model::{AgentId, FrameworkId, Resources, Role, Time};
use tepui_proto::json;
use tepui_proto::v1;
use tepui_proto::v1::master::response::GetRoles;

use super::super::cluster::Cluster;
use super::{RoleUse, of};

/// The framework of the recordings.
const FRAMEWORK: &str = "1dea3ee8-03d3-4474-a434-85388d316570-0000";

fn role(name: &str) -> Role {
    Role::parse(name).expect("a role")
}

fn resources(text: &str, allocated: &str) -> Resources {
    let mut resources = Resources::parse(text, &role("*")).expect("resources");
    resources.allocate(&role(allocated));
    resources
}

fn framework(roles: &[&str], used: Resources, offered: Resources) -> Changed {
    let info = v1::FrameworkInfo {
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        ..v1::FrameworkInfo::default()
    };
    Changed::Framework(Arc::new(FrameworkView {
        id: FrameworkId::parse(FRAMEWORK).expect("an id"),
        handle: FrameworkHandle::new(0, 0),
        info: Arc::new(info),
        standing: FrameworkStanding::Active,
        pid: None,
        registered: Time::from_nanos(1),
        reregistered: None,
        unregistered: None,
        used: Arc::new(used),
        offered: Arc::new(offered),
        suppressed_roles: Vec::new(),
        offer_constraints: None,
    }))
}

fn agent(total: &str) -> Changed {
    Changed::Agent(Arc::new(AgentView {
        id: AgentId::parse("a").expect("an id"),
        handle: None,
        info: Some(Arc::default()),
        standing: AgentStanding::Active,
        deactivated: false,
        drain: None,
        pid: None,
        version: "1.11.0".into(),
        capabilities: Arc::default(),
        registered: None,
        reregistered: None,
        total: Arc::new(Resources::parse(total, &role("*")).expect("resources")),
        used: Arc::default(),
        offered: Arc::default(),
    }))
}

fn cluster(changes: Vec<Changed>) -> Cluster {
    let mut cluster = Cluster::default();
    changes.into_iter().for_each(|change| cluster.apply(change));
    cluster
}

/// `/roles`, and the message of GET_ROLES.
fn both(cluster: &Cluster, whitelist: Option<&[&str]>) -> (String, String) {
    let whitelist: Option<BTreeSet<String>> =
        whitelist.map(|roles| roles.iter().map(|role| (*role).to_owned()).collect());
    let roles = of(cluster, whitelist.as_ref());
    let message = GetRoles { roles: roles.iter().map(RoleUse::message).collect() };
    (serde_json::to_string(&roles).expect("they are JSON"), json::to_string(&message))
}

fn names(cluster: &Cluster, whitelist: Option<&[&str]>) -> Vec<String> {
    let whitelist: Option<BTreeSet<String>> =
        whitelist.map(|roles| roles.iter().map(|role| (*role).to_owned()).collect());
    of(cluster, whitelist.as_ref()).into_iter().map(|role| role.name).collect()
}

#[test]
fn a_role_that_runs_a_task_and_one_that_has_an_offer_read_as_recorded() {
    let cluster = cluster(vec![framework(
        &["web", "batch"],
        resources("cpus:0.5;mem:64;ports:[31000-31001]", "batch"),
        resources("cpus:3.5;disk:10000;mem:4032;ports:[31002-32000]", "web"),
    )]);

    let (legacy, v1) = both(&cluster, None);

    let recorded = r#"[{"name":"batch","weight":1.0,"quota":{"role":"batch","guarantee":{},"limit":{},"consumed":{"cpus":0.5,"mem":64.0,"ports":2.0}},"resources":{"cpus":0.5,"mem":64.0,"ports":2.0},"allocated":{"cpus":0.5,"mem":64.0,"ports":2.0},"offered":{},"reserved":{},"frameworks":["1dea3ee8-03d3-4474-a434-85388d316570-0000"]},{"name":"web","weight":1.0,"quota":{"role":"web","guarantee":{},"limit":{},"consumed":{}},"resources":{"cpus":3.5,"disk":10000.0,"mem":4032.0,"ports":999.0},"allocated":{},"offered":{"cpus":3.5,"disk":10000.0,"mem":4032.0,"ports":999.0},"reserved":{},"frameworks":["1dea3ee8-03d3-4474-a434-85388d316570-0000"]}]"#;
    assert_eq!(legacy, recorded);
    let recorded = r#"{"roles":[{"name":"batch","weight":1.0,"frameworks":[{"value":"1dea3ee8-03d3-4474-a434-85388d316570-0000"}],"resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":0.5}},{"name":"mem","type":"SCALAR","scalar":{"value":64.0}}]},{"name":"web","weight":1.0,"frameworks":[{"value":"1dea3ee8-03d3-4474-a434-85388d316570-0000"}],"resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":3.5}},{"name":"disk","type":"SCALAR","scalar":{"value":10000.0}},{"name":"mem","type":"SCALAR","scalar":{"value":4032.0}}]}]}"#;
    assert_eq!(v1, recorded);
}

#[test]
fn nothing_is_known_of_roles_in_an_empty_cluster() {
    assert_eq!(both(&cluster(Vec::new()), None), ("[]".to_owned(), "{}".to_owned()));
}

#[test]
fn what_is_reserved_counts_once_for_quota_whether_it_is_used_or_not() {
    let mut used = Resources::parse("cpus(web):1;cpus:2", &role("*")).expect("resources");
    used.allocate(&role("web"));
    let cluster = cluster(vec![
        agent("cpus(web):4;ports(web):[1-3];cpus:8"),
        framework(&["web"], used, Resources::new()),
    ]);

    let (legacy, _) = both(&cluster, None);

    assert!(legacy.contains(r#""consumed":{"cpus":6.0,"ports":3.0}"#), "{legacy}");
    assert!(legacy.contains(r#""allocated":{"cpus":3.0}"#), "{legacy}");
    assert!(legacy.contains(r#""reserved":{"cpus":4.0,"ports":3.0}"#), "{legacy}");
}

#[test]
fn a_role_that_a_framework_left_is_its_own_as_long_as_it_holds_something_there() {
    let cluster = cluster(vec![framework(&["web"], resources("cpus:1", "old/one"), Resources::new())]);

    let (legacy, _) = both(&cluster, None);

    assert_eq!(names(&cluster, None), ["old", "old/one", "web"]);
    assert_eq!(legacy.matches(FRAMEWORK).count(), 2, "{legacy}");
}

#[test]
fn with_a_whitelist_its_roles_are_there_and_no_others() {
    let cluster = cluster(vec![framework(&["web", "batch"], resources("cpus:1", "web"), Resources::new())]);

    assert_eq!(names(&cluster, Some(&["web", "ads/eu"])), ["*", "ads", "ads/eu", "web"]);
}
