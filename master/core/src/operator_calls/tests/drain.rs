//! Draining: no more offers, the agent is told, and the last task that is acknowledged ends it.

use std::time::Duration;

use expect_test::expect;
use tepui_proto::json;
use tepui_proto::v1::TaskState::TaskKilled;
use tepui_proto::v1::maintenance::{Schedule, Window};
use tepui_proto::v1::master::call;
use tepui_proto::v1::{AgentId, MachineId};

use crate::cluster::{Cluster, all_capabilities, cluster, task};

fn id(agent: &str) -> AgentId {
    AgentId { value: agent.into() }
}

/// As operators write it.
fn drain(cluster: &mut Cluster, agent: &str, seconds: Option<i64>, mark_gone: bool) {
    let period = seconds.map_or(String::new(), |seconds| format!(r#""max_grace_period":"{seconds}s","#));
    let drain = format!(r#"{{"agent_id":{{"value":"{agent}"}},{period}"mark_gone":{mark_gone}}}"#);
    let call = format!(r#"{{"type":"DRAIN_AGENT","drain_agent":{drain}}}"#);
    cluster.decide(json::from_slice(call.as_bytes()).expect("it is a call"));
}

fn reactivate(cluster: &mut Cluster, agent: &str) {
    cluster.operate(call::Type::ReactivateAgent, |call| {
        call.reactivate_agent = Some(call::ReactivateAgent { agent_id: id(agent) });
    });
}

fn busy() -> Cluster {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024").framework("web").running(
        "web",
        "a1",
        task("t1", "cpus:1; mem:64"),
    );
    cluster.wait(2);
    cluster.forget();
    cluster
}

#[test]
fn a_draining_agent_is_told_and_is_drained_when_its_last_task_is_acknowledged() {
    let mut cluster = busy();

    drain(&mut cluster, "m-S0", Some(60), false);
    reactivate(&mut cluster, "m-S0");
    expect![[r#"
        registry <- drain m-S0 within 1mins
        allocator <- deactivate a0
        slave(1)@10.0.0.1:5051 <- Drain within 1mins
        request 4 <- 200
        request 5 <- 400 Agent m-S0 is still in the DRAINING state
    "#]]
    .assert_eq(&cluster.effects());
    cluster.update("a1", "web", "t1", TaskKilled, 2);
    expect![[r#"
        stream 1 <- UPDATE t1 TASK_KILLED on m-S0, to acknowledge
    "#]]
    .assert_eq(&cluster.heard());

    cluster.acknowledge("web", "a1", "t1", 2);
    expect![[r#"
        slave(1)@10.0.0.1:5051 <- Acknowledgement of t1
        registry <- m-S0 is drained
        request 6 <- 202
    "#]]
    .assert_eq(&cluster.effects());
    reactivate(&mut cluster, "m-S0");
    cluster.wait(2);

    expect![[r#"
        request 7 <- 200
        stream 1 <- OFFERS m-O1 on m-S0 (cpus:4; mem:1024)
    "#]]
    .assert_eq(&cluster.heard());
    assert!(cluster.registry.minimum_capabilities.is_empty());
}

#[test]
fn an_agent_that_is_to_be_gone_is_gone_when_it_is_empty() {
    let mut cluster = busy();
    drain(&mut cluster, "m-S0", None, true);
    cluster.update("a1", "web", "t1", TaskKilled, 2);
    cluster.forget();

    cluster.acknowledge("web", "a1", "t1", 2);

    expect![[r#"
        slave(1)@10.0.0.1:5051 <- Acknowledgement of t1
        allocator <- deactivate a0
        registry <- m-S0 is gone since 0:02
        request 5 <- 202
        slave(1)@10.0.0.1:5051 <- Shutdown: Agent has been marked gone
        allocator <- remove a0
        disarm ping of a0
        stream 1 <- FAILURE of m-S0
    "#]]
    .assert_eq(&cluster.effects());
    assert!(cluster.registry.minimum_capabilities.is_empty());
}

#[test]
fn an_agent_without_tasks_is_drained_at_once_and_can_be_drained_again() {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024");
    cluster.forget();

    drain(&mut cluster, "m-S0", None, false);
    drain(&mut cluster, "m-S0", Some(1), true);

    expect![[r#"
        registry <- drain m-S0
        allocator <- deactivate a0
        slave(1)@10.0.0.1:5051 <- Drain
        registry <- m-S0 is drained
        request 1 <- 200
        registry <- drain m-S0 within 1secs, then it is gone
        allocator <- deactivate a0
        slave(1)@10.0.0.1:5051 <- Drain within 1secs, then it is gone
        allocator <- deactivate a0
        registry <- m-S0 is gone since 0:00
        request 2 <- 200
        slave(1)@10.0.0.1:5051 <- Shutdown: Agent has been marked gone
        allocator <- remove a0
        disarm ping of a0
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn an_agent_that_is_away_is_told_when_it_is_back_also_by_the_next_master() {
    let mut cluster = busy();
    let message = cluster.reintroduce_busy("a1", &["web"]);
    cluster.lose("a1");
    drain(&mut cluster, "m-S0", None, false);
    cluster.advance(Duration::from_secs(601));
    let mut cluster = cluster.failover();
    cluster.forget();

    cluster.reregister("a1", message);

    expect![[r#"
        registry <- m-S0 is reachable
        allocator <- add f0 m-0000 as *, inactive
        arm ping of a0 at 10:18
        watch slave(1)@10.0.0.1:5051
        allocator <- add a0 cpus:4; mem:1024, inactive, f0 uses cpus(allocated: *):1; mem(allocated: *):64
        slave(1)@10.0.0.1:5051 <- Reregistered as m-S0
        slave(1)@10.0.0.1:5051 <- Ping
        slave(1)@10.0.0.1:5051 <- Drain
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn what_an_agent_has_yet_to_tell_of_is_waited_for() {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024");
    cluster.lose("a1");
    drain(&mut cluster, "m-S0", None, false);
    let mut cluster = cluster.failover();
    let mut message = cluster.reintroduce("a1");
    message.agent_capabilities = all_capabilities();
    cluster.reregister("a1", message);
    expect![[r#"
        arm ping of a0 at 0:15
        watch slave(1)@10.0.0.1:5051
        allocator <- add a0 cpus:4; mem:1024, inactive
        slave(1)@10.0.0.1:5051 <- Reregistered as m-S0
        slave(1)@10.0.0.1:5051 <- Ping
        slave(1)@10.0.0.1:5051 <- Drain
    "#]]
    .assert_eq(&cluster.effects());

    let slave_id = id("m-S0");
    let update = tepui_proto::internal::UpdateSlaveMessage { slave_id, ..Default::default() };
    cluster.say("a1", crate::FromAgent::Update(update.into()));

    expect![[r#"
        registry <- m-S0 is drained
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn what_cannot_be_drained_is_refused() {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024");
    cluster.forget();

    drain(&mut cluster, "m-S9", None, false);
    drain(&mut cluster, "m-S0", Some(-1), false);
    drain(&mut cluster, "m-S0", Some(10_000_000_000), false);
    cluster.operate(call::Type::UpdateMaintenanceSchedule, |call| {
        let machine = MachineId { hostname: Some("a1.example".into()), ip: Some("10.0.0.1".into()) };
        let window = Window { machine_ids: vec![machine], ..Window::default() };
        let schedule = Schedule { windows: vec![window] };
        call.update_maintenance_schedule = Some(call::UpdateMaintenanceSchedule { schedule });
    });
    drain(&mut cluster, "m-S0", None, false);

    expect![[r#"
        request 1 <- 400 Unknown agent m-S9
        request 2 <- 400 'max_grace_period' must be a duration from 0 to 292 years
        request 3 <- 400 'max_grace_period' must be a duration from 0 to 292 years
        request 4 <- 200
        request 5 <- 400 Agent m-S0 is part of a maintenance schedule under Machine 'a1.example/10.0.0.1'
    "#]]
    .assert_eq(&cluster.heard());
}

#[test]
fn an_old_agent_cannot_be_drained() {
    let mut cluster = cluster();
    let mut message = cluster.introduce("a1", "cpus:4; mem:1024");
    let draining = tepui_proto::v1::agent_info::capability::Type::AgentDraining as i32;
    message.agent_capabilities.retain(|capability| capability.r#type != Some(draining));
    cluster.say("a1", crate::FromAgent::Register(message.into()));
    cluster.forget();

    drain(&mut cluster, "m-S0", None, false);

    expect![[r#"
        request 1 <- 400 Agent m-S0 is not capable of draining
    "#]]
    .assert_eq(&cluster.heard());
}

#[test]
fn a_drain_is_not_taken_back_while_it_is_written() {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024");
    drain(&mut cluster, "m-S0", None, false);
    cluster.set_slow_disk(true);
    cluster.forget();

    drain(&mut cluster, "m-S0", None, false);
    reactivate(&mut cluster, "m-S0");

    expect![[r#"
        request 3 <- 400 Agent m-S0 is still in the DRAINING state
    "#]]
    .assert_eq(&cluster.heard());
}
