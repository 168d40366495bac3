//! How agents leave: unregistered, unreachable, or only disconnected; and what becomes of what ran on them.

use std::time::Duration;

use expect_test::expect;
use tepui_proto::internal::UnregisterSlaveMessage;
use tepui_proto::v1::framework_info::capability::Type as Capability;

use crate::cluster::{Cluster, capability, cluster, executor_task};
use crate::{Config, FromAgent};

fn running(aware: bool) -> Cluster {
    let capabilities = if aware { vec![capability(Capability::PartitionAware)] } else { vec![] };
    cluster()
        .agent("a1", "cpus:4; mem:1024")
        .framework_like("web", |info| {
            info.checkpoint = Some(true);
            info.capabilities = capabilities;
        })
        .running("web", "a1", executor_task("t1", "cpus:1; mem:128", "e1", "cpus:0.1; mem:32"))
}

fn unregister(cluster: &mut Cluster, name: &str) {
    let slave_id = cluster.machine(name).info.id.clone().unwrap();
    cluster.say(name, FromAgent::Unregister(UnregisterSlaveMessage { slave_id }));
}

#[test]
fn a_disconnected_agents_offers_are_rescinded_and_its_tasks_wait() {
    let mut cluster = running(true);
    cluster.wait(7);
    cluster.forget();

    cluster.lose("a1");

    expect![[r#"
        arm reregistration of a0 at 10:07
        allocator <- deactivate a0
        stream 1 <- RESCIND m-O1
        allocator <- recovered offered cpus(allocated: *):2.9; mem(allocated: *):864 on a0 from f0
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn tasks_of_an_unreachable_agent_are_unreachable_to_those_who_know_the_word() {
    let mut cluster = running(true);
    cluster.lose("a1");
    cluster.advance(Duration::from_secs(89));
    cluster.forget();

    cluster.advance(Duration::from_secs(1));

    expect![[r#"
        slave(1)@10.0.0.1:5051 <- Ping, not connected
        arm ping of a0 at 1:45
        disarm reregistration of a0
        registry <- m-S0 is unreachable since 1:30
        allocator <- recovered used cpus(allocated: *):1; mem(allocated: *):128 on a0 from f0
        stream 1 <- UPDATE t1 TASK_UNREACHABLE on m-S0 by e1 REASON_AGENT_REMOVED 'health check timed out' since 1:30
        allocator <- recovered used cpus(allocated: *):0.1; mem(allocated: *):32 on a0 from f0
        allocator <- remove a0
        disarm ping of a0
        stream 1 <- FAILURE of m-S0
        stream 1 <- HEARTBEAT
        arm heartbeat of f0 at 1:45
    "#]].assert_eq(&cluster.effects());
}

#[test]
fn readers_see_where_they_went() {
    let mut cluster = running(true);
    cluster.lose("a1");
    cluster.forget();

    cluster.advance(Duration::from_secs(601));

    expect![[r#"
        changed framework m-0000: active, uses {}, offered {}
        changed task t1 (record 1): active, TASK_UNREACHABLE, statuses [TASK_RUNNING, TASK_UNREACHABLE]
        changed task t1 (record 1): unreachable, TASK_UNREACHABLE, statuses [TASK_RUNNING, TASK_UNREACHABLE]
        changed executor e1 on m-S0: gone
        changed agent m-S0: unreachable since 1:30
    "#]]
    .assert_eq(&cluster.changes());
}

#[test]
fn tasks_of_an_unreachable_agent_are_lost_to_others() {
    let mut cluster = running(false);
    cluster.lose("a1");
    cluster.forget();

    cluster.advance(Duration::from_secs(601));

    expect![[r#"
        slave(1)@10.0.0.1:5051 <- Ping, not connected
        slave(1)@10.0.0.1:5051 <- Ping, not connected
        slave(1)@10.0.0.1:5051 <- Ping, not connected
        slave(1)@10.0.0.1:5051 <- Ping, not connected
        slave(1)@10.0.0.1:5051 <- Ping, not connected
        slave(1)@10.0.0.1:5051 <- Ping, not connected
        stream 1 <- UPDATE t1 TASK_LOST on m-S0 by e1 REASON_AGENT_REMOVED 'health check timed out' since 1:30
        stream 1 <- FAILURE of m-S0
    "#]]
    .assert_eq(&cluster.heard());
}

#[test]
fn a_disconnected_agent_whose_pings_are_patient_has_its_own_deadline() {
    let config = Config { max_agent_ping_timeouts: 1000, ..Config::default() };
    let mut cluster = Cluster::with(config).agent("a1", "cpus:4; mem:1024").framework("web");
    cluster.lose("a1");
    cluster.advance(Duration::from_secs(599));
    cluster.forget();

    cluster.advance(Duration::from_secs(1));

    let heard = cluster.heard();
    let without_pings: String =
        heard.lines().filter(|line| !line.contains("Ping")).map(|line| format!("{line}\n")).collect();
    expect![[r#"
        stream 1 <- FAILURE of m-S0
    "#]]
    .assert_eq(&without_pings);
}

#[test]
fn an_agent_that_unregisters_is_gone_for_good() {
    let mut cluster = running(true);

    unregister(&mut cluster, "a1");

    expect![[r#"
        allocator <- deactivate a0
        registry <- remove m-S0
        allocator <- recovered used cpus(allocated: *):1; mem(allocated: *):128 on a0 from f0
        stream 1 <- UPDATE t1 TASK_LOST on m-S0 by e1 REASON_AGENT_REMOVED 'Agent a1.example removed: the agent unregistered'
        allocator <- recovered used cpus(allocated: *):0.1; mem(allocated: *):32 on a0 from f0
        allocator <- remove a0
        disarm ping of a0
        stream 1 <- FAILURE of m-S0
    "#]].assert_eq(&cluster.effects());
}

#[test]
fn nothing_is_told_before_the_registry_knows() {
    let mut cluster = running(true).slow_disk();
    cluster.wait(7);
    cluster.forget();

    unregister(&mut cluster, "a1");
    expect![[r#"
        allocator <- deactivate a0
        stream 1 <- RESCIND m-O1
        allocator <- recovered offered cpus(allocated: *):2.9; mem(allocated: *):864 on a0 from f0
        registry <- remove m-S0
    "#]]
    .assert_eq(&cluster.effects());

    unregister(&mut cluster, "a1");
    let again = cluster.reintroduce_busy("a1", &["web"]);
    cluster.reregister("a1", again);
    cluster.lose("a1");
    cluster.advance(Duration::from_secs(700));
    let heard = cluster.heard();
    assert!(heard.lines().all(|line| line.ends_with("Ping, not connected")), "{heard}");

    cluster.write();
    expect![[r#"
        stream 1 <- UPDATE t1 TASK_LOST on m-S0 by e1 REASON_AGENT_REMOVED 'Agent a1.example removed: the agent unregistered'
        stream 1 <- FAILURE of m-S0
    "#]].assert_eq(&cluster.heard());
}

#[test]
fn a_removed_agents_late_messages_are_told_apart() {
    let mut cluster = running(true);
    unregister(&mut cluster, "a1");
    cluster.forget();

    cluster.update("a1", "web", "t1", tepui_proto::v1::TaskState::TaskFinished, 2);

    expect![[r#"
        log warn: message dropped message=StatusUpdateMessage from=slave(1)@10.0.0.1:5051 agent=m-S0 why=the agent was removed
    "#]].assert_eq(&cluster.logs());
}

#[test]
fn unreachable_agents_are_forgotten_after_two_weeks() {
    let mut cluster = running(true);
    cluster.lose("a1");
    cluster.advance(Duration::from_secs(601));
    assert_eq!(cluster.registry.unreachable.as_ref().map(|all| all.slaves.len()), Some(1));
    cluster.forget();

    cluster.disconnect("web");
    cluster.advance(Duration::from_secs(15 * 24 * 3600));

    assert_eq!(cluster.registry.unreachable.as_ref().map(|all| all.slaves.len()), Some(0));
    let changes = cluster.changes();
    expect!["changed agent m-S0: forgotten"].assert_eq(changes.lines().last().unwrap_or_default());
}

#[test]
fn of_too_many_unreachable_agents_the_oldest_are_forgotten() {
    let config = Config { registry_max_agent_count: 1, ..Config::default() };
    let mut cluster = Cluster::with(config).agent("a1", "cpus:1; mem:32").agent("a2", "cpus:1; mem:32");
    cluster.lose("a2");
    cluster.advance(Duration::from_secs(100));
    cluster.lose("a1");

    cluster.advance(Duration::from_secs(1000));

    let left: Vec<String> = cluster.master.agents.unreachable.keys().map(ToString::to_string).collect();
    assert_eq!(left, ["m-S0"]);
}
