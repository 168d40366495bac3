//! Single agents: kept out of offers, let in again, and declared dead.

use std::time::Duration;

use expect_test::expect;
use tepui_proto::v1::AgentId;
use tepui_proto::v1::framework_info::capability::Type as Capability;
use tepui_proto::v1::master::call;

use crate::cluster::{Cluster, capability, cluster, task};

fn id(agent: &str) -> AgentId {
    AgentId { value: agent.into() }
}

fn deactivate(cluster: &mut Cluster, agent: &str) {
    cluster.operate(call::Type::DeactivateAgent, |call| {
        call.deactivate_agent = Some(call::DeactivateAgent { agent_id: id(agent) });
    });
}

fn reactivate(cluster: &mut Cluster, agent: &str) {
    cluster.operate(call::Type::ReactivateAgent, |call| {
        call.reactivate_agent = Some(call::ReactivateAgent { agent_id: id(agent) });
    });
}

fn mark_gone(cluster: &mut Cluster, agent: &str) {
    cluster.operate(call::Type::MarkAgentGone, |call| {
        call.mark_agent_gone = Some(call::MarkAgentGone { agent_id: id(agent) });
    });
}

#[test]
fn a_deactivated_agent_is_not_offered_until_it_is_active_again() {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024").framework("web");
    cluster.wait(1);
    cluster.forget();

    deactivate(&mut cluster, "m-S0");
    cluster.wait(2);
    expect![[r#"
        registry <- m-S0 is deactivated
        allocator <- deactivate a0
        stream 1 <- RESCIND m-O0
        allocator <- recovered offered cpus(allocated: *):4; mem(allocated: *):1024 on a0 from f0
        request 2 <- 200
    "#]]
    .assert_eq(&cluster.effects());

    reactivate(&mut cluster, "m-S0");
    cluster.wait(2);
    expect![[r#"
        request 3 <- 200
        stream 1 <- OFFERS m-O1 on m-S0 (cpus:4; mem:1024)
    "#]]
    .assert_eq(&cluster.heard());
}

#[test]
fn a_deactivated_agent_stays_so_when_it_or_the_master_comes_back() {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024").framework("web");
    deactivate(&mut cluster, "m-S0");
    cluster.lose("a1");
    let message = cluster.reintroduce("a1");
    cluster.reregister("a1", message);
    cluster.wait(2);
    cluster.forget();
    cluster.lose("a1");
    cluster.advance(Duration::from_secs(601));
    cluster.forget();

    let mut cluster = cluster.failover();
    let message = cluster.reintroduce("a1");
    cluster.reregister("a1", message);

    expect![[r#"
        registry <- m-S0 is reachable
        arm ping of a0 at 10:18
        watch slave(1)@10.0.0.1:5051
        allocator <- add a0 cpus:4; mem:1024, inactive
        slave(1)@10.0.0.1:5051 <- Reregistered as m-S0
        slave(1)@10.0.0.1:5051 <- Ping
    "#]]
    .assert_eq(&cluster.effects());
    expect![[r#"[MinimumCapability { capability: "AGENT_DRAINING" }]"#]]
        .assert_eq(&format!("{:?}", cluster.registry.minimum_capabilities));
}

#[test]
fn an_agent_marked_gone_is_shut_down_and_its_tasks_with_it() {
    let aware = |info: &mut tepui_proto::v1::FrameworkInfo| {
        info.capabilities = vec![capability(Capability::PartitionAware)];
    };
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024").framework_like("web", aware).running(
        "web",
        "a1",
        task("t1", "cpus:1; mem:64"),
    );
    cluster.set_slow_disk(true);

    mark_gone(&mut cluster, "m-S0");
    mark_gone(&mut cluster, "m-S0");
    deactivate(&mut cluster, "m-S0");
    cluster.write();
    mark_gone(&mut cluster, "m-S0");
    let message = cluster.reintroduce("a1");
    cluster.reregister("a1", message);

    expect![[r#"
        request 5 <- 503 Agent m-S0 is currently in transition; try again
        request 6 <- 409 Agent m-S0 is being marked gone
        slave(1)@10.0.0.1:5051 <- Shutdown: Agent has been marked gone
        stream 1 <- UPDATE t1 TASK_GONE_BY_OPERATOR on m-S0 REASON_AGENT_REMOVED_BY_OPERATOR 'Agent has been marked gone'
        stream 1 <- FAILURE of m-S0
        request 4 <- 200
        request 7 <- 200
        slave(1)@10.0.0.1:5051 <- Shutdown: Agent has been marked gone
    "#]].assert_eq(&cluster.heard());
    assert_eq!(cluster.registry.gone.as_ref().map(|gone| gone.slaves.len()), Some(1));
}

#[test]
fn agents_that_are_away_can_be_marked_gone() {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024").agent("a2", "cpus:4; mem:1024");
    cluster.lose("a1");
    cluster.advance(Duration::from_secs(601));
    let mut cluster = cluster.failover();

    mark_gone(&mut cluster, "m-S0");
    mark_gone(&mut cluster, "m-S1");
    cluster.advance(Duration::from_secs(601));

    expect![[r#"
        registry <- m-S0 is gone since 10:01
        request 1 <- 200
        registry <- m-S1 is gone since 10:01
        request 2 <- 200
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn what_cannot_be_decided_of_an_agent_is_refused() {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024");
    cluster.forget();

    deactivate(&mut cluster, "m-S9");
    reactivate(&mut cluster, "m-S0");
    mark_gone(&mut cluster, "m-S9");
    mark_gone(&mut cluster, "a/b");
    cluster.operate(call::Type::MarkAgentGone, |_| {});

    expect![[r#"
        request 1 <- 400 Unknown agent m-S9
        request 2 <- 400 Agent m-S0 is not deactivated
        request 3 <- 404 Agent 'm-S9' not found
        request 4 <- 400 'a/b' is no agent's id
        request 5 <- 400 Failed to validate master::Call: Expecting 'mark_agent_gone' to be present
    "#]]
    .assert_eq(&cluster.heard());
}
