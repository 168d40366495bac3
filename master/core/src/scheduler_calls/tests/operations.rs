//! RESERVE, UNRESERVE, CREATE, DESTROY, GROW_VOLUME and SHRINK_VOLUME in an ACCEPT, and what frameworks hear of them.

use expect_test::expect;
use tepui_model::{OperationUuid, Reservation, Resource, Resources, Role};
use tepui_proto::internal::UpdateOperationStatusMessage;
use tepui_proto::v1::framework_info::capability::Type as Capability;
use tepui_proto::v1::master::{Call, call as master_call};
use tepui_proto::v1::offer::Operation;
use tepui_proto::v1::offer::operation::{
    Create, Destroy, GrowVolume, Reserve, ShrinkVolume, Type, Unreserve,
};
use tepui_proto::v1::resource::SharedInfo;
use tepui_proto::v1::resource::disk_info::Persistence;
use tepui_proto::v1::scheduler::call;
use tepui_proto::v1::{self, OperationState, OperationStatus};

use crate::cluster::{Cluster, capability, cluster, launch, task, uuid};
use crate::{Effect, FromAgent, ToAgent, limits};

/// One agent; a framework in the role `web` has an offer of all of it.
fn offered() -> Cluster {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024; disk:100").framework_like("web", in_web);
    cluster.allocate();
    cluster.forget();
    cluster
}

fn in_web(info: &mut v1::FrameworkInfo) {
    info.roles = vec!["web".into()];
    info.capabilities =
        [Capability::MultiRole, Capability::ReservationRefinement, Capability::SharedResources]
            .map(capability)
            .into();
}

fn plain(text: &str) -> Resources {
    Resources::parse(text, &Role::star()).unwrap()
}

fn reserved(text: &str) -> Resources {
    plain(text).push_reservation(&Reservation::dynamic(Role::parse("web").unwrap(), None)).unwrap()
}

fn volume(size: u32) -> v1::Resource {
    let mut disk = reserved(&format!("disk:{size}")).to_wire().remove(0);
    let volume = v1::Volume {
        container_path: "data".into(),
        mode: v1::volume::Mode::Rw as i32,
        ..v1::Volume::default()
    };
    let persistence = Persistence { id: "v1".into(), principal: None };
    disk.disk = Some(Box::new(v1::resource::DiskInfo {
        persistence: Some(persistence.into()),
        volume: Some(volume.into()),
        source: None,
    }));
    disk
}

fn shared(size: u32) -> v1::Resource {
    v1::Resource { shared: Some(SharedInfo {}), ..volume(size) }
}

fn with_id(id: &str, operation: Operation) -> Operation {
    Operation { id: Some(v1::OperationId { value: id.into() }), ..operation }
}

fn of(kind: Type) -> Operation {
    Operation { r#type: Some(kind as i32), ..Operation::default() }
}

fn reserve(resources: &Resources) -> Operation {
    let reserve = Reserve { source: Vec::new(), resources: resources.to_wire() };
    Operation { reserve: Some(reserve.into()), ..of(Type::Reserve) }
}

fn unreserve(resources: &Resources) -> Operation {
    Operation { unreserve: Some(Unreserve { resources: resources.to_wire() }), ..of(Type::Unreserve) }
}

fn create(volume: v1::Resource) -> Operation {
    Operation { create: Some(Create { volumes: vec![volume] }), ..of(Type::Create) }
}

fn destroy(volume: v1::Resource) -> Operation {
    Operation { destroy: Some(Destroy { volumes: vec![volume] }), ..of(Type::Destroy) }
}

fn grow(volume: v1::Resource, addition: &Resources) -> Operation {
    let grow = GrowVolume { volume, addition: addition.to_wire().remove(0) };
    Operation { grow_volume: Some(grow.into()), ..of(Type::GrowVolume) }
}

fn shrink(volume: v1::Resource, subtract: f64) -> Operation {
    let shrink = ShrinkVolume { volume, subtract: v1::value::Scalar { value: subtract } };
    Operation { shrink_volume: Some(shrink.into()), ..of(Type::ShrinkVolume) }
}

fn with_volume(id: &str, volume: v1::Resource) -> v1::TaskInfo {
    let mut task = task(id, "cpus:1; mem:64");
    task.resources.push(volume);
    task
}

/// The operations that the agent was told to apply since the last look.
fn applied(cluster: &mut Cluster) -> Vec<OperationUuid> {
    let effects = cluster.raw_effects();
    let uuid = |effect: &Effect| match effect {
        Effect::Send { message: ToAgent::ApplyOperation(message), .. } => {
            OperationUuid::from_wire(&message.operation_uuid)
        }
        _ => None,
    };
    effects.iter().filter_map(uuid).collect()
}

/// What the agent says of an operation; a number makes it a status to acknowledge.
fn says(cluster: &mut Cluster, operation: OperationUuid, state: OperationState, number: Option<u8>) {
    let agent_id = cluster.machine("a1").info.id.clone();
    let status = OperationStatus {
        state: state as i32,
        agent_id: agent_id.clone(),
        uuid: number.map(|number| Box::new(v1::Uuid { value: uuid(number) })),
        ..OperationStatus::default()
    };
    let message = UpdateOperationStatusMessage {
        slave_id: agent_id,
        status,
        operation_uuid: Some(Box::new(operation.to_wire())),
        ..UpdateOperationStatusMessage::default()
    };
    cluster.say("a1", FromAgent::OperationStatus(Box::new(message)));
}

fn acknowledge(cluster: &mut Cluster, id: &str, number: u8) {
    let agent_id = cluster.machine("a1").info.id.clone();
    cluster.call("web", call::Type::AcknowledgeOperationStatus, |call| {
        let acknowledge = call::AcknowledgeOperationStatus {
            agent_id,
            resource_provider_id: None,
            uuid: uuid(number),
            operation_id: v1::OperationId { value: id.into() },
        };
        call.acknowledge_operation_status = Some(acknowledge.into());
    });
}

fn reconcile(cluster: &mut Cluster, ids: &[&str]) {
    let agent_id = cluster.machine("a1").info.id.clone();
    let operation = |id: &&str| call::reconcile_operations::Operation {
        operation_id: v1::OperationId { value: (*id).into() },
        agent_id: agent_id.clone(),
        resource_provider_id: None,
    };
    let operations = ids.iter().map(operation).collect();
    cluster.call("web", call::Type::ReconcileOperations, |call| {
        call.reconcile_operations = Some(call::ReconcileOperations { operations });
    });
}

#[test]
fn later_operations_and_launches_see_what_earlier_ones_made() {
    let mut cluster = offered();

    let operations = vec![
        reserve(&reserved("cpus:1; mem:64; disk:60")),
        create(volume(60)),
        launch(vec![with_volume("t1", volume(60))]),
    ];
    cluster.accept("web", &["m-O0"], operations);

    expect![[r#"
        slave(1)@10.0.0.1:5051 <- ApplyOperation RESERVE (cpus(allocated: web)(reservations: [(DYNAMIC,web)]):1; mem(allocated: web)(reservations: [(DYNAMIC,web)]):64; disk(allocated: web)(reservations: [(DYNAMIC,web)]):60)
        slave(1)@10.0.0.1:5051 <- ApplyOperation CREATE (disk(allocated: web)(reservations: [(DYNAMIC,web)])[v1:data]:60)
        slave(1)@10.0.0.1:5051 <- RunTask t1 (cpus(allocated: web):1; mem(allocated: web):64; disk(allocated: web)(reservations: [(DYNAMIC,web)])[v1:data]:60)
        allocator <- f0 converted on a0, cpus(allocated: web):1; mem(allocated: web):64; disk(allocated: web):60 to cpus(allocated: web)(reservations: [(DYNAMIC,web)]):1; mem(allocated: web)(reservations: [(DYNAMIC,web)]):64; disk(allocated: web)(reservations: [(DYNAMIC,web)]):60, disk(allocated: web)(reservations: [(DYNAMIC,web)]):60 to disk(allocated: web)(reservations: [(DYNAMIC,web)])[v1:data]:60
        allocator <- f0 launched cpus(allocated: web):1; mem(allocated: web):64; disk(allocated: web)(reservations: [(DYNAMIC,web)])[v1:data]:60 on a0
        allocator <- recovered offered cpus(allocated: web)(reservations: [(DYNAMIC,web)]):1; mem(allocated: web)(reservations: [(DYNAMIC,web)]):64 on a0 from f0
        allocator <- recovered offered cpus(allocated: web):2; mem(allocated: web):896; disk(allocated: web):40 on a0 from f0, refused for 5secs
        request 2 <- 202
    "#]].assert_eq(&cluster.effects());
}

#[test]
fn what_was_reserved_is_offered_as_reserved() {
    let mut cluster = offered();

    cluster.accept("web", &["m-O0"], vec![reserve(&reserved("cpus:1"))]);
    cluster.forget();
    cluster.wait(6);

    expect![[r#"
        stream 1 <- OFFERS m-O1 on m-S0 as web (cpus(allocated: web):3; cpus(allocated: web)(reservations: [(DYNAMIC,web)]):1; mem(allocated: web):1024; disk(allocated: web):100)
    "#]].assert_eq(&cluster.heard());
}

#[test]
fn a_bad_operation_is_dropped_and_the_next_goes_on() {
    let mut cluster = offered();

    let operations = vec![
        with_id("too-much", reserve(&reserved("cpus:9"))),
        with_id("static", reserve(&Resources::parse("cpus:1", &Role::parse("web").unwrap()).unwrap())),
        with_id("no-volume", destroy(volume(10))),
        with_id("not-reserved", unreserve(&plain("cpus:1"))),
        with_id("good", reserve(&reserved("cpus:2"))),
    ];
    cluster.accept("web", &["m-O0"], operations);

    expect![[r#"
        stream 1 <- UPDATE_OPERATION_STATUS too-much OPERATION_ERROR 'cpus(allocated: web):4; mem(allocated: web):1024; disk(allocated: web):100 does not contain cpus(allocated: web):9'
        stream 1 <- UPDATE_OPERATION_STATUS static OPERATION_ERROR 'Resource cpus(allocated: web)(reservations: [(STATIC,web)]):1 is not dynamically reserved; on agent m-S0 at slave(1)@10.0.0.1:5051 (a1.example)'
        stream 1 <- UPDATE_OPERATION_STATUS no-volume OPERATION_ERROR 'Persistent volumes not found; on agent m-S0 at slave(1)@10.0.0.1:5051 (a1.example)'
        stream 1 <- UPDATE_OPERATION_STATUS not-reserved OPERATION_ERROR 'Resource cpus(allocated: web):1 is not dynamically reserved; on agent m-S0 at slave(1)@10.0.0.1:5051 (a1.example)'
        slave(1)@10.0.0.1:5051 <- ApplyOperation RESERVE good (cpus(allocated: web)(reservations: [(DYNAMIC,web)]):2)
        request 2 <- 202
    "#]].assert_eq(&cluster.heard());
}

#[test]
fn what_would_lose_a_volume_or_is_too_large_is_no_operation() {
    let mut cluster = offered();
    let label = v1::Label { key: "k".into(), value: Some("v".repeat(40_000)) };
    let mut labelled = reserve(&reserved("cpus:1"));
    let resource = &mut labelled.reserve.as_mut().unwrap().resources[0];
    resource.reservations[0].labels = Some(v1::Labels { labels: vec![label] });
    let mut refined = reserve(&reserved("disk:10"));
    refined.reserve.as_mut().unwrap().resources = vec![volume(10)];

    cluster.accept("web", &["m-O0"], vec![with_id("large", labelled), with_id("volume", refined)]);

    let heard = cluster.heard();
    assert!(heard.contains("large OPERATION_ERROR 'the operation would take 4"), "{heard}");
    assert!(heard.contains("volume OPERATION_ERROR 'A persistent volume "), "{heard}");
    assert!(heard.contains(" must already be reserved"), "{heard}");
}

#[test]
fn a_volume_grows_and_shrinks_and_is_not_touched_again() {
    let mut cluster = offered();
    cluster.accept("web", &["m-O0"], vec![reserve(&reserved("disk:80")), create(volume(60))]);
    cluster.wait(1);
    cluster.forget();

    let operations = vec![
        with_id("grow", grow(volume(60), &reserved("disk:10"))),
        with_id("again", shrink(volume(70), 5.0)),
    ];
    cluster.accept("web", &["m-O1"], operations);
    cluster.wait(1);
    cluster.accept("web", &["m-O2"], vec![with_id("shrink", shrink(volume(70), 30.0))]);

    expect![[r#"
        slave(1)@10.0.0.1:5051 <- ApplyOperation GROW_VOLUME grow (disk(allocated: web)(reservations: [(DYNAMIC,web)])[v1:data]:60)
        stream 1 <- UPDATE_OPERATION_STATUS again OPERATION_ERROR 'Invalid SHRINK_VOLUME operation: cpus(allocated: web):4; mem(allocated: web):1024; disk(allocated: web):20; disk(allocated: web)(reservations: [(DYNAMIC,web)]):10 does not contain disk(allocated: web)(reservations: [(DYNAMIC,web)])[v1:data]:70'
        request 3 <- 202
        stream 1 <- OFFERS m-O2 on m-S0 as web (cpus(allocated: web):4; mem(allocated: web):1024; disk(allocated: web):20; disk(allocated: web)(reservations: [(DYNAMIC,web)]):10; disk(allocated: web)(reservations: [(DYNAMIC,web)])[v1:data]:70)
        slave(1)@10.0.0.1:5051 <- ApplyOperation SHRINK_VOLUME shrink (disk(allocated: web)(reservations: [(DYNAMIC,web)])[v1:data]:70)
        request 4 <- 202
    "#]].assert_eq(&cluster.heard());
}

#[test]
fn a_volume_in_use_stays() {
    let mut cluster = offered();
    let operations = vec![
        reserve(&reserved("disk:60")),
        create(volume(60)),
        launch(vec![with_volume("t1", volume(60))]),
        with_id("destroy", destroy(volume(60))),
    ];

    cluster.accept("web", &["m-O0"], operations);

    let heard = cluster.heard();
    assert!(heard.contains("destroy OPERATION_ERROR 'Persistent volumes in use; on agent m-S0"), "{heard}");
}

#[test]
fn a_shared_volume_is_had_by_several_tasks_and_destroyed_when_nobody_has_it() {
    let mut cluster = offered();
    let tasks = vec![with_volume("t1", shared(60)), with_volume("t2", shared(60))];
    cluster.accept("web", &["m-O0"], vec![reserve(&reserved("disk:60")), create(shared(60)), launch(tasks)]);
    cluster.forget();
    for id in ["t1", "t2"] {
        cluster.update("a1", "web", id, v1::TaskState::TaskFinished, 1);
        cluster.acknowledge("web", "a1", id, 1);
    }
    cluster.wait(6);
    cluster.forget();

    let offers: Vec<String> =
        cluster.master.offers.outstanding.iter().map(|(_, offer)| offer.id.to_string()).collect();
    let offers: Vec<&str> = offers.iter().map(String::as_str).collect();
    cluster.accept("web", &offers, vec![destroy(shared(60))]);

    expect![[r#"
        slave(1)@10.0.0.1:5051 <- ApplyOperation DESTROY (disk(allocated: web)(reservations: [(DYNAMIC,web)])[v1:data]<SHARED>:60<1>)
        request 5 <- 202
    "#]].assert_eq(&cluster.heard());
}

#[test]
fn an_outcome_is_told_until_it_is_acknowledged() {
    let mut cluster = offered();
    cluster.accept("web", &["m-O0"], vec![with_id("r", reserve(&reserved("cpus:1")))]);
    let operation = applied(&mut cluster)[0];

    reconcile(&mut cluster, &["r", "other"]);
    says(&mut cluster, operation, OperationState::OperationFinished, Some(7));
    says(&mut cluster, operation, OperationState::OperationFinished, Some(7));
    reconcile(&mut cluster, &[]);
    acknowledge(&mut cluster, "r", 8);
    acknowledge(&mut cluster, "r", 7);
    // The agent did not hear of it.
    says(&mut cluster, operation, OperationState::OperationFinished, Some(7));
    reconcile(&mut cluster, &["r"]);

    expect![[r#"
        stream 1 <- UPDATE_OPERATION_STATUS r OPERATION_PENDING ''
        stream 1 <- UPDATE_OPERATION_STATUS other OPERATION_UNKNOWN 'Reconciliation: Operation is unknown'
        request 3 <- 202
        stream 1 <- UPDATE_OPERATION_STATUS r OPERATION_FINISHED ''
        stream 1 <- UPDATE_OPERATION_STATUS r OPERATION_FINISHED ''
        stream 1 <- UPDATE_OPERATION_STATUS r OPERATION_FINISHED ''
        request 4 <- 202
        request 5 <- 202
        slave(1)@10.0.0.1:5051 <- Acknowledgement of an operation
        request 6 <- 202
        slave(1)@10.0.0.1:5051 <- Acknowledgement of an operation
        stream 1 <- UPDATE_OPERATION_STATUS r OPERATION_UNKNOWN 'Reconciliation: Operation is unknown'
        request 7 <- 202
    "#]]
    .assert_eq(&cluster.heard());
    assert!(cluster.master.operations.all.is_empty() && cluster.master.operations.by_id.is_empty());
}

#[test]
fn an_operation_without_an_id_is_acknowledged_by_the_master() {
    let mut cluster = offered();
    cluster.accept("web", &["m-O0"], vec![reserve(&reserved("cpus:1"))]);
    let operation = applied(&mut cluster)[0];

    says(&mut cluster, operation, OperationState::OperationFinished, Some(7));

    expect![[r#"
        slave(1)@10.0.0.1:5051 <- Acknowledgement of an operation
    "#]]
    .assert_eq(&cluster.heard());
    assert!(cluster.master.operations.all.is_empty());
}

#[test]
fn an_id_in_use_is_not_given_again() {
    let mut cluster = offered();

    let twice = vec![with_id("r", reserve(&reserved("cpus:1"))), with_id("r", reserve(&reserved("cpus:1")))];
    cluster.accept("web", &["m-O0"], twice);

    let heard = cluster.heard();
    assert!(
        heard.contains("r OPERATION_ERROR 'Operation ID 'r' is in use; acknowledge that operation first'"),
        "{heard}"
    );
    assert_eq!(cluster.master.operations.all.len(), 1);
}

#[test]
fn an_agent_that_never_got_an_operation_is_counted_anew() {
    let mut cluster = offered();
    cluster.accept("web", &["m-O0"], vec![with_id("r", reserve(&reserved("cpus:1")))]);
    let operation = applied(&mut cluster)[0];

    // It comes back without it, and is asked.
    let back = cluster.reintroduce("a1");
    cluster.reregister("a1", back);
    let update = tepui_proto::internal::UpdateSlaveMessage {
        slave_id: cluster.machine("a1").info.id.clone().unwrap(),
        operations: Some(Default::default()),
        ..Default::default()
    };
    cluster.say("a1", FromAgent::Update(Box::new(update)));
    says(&mut cluster, operation, OperationState::OperationDropped, None);

    expect![[r#"
        slave(1)@10.0.0.1:5051 <- Reregistered as m-S0
        slave(1)@10.0.0.1:5051 <- ReconcileOperations, what of 1?
        stream 1 <- UPDATE_OPERATION_STATUS r OPERATION_DROPPED ''
    "#]]
    .assert_eq(&cluster.heard());
    assert!(cluster.master.operations.all.is_empty());
    let (_, agent) = cluster.master.agents.registered.iter().next().unwrap();
    assert_eq!(agent.total, plain("cpus:4; mem:1024; disk:100"));
}

#[test]
fn a_new_master_hears_of_operations_from_their_agents() {
    let mut cluster = offered();
    cluster.accept("web", &["m-O0"], vec![with_id("r", reserve(&reserved("cpus:1")))]);
    let operation = applied(&mut cluster)[0];
    let told = v1::Operation::clone(&cluster.master.operations.all[&operation].message);

    let mut cluster = cluster.failover();
    let mut back = cluster.reintroduce("a1");
    back.checkpointed_resources = reserved("cpus:1").to_wire();
    cluster.reregister("a1", back);
    let update = tepui_proto::internal::UpdateSlaveMessage {
        slave_id: cluster.machine("a1").info.id.clone().unwrap(),
        operations: Some(tepui_proto::internal::update_slave_message::Operations { operations: vec![told] }),
        ..Default::default()
    };
    cluster.say("a1", FromAgent::Update(Box::new(update)));
    cluster.forget();
    // Nobody is there who could acknowledge yet; then somebody is.
    says(&mut cluster, operation, OperationState::OperationFinished, Some(7));
    let info = cluster.scheduler("web").info.clone();
    cluster.subscribe("web", info);
    says(&mut cluster, operation, OperationState::OperationFinished, Some(7));
    acknowledge(&mut cluster, "r", 7);

    expect![[r#"
        request 3 <- stream 3
        stream 3 <- SUBSCRIBED m-0000
        slave(1)@10.0.0.1:5051 <- UpdateFramework m-0000
        stream 3 <- UPDATE_OPERATION_STATUS r OPERATION_FINISHED ''
        slave(1)@10.0.0.1:5051 <- Acknowledgement of an operation
        request 4 <- 202
    "#]]
    .assert_eq(&cluster.heard());
}

#[test]
fn operations_of_a_lost_agent_are_unreachable() {
    let mut cluster = offered();
    cluster.accept("web", &["m-O0"], vec![with_id("r", reserve(&reserved("cpus:1")))]);
    cluster.forget();

    cluster.lose("a1");
    cluster.advance(std::time::Duration::from_secs(700));
    reconcile(&mut cluster, &["r"]);

    expect![[r#"
        slave(1)@10.0.0.1:5051 <- Ping, not connected
        slave(1)@10.0.0.1:5051 <- Ping, not connected
        slave(1)@10.0.0.1:5051 <- Ping, not connected
        slave(1)@10.0.0.1:5051 <- Ping, not connected
        slave(1)@10.0.0.1:5051 <- Ping, not connected
        slave(1)@10.0.0.1:5051 <- Ping, not connected
        stream 1 <- UPDATE_OPERATION_STATUS r OPERATION_UNREACHABLE 'Agent was marked unreachable'
        stream 1 <- FAILURE of m-S0
        stream 1 <- UPDATE_OPERATION_STATUS r OPERATION_UNREACHABLE 'Reconciliation: Agent is unreachable'
        request 3 <- 202
    "#]]
    .assert_eq(&cluster.heard());
}

#[test]
fn an_agent_without_operations_is_told_what_to_have() {
    let mut cluster = cluster().framework_like("web", in_web);
    let mut old = cluster.introduce("a1", "cpus:4; mem:1024; disk:100");
    old.agent_capabilities.retain(|capability| capability.r#type.is_some_and(|kind| kind <= 3));
    cluster.say("a1", FromAgent::Register(Box::new(old)));
    cluster.allocate();
    cluster.forget();

    let operations = vec![
        reserve(&reserved("cpus:1")),
        with_id("r", reserve(&reserved("cpus:1"))),
        with_id("s", shrink(volume(10), 1.0)),
    ];
    cluster.accept("web", &["m-O0"], operations);

    expect![[r#"
        slave(1)@10.0.0.1:5051 <- CheckpointResources cpus(reservations: [(DYNAMIC,web)]):1
        stream 1 <- UPDATE_OPERATION_STATUS r OPERATION_ERROR 'Operation requested feedback, but agent m-S0 does not have the required RESOURCE_PROVIDER capability'
        stream 1 <- UPDATE_OPERATION_STATUS s OPERATION_ERROR 'Operation requested feedback, but agent m-S0 does not have the required RESOURCE_PROVIDER capability'
        request 2 <- 202
    "#]].assert_eq(&cluster.heard());
}

#[test]
fn principals_are_written_into_what_they_reserve() {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024; disk:100").framework_like("web", |info| {
        in_web(info);
        info.principal = Some("ops".into());
    });
    cluster.allocate();
    cluster.forget();
    let of_ops = |name: &str| {
        let reservation = Reservation::dynamic(Role::parse("web").unwrap(), Some(name.into()));
        plain("cpus:1").push_reservation(&reservation).unwrap()
    };

    let operations = vec![
        with_id("none", reserve(&reserved("cpus:1"))),
        with_id("other", reserve(&of_ops("dev"))),
        with_id("own", reserve(&of_ops("ops"))),
    ];
    cluster.accept("web", &["m-O0"], operations);

    expect![[r#"
        stream 1 <- UPDATE_OPERATION_STATUS none OPERATION_ERROR 'A reserve operation was attempted by principal 'ops', but there is a reserved resource in the request with no principal set; on agent m-S0 at slave(1)@10.0.0.1:5051 (a1.example)'
        stream 1 <- UPDATE_OPERATION_STATUS other OPERATION_ERROR 'A reserve operation was attempted by authenticated principal 'ops', which does not match a reserved resource in the request with principal 'dev'; on agent m-S0 at slave(1)@10.0.0.1:5051 (a1.example)'
        slave(1)@10.0.0.1:5051 <- ApplyOperation RESERVE own (cpus(allocated: web)(reservations: [(DYNAMIC,web,ops)]):1)
        request 2 <- 202
    "#]].assert_eq(&cluster.heard());
}

// Operators.

fn operate(cluster: &mut Cluster, call: Call) -> String {
    cluster.decide(call);
    cluster.effects()
}

fn of_agent(cluster: &mut Cluster) -> v1::AgentId {
    cluster.machine("a1").info.id.clone().expect("it is registered")
}

fn call_of(kind: master_call::Type) -> Call {
    Call { r#type: Some(kind as i32), ..Call::default() }
}

fn reserve_resources(agent_id: v1::AgentId, source: &Resources, resources: &Resources) -> Call {
    let (source, resources) = (source.to_wire(), resources.to_wire());
    let reserve = master_call::ReserveResources { agent_id, source, resources };
    Call { reserve_resources: Some(reserve.into()), ..call_of(master_call::Type::ReserveResources) }
}

#[test]
fn an_operator_takes_back_what_is_offered() {
    let mut cluster = offered();
    let agent_id = of_agent(&mut cluster);

    let reserve = reserve_resources(agent_id.clone(), &Resources::new(), &reserved("cpus:1; disk:60"));
    let reserved_by_operator = operate(&mut cluster, reserve);
    expect![[r#"
        stream 1 <- RESCIND m-O0
        allocator <- recovered offered cpus(allocated: web):4; mem(allocated: web):1024; disk(allocated: web):100 on a0 from f0
        slave(1)@10.0.0.1:5051 <- ApplyOperation RESERVE (cpus(reservations: [(DYNAMIC,web)]):1; disk(reservations: [(DYNAMIC,web)]):60)
        allocator <- update a0 cpus:3; cpus(reservations: [(DYNAMIC,web)]):1; mem:1024; disk:40; disk(reservations: [(DYNAMIC,web)]):60
        request 2 <- 202
    "#]].assert_eq(&reserved_by_operator);
    cluster.wait(1);
    cluster.forget();
    let create = master_call::CreateVolumes { agent_id, volumes: vec![volume(60)] };
    let create = Call { create_volumes: Some(create.into()), ..call_of(master_call::Type::CreateVolumes) };
    let created = operate(&mut cluster, create);
    expect![[r#"
        stream 1 <- RESCIND m-O1
        allocator <- recovered offered cpus(allocated: web):3; cpus(allocated: web)(reservations: [(DYNAMIC,web)]):1; mem(allocated: web):1024; disk(allocated: web):40; disk(allocated: web)(reservations: [(DYNAMIC,web)]):60 on a0 from f0
        slave(1)@10.0.0.1:5051 <- ApplyOperation CREATE (disk(reservations: [(DYNAMIC,web)])[v1:data]:60)
        allocator <- update a0 cpus:3; cpus(reservations: [(DYNAMIC,web)]):1; mem:1024; disk:40; disk(reservations: [(DYNAMIC,web)])[v1:data]:60
        request 3 <- 202
    "#]].assert_eq(&created);
}

#[test]
fn an_operator_is_told_what_is_wrong() {
    let mut cluster = offered();
    cluster.launch("web", "m-O0", vec![task("t1", "cpus:3; mem:64")]);
    cluster.wait(1);
    cluster.forget();

    let agent_id = of_agent(&mut cluster);
    let none = Resources::new();
    let allocated = reserved("cpus:1").allocated_to(&Role::parse("web").unwrap());
    let destroy = master_call::DestroyVolumes { agent_id: agent_id.clone(), volumes: vec![volume(60)] };
    let calls = [
        reserve_resources(agent_id.clone(), &none, &reserved("cpus:2")),
        reserve_resources(agent_id, &none, &allocated),
        Call { destroy_volumes: Some(destroy.into()), ..call_of(master_call::Type::DestroyVolumes) },
        call_of(master_call::Type::GrowVolume),
        reserve_resources(v1::AgentId { value: "none".into() }, &none, &reserved("cpus:1")),
    ];
    let all: String = calls.into_iter().map(|call| operate(&mut cluster, call)).collect();

    expect![[r#"
        request 3 <- 409 cpus:1; mem:960; disk:100 does not contain cpus:2
        request 4 <- 400 Invalid RESERVE operation on agent m-S0 at slave(1)@10.0.0.1:5051 (a1.example): A reserve operation was attempted with an allocated resource, but the operator API only allows reservations to be made to unallocated resources
        request 5 <- 400 Invalid DESTROY operation on agent m-S0 at slave(1)@10.0.0.1:5051 (a1.example): Persistent volumes not found
        request 6 <- 400 Failed to validate master::Call: Expecting 'grow_volume' to be present
        request 7 <- 400 No agent found with specified ID
    "#]].assert_eq(&all);
}

#[test]
fn a_framework_that_acknowledges_nothing_stops_nobody_else() {
    let mut cluster = offered();
    let step = reserved("cpus:0.01");
    let most = limits::OPERATIONS_PER_FRAMEWORK_AND_AGENT;
    let operations = (0..=most).map(|n| with_id(&format!("op{n}"), reserve(&step)));
    cluster.accept("web", &["m-O0"], operations.collect());
    let heard = cluster.heard();
    assert_eq!(heard.matches("<- ApplyOperation").count(), most);
    let refused =
        heard.lines().find(|line| line.contains("OPERATION_ERROR")).expect("the last one is refused");
    assert!(refused.contains("op100 OPERATION_ERROR '100 operations of the framework"), "{refused}");

    let agent_id = of_agent(&mut cluster);
    let of_operator = reserve_resources(agent_id, &Resources::new(), &reserved("cpus:1"));
    let answer = operate(&mut cluster, of_operator);

    assert!(answer.contains("<- 202"), "{answer}");
}

#[test]
fn what_flags_reserve_is_not_taken_back_to_be_reserved_otherwise() {
    let mut cluster = cluster().agent("a1", "cpus(web):4; mem:1024").framework_like("web", in_web);
    cluster.allocate();
    cluster.forget();
    let agent_id = of_agent(&mut cluster);
    let by_flag = Resources::parse("cpus:1", &Role::parse("web").unwrap()).unwrap();

    let answer = operate(&mut cluster, reserve_resources(agent_id, &by_flag, &reserved("cpus:1")));

    expect![[r#"
        request 2 <- 400 Invalid RESERVE operation on agent m-S0 at slave(1)@10.0.0.1:5051 (a1.example): What --resources of the agent reserve cannot be reserved otherwise: cpus(reservations: [(STATIC,web)]):1
    "#]].assert_eq(&answer);
}

#[test]
fn an_operator_reserves_what_is_reserved_otherwise() {
    let mut cluster = offered();
    let agent_id = of_agent(&mut cluster);
    operate(&mut cluster, reserve_resources(agent_id.clone(), &Resources::new(), &reserved("cpus:1")));
    let other = Reservation::dynamic(Role::parse("db").unwrap(), None);
    let target = plain("cpus:1").push_reservation(&other).unwrap();

    let done = operate(&mut cluster, reserve_resources(agent_id, &reserved("cpus:1"), &target));

    assert!(done.contains("<- 202"), "{done}");
    let (_, agent) = cluster.master.agents.registered.iter().next().unwrap();
    assert_eq!(agent.total, plain("cpus:3; mem:1024; disk:100") + &target);
    assert!(agent.total.iter().all(|entry: &Resource| entry.allocation().is_none()));
}
