//! Reregister: an agent comes back, in every case.

use std::time::Duration;

use expect_test::expect;
use tepui_model::{Resources, Role};
use tepui_proto::v1::TaskState;
use tepui_proto::v1::framework_info::capability::Type as Capability;

use crate::cluster::{Cluster, capability, cluster, executor_task, task, task_on};
use crate::{FromAgent, Pid};

/// A framework that checkpoints has a task on an agent.
fn running() -> Cluster {
    cluster()
        .agent("a1", "cpus:4; mem:1024")
        .framework_like("web", |info| {
            info.checkpoint = Some(true);
            info.failover_timeout = Some(3600.0);
            info.capabilities = vec![capability(Capability::PartitionAware)];
        })
        .running("web", "a1", executor_task("t1", "cpus:1; mem:128", "e1", "cpus:0.1; mem:32"))
}

#[test]
fn an_agent_whose_process_restarted_goes_on() {
    let mut cluster = running();
    let message = cluster.reintroduce_busy("a1", &["web"]);

    cluster.lose("a1");
    cluster.reregister("a1", message);

    expect![[r#"
        arm reregistration of a0 at 10:00
        allocator <- deactivate a0
        watch slave(1)@10.0.0.1:5051
        allocator <- update a0 cpus:4; mem:1024
        slave(1)@10.0.0.1:5051 <- Reregistered as m-S0
        disarm reregistration of a0
        allocator <- activate a0
        slave(1)@10.0.0.1:5051 <- UpdateFramework m-0000
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn an_agent_that_returns_before_it_was_missed_goes_on() {
    let mut cluster = running();
    let message = cluster.reintroduce_busy("a1", &["web"]);

    cluster.reregister("a1", message);

    expect![[r#"
        watch slave(1)@10.0.0.1:5051
        allocator <- update a0 cpus:4; mem:1024
        slave(1)@10.0.0.1:5051 <- Reregistered as m-S0
        slave(1)@10.0.0.1:5051 <- UpdateFramework m-0000
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn what_an_agent_forgot_it_is_asked_about_and_executors_are_believed_gone() {
    let mut cluster = running();
    let mut message = cluster.reintroduce_busy("a1", &["web"]);
    message.tasks.clear();
    message.executor_infos.clear();

    cluster.lose("a1");
    cluster.forget();
    cluster.reregister("a1", message);

    expect![[r#"
        watch slave(1)@10.0.0.1:5051
        allocator <- update a0 cpus:4; mem:1024
        slave(1)@10.0.0.1:5051 <- Reregistered as m-S0, what of t1 in TASK_RUNNING?
        allocator <- recovered used cpus(allocated: *):0.1; mem(allocated: *):32 on a0 from f0
        disarm reregistration of a0
        allocator <- activate a0
        slave(1)@10.0.0.1:5051 <- UpdateFramework m-0000
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn an_agent_that_describes_itself_anew_goes_through_the_registry() {
    let mut cluster = running().slow_disk();
    cluster.wait(7);
    let mut message = cluster.reintroduce_busy("a1", &["web"]);
    message.slave.resources = Resources::parse("cpus:8; mem:2048", &Role::star()).unwrap().to_wire();
    cluster.forget();

    cluster.reregister("a1", message.clone());
    cluster.reregister("a1", message);
    cluster.write();

    expect![[r#"
        registry <- update m-S0
        watch slave(1)@10.0.0.1:5051
        allocator <- update a0 cpus:8; mem:2048
        stream 1 <- RESCIND m-O1
        allocator <- recovered offered cpus(allocated: *):2.9; mem(allocated: *):864 on a0 from f0
        slave(1)@10.0.0.1:5051 <- Reregistered as m-S0
        slave(1)@10.0.0.1:5051 <- UpdateFramework m-0000
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn an_agent_that_shrank_below_its_tasks_keeps_them() {
    let mut cluster = running();
    let mut message = cluster.reintroduce_busy("a1", &["web"]);
    message.slave.resources = Resources::parse("cpus:0.5; mem:64", &Role::star()).unwrap().to_wire();

    cluster.reregister("a1", message);
    cluster.wait(3);
    cluster.update("a1", "web", "t1", TaskState::TaskFinished, 2);

    expect![[r#"
        slave(1)@10.0.0.1:5051 <- Reregistered as m-S0
        slave(1)@10.0.0.1:5051 <- UpdateFramework m-0000
        stream 1 <- UPDATE t1 TASK_FINISHED on m-S0, to acknowledge
    "#]]
    .assert_eq(&cluster.heard());
}

#[test]
fn an_agent_does_not_move() {
    let mut cluster = running();
    let message = cluster.reintroduce_busy("a1", &["web"]);
    cluster.forget();

    let mut renamed = message.clone();
    renamed.slave.hostname = "elsewhere".into();
    cluster.reregister("a1", renamed);
    cluster.machine("a1").pid = Pid::new("slave(1)@10.0.0.9:5051");
    cluster.reregister("a1", message);

    expect![[r#"
        slave(1)@10.0.0.1:5051 <- Shutdown: Agent attempted to reregister with different IP / hostname
        slave(1)@10.0.0.9:5051 <- Shutdown: Agent attempted to reregister with different IP / hostname
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn an_agent_may_come_back_on_another_port() {
    let mut cluster = running();
    let message = cluster.reintroduce_busy("a1", &["web"]);
    cluster.lose("a1");
    cluster.machine("a1").pid = Pid::new("slave(1)@10.0.0.1:6000");

    cluster.reregister("a1", message);
    cluster.update("a1", "web", "t1", TaskState::TaskFinished, 2);
    cluster.forget();
    cluster.acknowledge("web", "a1", "t1", 2);

    expect![[r#"
        slave(1)@10.0.0.1:6000 <- Acknowledgement of t1
        request 4 <- 202
    "#]]
    .assert_eq(&cluster.heard());
}

#[test]
fn tasks_of_an_unreachable_agent_come_back_with_it() {
    let mut cluster = running();
    let message = cluster.reintroduce_busy("a1", &["web"]);
    cluster.lose("a1");
    cluster.advance(Duration::from_secs(601));
    cluster.forget();

    cluster.reregister("a1", message);

    expect![[r#"
        registry <- m-S0 is reachable
        arm ping of a0.1 at 10:16
        watch slave(1)@10.0.0.1:5051
        stream 1 <- UPDATE t1 TASK_RUNNING on m-S0 by e1 REASON_AGENT_REREGISTERED 'Unreachable agent re-reregistered'
        allocator <- add a0.1 cpus:4; mem:1024, f0 uses cpus(allocated: *):1.1; mem(allocated: *):160
        slave(1)@10.0.0.1:5051 <- Reregistered as m-S0
        slave(1)@10.0.0.1:5051 <- Ping
        slave(1)@10.0.0.1:5051 <- UpdateFramework m-0000
    "#]].assert_eq(&cluster.effects());
}

#[test]
fn tasks_that_an_unreachable_agent_lost_are_forgotten() {
    let mut cluster = running();
    let mut message = cluster.reintroduce_busy("a1", &["web"]);
    message.tasks.clear();
    cluster.lose("a1");
    cluster.advance(Duration::from_secs(601));
    cluster.forget();

    cluster.reregister("a1", message);

    expect![[r#"
        changed agent m-S0: active, has cpus:4; mem:1024, used cpus(allocated: *):0.1; mem(allocated: *):32, offered {}
        changed framework m-0000: active, uses cpus(allocated: *):0.1; mem(allocated: *):32, offered {}
        changed executor e1 on m-S0: running
        changed task record 1: forgotten
    "#]].assert_eq(&cluster.changes());
}

#[test]
fn an_agent_that_nobody_remembers_is_welcome() {
    let mut cluster = cluster();
    cluster.introduce("a1", "cpus:4; mem:1024");
    let mut message = cluster.reintroduce("a1");
    message.slave.id = Some(tepui_proto::v1::AgentId { value: "old-S7".into() });

    cluster.reregister("a1", message);

    expect![[r#"
        registry <- old-S7 is reachable
        arm ping of a0 at 0:15
        watch slave(1)@10.0.0.1:5051
        allocator <- add a0 cpus:4; mem:1024
        slave(1)@10.0.0.1:5051 <- Reregistered as old-S7
        slave(1)@10.0.0.1:5051 <- Ping
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn what_ran_for_a_framework_that_ended_is_shut_down() {
    let mut cluster = running();
    let message = cluster.reintroduce_busy("a1", &["web"]);
    cluster.lose("a1");
    cluster.call("web", tepui_proto::v1::scheduler::call::Type::Teardown, |_| {});
    cluster.forget();

    cluster.reregister("a1", message.clone());
    expect![[r#"
        watch slave(1)@10.0.0.1:5051
        allocator <- update a0 cpus:4; mem:1024
        slave(1)@10.0.0.1:5051 <- Reregistered as m-S0
        slave(1)@10.0.0.1:5051 <- ShutdownFramework m-0000
        disarm reregistration of a0
        allocator <- activate a0
    "#]]
    .assert_eq(&cluster.effects());

    cluster.lose("a1");
    cluster.advance(Duration::from_secs(601));
    cluster.forget();
    cluster.reregister("a1", message);
    expect![[r#"
        slave(1)@10.0.0.1:5051 <- Reregistered as m-S0
        slave(1)@10.0.0.1:5051 <- ShutdownFramework m-0000
    "#]]
    .assert_eq(&cluster.heard());
}

#[test]
fn tasks_that_do_not_checkpoint_are_lost_at_once_and_killed_if_they_turn_up() {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024").framework("web").running(
        "web",
        "a1",
        task("t1", "cpus:1; mem:128"),
    );
    let message = cluster.reintroduce_busy("a1", &["web"]);

    cluster.lose("a1");
    expect![[r#"
        arm reregistration of a0 at 10:00
        allocator <- deactivate a0
        allocator <- recovered used cpus(allocated: *):1; mem(allocated: *):128 on a0 from f0
        stream 1 <- UPDATE t1 TASK_LOST on m-S0 REASON_AGENT_DISCONNECTED 'Agent a1.example disconnected'
    "#]]
    .assert_eq(&cluster.effects());

    cluster.reregister("a1", message);
    expect![[r#"
        slave(1)@10.0.0.1:5051 <- Reregistered as m-S0
        slave(1)@10.0.0.1:5051 <- KillTask t1
        slave(1)@10.0.0.1:5051 <- UpdateFramework m-0000
    "#]]
    .assert_eq(&cluster.heard());
}

#[test]
fn a_task_whose_id_is_used_again_elsewhere_is_killed_on_its_return() {
    let cluster = running();
    let message = cluster.reintroduce_busy("a1", &["web"]);
    let mut cluster = cluster.failover().agent("a2", "cpus:4; mem:1024");
    let again = cluster.scheduler("web").info.clone();
    cluster.subscribe("web", again);
    cluster = cluster.running("web", "a2", task_on("m2-S0", "t1", "cpus:1; mem:128"));

    cluster.reregister("a1", message);

    expect![[r#"
        slave(1)@10.0.0.1:5051 <- KillTask t1
        slave(1)@10.0.0.1:5051 <- Reregistered as m-S0
        slave(1)@10.0.0.1:5051 <- UpdateFramework m-0000
    "#]]
    .assert_eq(&cluster.heard());
}

#[test]
fn implausible_reports_are_refused_and_the_reason_logged() {
    let mut cluster = running();
    let valid = cluster.reintroduce_busy("a1", &["web"]);
    let mut all = vec![valid.clone(); 8];
    all[0].slave.id = None;
    all[1].frameworks.clear();
    all[2].frameworks.push(valid.frameworks[0].clone());
    all[3].executor_infos.push(valid.executor_infos[0].clone());
    all[4].tasks[0].agent_id.value = "other".into();
    all[5].tasks[0].resources[0].scalar = None;
    all[6].tasks[0].task_id.value = "a/b".into();
    all[7].tasks.push(valid.tasks[0].clone());
    cluster.forget();

    for message in all {
        cluster.reregister("a1", message);
    }

    expect![[r#"
        log warn: re-registration of an agent refused from=slave(1)@10.0.0.1:5051 why=slave.id: ID must not be empty
        log warn: re-registration of an agent refused from=slave(1)@10.0.0.1:5051 why=Executor has an invalid FrameworkID 'm-0000'
        log warn: re-registration of an agent refused from=slave(1)@10.0.0.1:5051 why=Framework has a duplicate FrameworkID: 'm-0000'
        log warn: re-registration of an agent refused from=slave(1)@10.0.0.1:5051 why=Framework 'm-0000' has a duplicate ExecutorID 'e1'
        log warn: re-registration of an agent refused from=slave(1)@10.0.0.1:5051 why=Task has an invalid SlaveID 'other'
        log warn: re-registration of an agent refused from=slave(1)@10.0.0.1:5051 why=Task uses invalid resources: Resource 'cpus(allocated: *):0' is invalid: Invalid scalar resource
        log warn: re-registration of an agent refused from=slave(1)@10.0.0.1:5051 why=Task has an invalid TaskID: 'a/b' contains invalid characters
        log warn: re-registration of an agent refused from=slave(1)@10.0.0.1:5051 why=Framework 'm-0000' has a duplicate TaskID 't1'
    "#]].assert_eq(&cluster.logs());
}

#[test]
fn messages_from_a_wrong_address_or_with_a_wrong_id_are_dropped() {
    let mut cluster = running().agent("a2", "cpus:4; mem:1024");
    cluster.machine("a2").info.id = Some(tepui_proto::v1::AgentId { value: "m-S0".into() });

    cluster.update("a2", "web", "t1", TaskState::TaskFinished, 2);
    cluster.machine("a2").info.id = Some(tepui_proto::v1::AgentId { value: "none".into() });
    cluster.update("a2", "web", "t1", TaskState::TaskFinished, 2);
    let unregister = tepui_proto::internal::UnregisterSlaveMessage {
        slave_id: tepui_proto::v1::AgentId { value: "m-S0".into() },
    };
    cluster.say("a2", FromAgent::Unregister(unregister));

    expect![[r#"
        log warn: message dropped message=StatusUpdateMessage from=slave(1)@10.0.0.2:5051 agent=m-S0 why=the agent registered from another address
        log warn: message dropped message=StatusUpdateMessage from=slave(1)@10.0.0.2:5051 agent=none why=no such agent is registered
        log warn: message dropped message=UnregisterSlaveMessage from=slave(1)@10.0.0.2:5051 agent=m-S0 why=the agent registered from another address
    "#]].assert_eq(&cluster.logs());
}
