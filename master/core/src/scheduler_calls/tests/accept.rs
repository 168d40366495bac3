//! ACCEPT: from offers to tasks.

use expect_test::expect;
use tepui_proto::v1::framework_info::capability::Type as Capability;
use tepui_proto::v1::offer::Operation;
use tepui_proto::v1::offer::operation::{LaunchGroup, Type};
use tepui_proto::v1::{self, TaskGroupInfo, TaskState};

use crate::cluster::{Cluster, capability, cluster, executor_task, launch, task};

/// One agent, one framework, one offer of all of it.
fn offered() -> Cluster {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024; ports:[31000-31009]").framework("web");
    cluster.allocate();
    cluster.forget();
    cluster
}

fn group(tasks: Vec<v1::TaskInfo>) -> Operation {
    let group = LaunchGroup { executor: v1::ExecutorInfo::default(), task_group: TaskGroupInfo { tasks } };
    Operation {
        r#type: Some(Type::LaunchGroup as i32),
        launch_group: Some(Box::new(group)),
        ..Operation::default()
    }
}

fn operation(r#type: Type, id: Option<&str>) -> Operation {
    let id = id.map(|id| v1::OperationId { value: id.into() });
    Operation { r#type: Some(r#type as i32), id, ..Operation::default() }
}

#[test]
fn a_task_runs_and_ends() {
    let mut cluster = offered();

    cluster.launch("web", "m-O0", vec![task("t1", "cpus:1; mem:128")]);
    cluster.update("a1", "web", "t1", TaskState::TaskRunning, 1);
    cluster.acknowledge("web", "a1", "t1", 1);
    cluster.update("a1", "web", "t1", TaskState::TaskFinished, 2);
    cluster.acknowledge("web", "a1", "t1", 2);

    expect![[r#"
        slave(1)@10.0.0.1:5051 <- RunTask t1 (cpus(allocated: *):1; mem(allocated: *):128)
        allocator <- f0 launched cpus(allocated: *):1; mem(allocated: *):128 on a0
        allocator <- recovered offered cpus(allocated: *):3; mem(allocated: *):896; ports(allocated: *):[31000-31009] on a0 from f0, refused for 5secs
        request 2 <- 202
        stream 1 <- UPDATE t1 TASK_RUNNING on m-S0, to acknowledge
        slave(1)@10.0.0.1:5051 <- Acknowledgement of t1
        request 3 <- 202
        stream 1 <- UPDATE t1 TASK_FINISHED on m-S0, to acknowledge
        allocator <- recovered used cpus(allocated: *):1; mem(allocated: *):128 on a0 from f0
        slave(1)@10.0.0.1:5051 <- Acknowledgement of t1
        request 4 <- 202
    "#]].assert_eq(&cluster.effects());
}

#[test]
fn readers_see_a_task_come_and_go() {
    let mut cluster = offered();

    cluster.launch("web", "m-O0", vec![task("t1", "cpus:1; mem:128")]);
    expect![[r#"
        changed agent m-S0: active, has cpus:4; mem:1024; ports:[31000-31009], used cpus(allocated: *):1; mem(allocated: *):128, offered {}
        changed framework m-0000: active, uses cpus(allocated: *):1; mem(allocated: *):128, offered {}
        changed offer m-O0: gone
        changed task t1 (record 1): active, TASK_STAGING, statuses []
    "#]].assert_eq(&cluster.changes());

    cluster.update("a1", "web", "t1", TaskState::TaskFinished, 1);
    cluster.acknowledge("web", "a1", "t1", 1);
    expect![[r#"
        changed agent m-S0: active, has cpus:4; mem:1024; ports:[31000-31009], used {}, offered {}
        changed framework m-0000: active, uses {}, offered {}
        changed task t1 (record 1): active, TASK_FINISHED, statuses [TASK_FINISHED]
        changed task t1 (record 1): completed, TASK_FINISHED, statuses [TASK_FINISHED]
    "#]]
    .assert_eq(&cluster.changes());
}

#[test]
fn an_answer_comes_after_what_readers_must_see_first() {
    let mut cluster = offered();

    cluster.launch("web", "m-O0", vec![task("t1", "cpus:1; mem:128")]);

    let last = cluster.raw_effects().pop().expect("there are effects");
    assert!(matches!(last, crate::Effect::Answer { .. }), "{last}");
}

#[test]
fn several_tasks_share_an_offer_until_it_is_used_up() {
    let mut cluster = offered();

    let tasks =
        vec![task("t1", "cpus:2; mem:512"), task("t2", "cpus:2; mem:512"), task("t3", "cpus:1; mem:1")];
    cluster.launch("web", "m-O0", tasks);

    expect![[r#"
        slave(1)@10.0.0.1:5051 <- RunTask t1 (cpus(allocated: *):2; mem(allocated: *):512)
        slave(1)@10.0.0.1:5051 <- RunTask t2 (cpus(allocated: *):2; mem(allocated: *):512)
        stream 1 <- UPDATE t3 TASK_ERROR on m-S0 REASON_TASK_INVALID 'Total resources cpus(allocated: *):1; mem(allocated: *):1 required by task and its executor is more than available ports(allocated: *):[31000-31009]'
        allocator <- f0 launched cpus(allocated: *):4; mem(allocated: *):1024 on a0
        allocator <- recovered offered ports(allocated: *):[31000-31009] on a0 from f0, refused for 5secs
        request 2 <- 202
    "#]].assert_eq(&cluster.effects());
}

#[test]
fn the_second_operation_has_what_the_first_left() {
    let mut cluster = offered();

    let first = launch(vec![task("t1", "cpus:3; mem:128")]);
    let second = launch(vec![task("t2", "cpus:2; mem:128"), task("t3", "cpus:1; mem:128")]);
    cluster.accept("web", &["m-O0"], vec![first, second]);

    expect![[r#"
        slave(1)@10.0.0.1:5051 <- RunTask t1 (cpus(allocated: *):3; mem(allocated: *):128)
        stream 1 <- UPDATE t2 TASK_ERROR on m-S0 REASON_TASK_INVALID 'Total resources cpus(allocated: *):2; mem(allocated: *):128 required by task and its executor is more than available cpus(allocated: *):1; mem(allocated: *):896; ports(allocated: *):[31000-31009]'
        slave(1)@10.0.0.1:5051 <- RunTask t3 (cpus(allocated: *):1; mem(allocated: *):128)
        request 2 <- 202
    "#]].assert_eq(&cluster.heard());
}

#[test]
fn an_executor_counts_once_however_many_tasks_it_runs() {
    let mut cluster = offered();

    let tasks = vec![
        executor_task("t1", "cpus:1; mem:128", "e1", "cpus:0.5; mem:32"),
        executor_task("t2", "cpus:1; mem:128", "e1", "cpus:0.5; mem:32"),
    ];
    cluster.launch("web", "m-O0", tasks);

    expect![[r#"
        slave(1)@10.0.0.1:5051 <- RunTask t1 (cpus(allocated: *):1; mem(allocated: *):128) in new e1
        slave(1)@10.0.0.1:5051 <- RunTask t2 (cpus(allocated: *):1; mem(allocated: *):128) in running e1
        allocator <- f0 launched cpus(allocated: *):2.5; mem(allocated: *):288 on a0
        allocator <- recovered offered cpus(allocated: *):1.5; mem(allocated: *):736; ports(allocated: *):[31000-31009] on a0 from f0, refused for 5secs
        request 2 <- 202
    "#]].assert_eq(&cluster.effects());
}

#[test]
fn a_running_executors_id_means_that_executor() {
    let mut cluster = offered();

    let first = executor_task("t1", "cpus:1; mem:128", "e1", "cpus:0.5; mem:32");
    let other = executor_task("t2", "cpus:1; mem:128", "e1", "cpus:1; mem:32");
    cluster.launch("web", "m-O0", vec![first, other]);

    expect![[r#"
        slave(1)@10.0.0.1:5051 <- RunTask t1 (cpus(allocated: *):1; mem(allocated: *):128) in new e1
        stream 1 <- UPDATE t2 TASK_ERROR on m-S0 REASON_TASK_INVALID 'ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID.
        ------------------------------------------------------------
        Existing ExecutorInfo:
        {"executor_id":{"value":"e1"},"framework_id":{"value":"m-0000"},"command":{"shell":true},"resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":0.5},"allocation_info":{"role":"*"}},{"name":"mem","type":"SCALAR","scalar":{"value":32.0},"allocation_info":{"role":"*"}}]}
        ------------------------------------------------------------
        ExecutorInfo:
        {"executor_id":{"value":"e1"},"framework_id":{"value":"m-0000"},"command":{"shell":true},"resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":1.0},"allocation_info":{"role":"*"}},{"name":"mem","type":"SCALAR","scalar":{"value":32.0},"allocation_info":{"role":"*"}}]}
        ------------------------------------------------------------
        '
        request 2 <- 202
    "#]].assert_eq(&cluster.heard());
}

#[test]
fn the_rest_is_refused_for_as_long_as_the_call_says() {
    let mut cluster = offered();

    cluster.call("web", v1::scheduler::call::Type::Accept, |call| {
        let filters = Some(v1::Filters { refuse_seconds: Some(0.0) });
        let offer_ids = vec![v1::OfferId { value: "m-O0".into() }];
        call.accept =
            Some(Box::new(v1::scheduler::call::Accept { offer_ids, operations: Vec::new(), filters }));
    });

    expect![[r#"
        allocator <- recovered offered cpus(allocated: *):4; mem(allocated: *):1024; ports(allocated: *):[31000-31009] on a0 from f0
        request 2 <- 202
    "#]].assert_eq(&cluster.effects());
}

#[test]
fn an_unknown_offer_voids_all_offers_of_the_call() {
    let mut cluster = offered();

    cluster.accept("web", &["m-O0", "none"], vec![launch(vec![task("t1", "cpus:1; mem:128")])]);

    expect![[r#"
        allocator <- recovered offered cpus(allocated: *):4; mem(allocated: *):1024; ports(allocated: *):[31000-31009] on a0 from f0
        stream 1 <- UPDATE t1 TASK_LOST on m-S0 REASON_INVALID_OFFERS 'Task launched with invalid offers: Offer none is no longer valid'
        request 2 <- 202
    "#]].assert_eq(&cluster.effects());
}

#[test]
fn bad_offers_are_told_in_the_words_of_mesos() {
    let mut cluster = offered();
    cluster = cluster.agent("a2", "cpus:1; mem:64").framework("other");
    cluster.allocate();
    cluster.forget();
    let operations =
        || vec![launch(vec![task("t1", "cpus:1; mem:128")]), group(vec![task("g1", "cpus:1; mem:32")])];

    let holder = if cluster.scheduler("web").info.name == "web" { "other" } else { "web" };
    cluster.accept(holder, &[], operations());
    cluster.accept(holder, &["m-O0"], operations());
    cluster.accept("web", &["m-O0", "m-O0"], operations());

    expect![[r#"
        stream 2 <- UPDATE t1 TASK_LOST on m-S0 REASON_INVALID_OFFERS 'Task launched with invalid offers: No offers specified'
        stream 2 <- UPDATE g1 TASK_LOST on m-S0 REASON_INVALID_OFFERS 'Task launched with invalid offers: No offers specified'
        request 3 <- 202
        stream 2 <- UPDATE t1 TASK_LOST on m-S0 REASON_INVALID_OFFERS 'Task launched with invalid offers: Offer m-O0 has invalid framework m-0000 while framework m-0001 is expected'
        stream 2 <- UPDATE g1 TASK_LOST on m-S0 REASON_INVALID_OFFERS 'Task launched with invalid offers: Offer m-O0 has invalid framework m-0000 while framework m-0001 is expected'
        request 4 <- 202
        stream 1 <- UPDATE t1 TASK_LOST on m-S0 REASON_INVALID_OFFERS 'Task launched with invalid offers: Duplicate offer m-O0 in offer list'
        stream 1 <- UPDATE g1 TASK_LOST on m-S0 REASON_INVALID_OFFERS 'Task launched with invalid offers: Duplicate offer m-O0 in offer list'
        request 5 <- 202
    "#]].assert_eq(&cluster.heard());
}

#[test]
fn another_frameworks_offer_stays_with_it() {
    let mut cluster = offered().framework("other");

    cluster.accept("other", &["m-O0"], Vec::new());
    cluster.decline("other", &["m-O0"], None);
    cluster.launch("web", "m-O0", vec![task("t1", "cpus:1; mem:128")]);

    expect![[r#"
        request 3 <- 202
        request 4 <- 202
        slave(1)@10.0.0.1:5051 <- RunTask t1 (cpus(allocated: *):1; mem(allocated: *):128)
        request 5 <- 202
    "#]]
    .assert_eq(&cluster.heard());
}

#[test]
fn offers_of_two_agents_cannot_be_used_together() {
    let mut cluster =
        cluster().agent("a1", "cpus:4; mem:1024").agent("a2", "cpus:4; mem:1024").framework("web");
    cluster.allocate();
    cluster.forget();

    cluster.accept("web", &["m-O0", "m-O1"], vec![launch(vec![task("t1", "cpus:1; mem:128")])]);

    expect![[r#"
        allocator <- recovered offered cpus(allocated: *):4; mem(allocated: *):1024 on a0 from f0
        allocator <- recovered offered cpus(allocated: *):4; mem(allocated: *):1024 on a1 from f0
        stream 1 <- UPDATE t1 TASK_LOST on m-S0 REASON_INVALID_OFFERS 'Task launched with invalid offers: Aggregated offers must belong to one single agent. Offer m-O1 uses agent m-S1 and agent m-S0'
        request 2 <- 202
    "#]].assert_eq(&cluster.effects());
}

#[test]
fn partition_aware_frameworks_are_told_dropped() {
    let aware =
        |info: &mut v1::FrameworkInfo| info.capabilities = vec![capability(Capability::PartitionAware)];
    let mut cluster = cluster().framework_like("web", aware);

    cluster.launch("web", "none", vec![task("t1", "cpus:1; mem:128")]);

    expect![[r#"
        stream 1 <- UPDATE t1 TASK_DROPPED on m-S0 REASON_INVALID_OFFERS 'Task launched with invalid offers: Offer none is no longer valid'
        request 2 <- 202
    "#]].assert_eq(&cluster.effects());
}

#[test]
fn task_groups_are_refused_and_say_why() {
    let mut cluster = offered();

    cluster.accept(
        "web",
        &["m-O0"],
        vec![group(vec![task("g1", "cpus:1; mem:32"), task("g2", "cpus:1; mem:32")])],
    );

    expect![[r#"
        stream 1 <- UPDATE g1 TASK_ERROR on m-S0 REASON_TASK_GROUP_INVALID 'Task groups need the default executor, which this version does not have; launch the tasks one by one with LAUNCH'
        stream 1 <- UPDATE g2 TASK_ERROR on m-S0 REASON_TASK_GROUP_INVALID 'Task groups need the default executor, which this version does not have; launch the tasks one by one with LAUNCH'
        request 2 <- 202
    "#]].assert_eq(&cluster.heard());
}

#[test]
fn other_operations_are_refused_to_those_who_can_be_told() {
    let mut cluster = offered();

    let operations = vec![
        operation(Type::Reserve, Some("op-1")),
        operation(Type::Create, None),
        operation(Type::Unknown, None),
    ];
    cluster.accept("web", &["m-O0"], operations);

    expect![[r#"
        stream 1 <- UPDATE_OPERATION_STATUS op-1 OPERATION_ERROR 'Expecting 'reserve' to be present'
        allocator <- recovered offered cpus(allocated: *):4; mem(allocated: *):1024; ports(allocated: *):[31000-31009] on a0 from f0, refused for 5secs
        request 2 <- 202
    "#]].assert_eq(&cluster.effects());
}

#[test]
fn a_launch_has_no_operation_id() {
    let mut cluster = offered();

    let mut with_id = launch(vec![task("t1", "cpus:1; mem:128")]);
    with_id.id = Some(v1::OperationId { value: "op-1".into() });
    cluster.accept("web", &["m-O0"], vec![with_id]);

    expect![[r#"
        stream 1 <- UPDATE t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'The `id` field cannot be set on LAUNCH operations'
        request 2 <- 202
    "#]].assert_eq(&cluster.heard());
}

#[test]
fn a_malformed_resource_voids_its_whole_operation() {
    let mut cluster = offered();

    let mut negative = task("t2", "cpus:1; mem:128");
    negative.resources[0].scalar = Some(v1::value::Scalar { value: -1.0 });
    let first = launch(vec![task("t1", "cpus:1; mem:128"), negative]);
    cluster.accept("web", &["m-O0"], vec![first, launch(vec![task("t3", "cpus:1; mem:128")])]);

    expect![[r#"
        stream 1 <- UPDATE t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'Resource 'cpus:-1' is invalid: Invalid scalar resource: value <= 0'
        stream 1 <- UPDATE t2 TASK_ERROR on m-S0 REASON_TASK_INVALID 'Resource 'cpus:-1' is invalid: Invalid scalar resource: value <= 0'
        slave(1)@10.0.0.1:5051 <- RunTask t3 (cpus(allocated: *):1; mem(allocated: *):128)
        request 2 <- 202
    "#]].assert_eq(&cluster.heard());
}

#[test]
fn a_call_that_names_too_many_offers_is_refused_whole() {
    let mut cluster = offered();

    let many = vec!["m-O0"; 65_537];
    cluster.accept("web", &many, Vec::new());
    cluster.decline("web", &many, None);

    expect![[r#"
        request 2 <- 400 accept.offer_ids names 65537 offers, at most 65536 are taken; use several calls
        request 3 <- 400 decline.offer_ids names 65537 offers, at most 65536 are taken; use several calls
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn the_agent_learns_who_the_framework_is_and_may_start_an_executor() {
    let mut cluster = offered();

    cluster.launch("web", "m-O0", vec![executor_task("t1", "cpus:1; mem:128", "e1", "cpus:0.1; mem:32")]);

    let run = cluster.raw_effects().into_iter().find_map(|effect| match effect {
        crate::Effect::Send { message: crate::ToAgent::RunTask(run), .. } => Some(run),
        _ => None,
    });
    let run = run.expect("the task is sent");
    assert_eq!(run.framework.id, Some(v1::FrameworkId { value: "m-0000".into() }));
    assert_eq!(run.launch_executor, Some(true));
    let executor = run.task.executor.expect("it has an executor");
    assert_eq!(executor.framework_id, run.framework.id, "filled in for the framework");
    assert_eq!(
        executor.resources[0].allocation_info.as_ref().and_then(|info| info.role.as_deref()),
        Some("*")
    );
}
