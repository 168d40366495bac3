//! Operations on the agent's resources: applied, written, told, acknowledged.

use std::time::Duration;

use bytes::Bytes;
use expect_test::expect;
use proptest::prelude::*;
use tepui_model::{OfferOperation, Reservation, Resources, Role};
use tepui_proto::internal::{
    AcknowledgeOperationStatusMessage, ApplyOperationMessage, CheckpointResourcesMessage,
    ReconcileOperationsMessage, ResourceVersionUuid, reconcile_operations_message,
};
use tepui_proto::v1::{self, OperationState};

use super::world::{AGENT_ID, MASTER, World, registered, reregistered, run, task};
use crate::{Effect, Input, MasterMessage, Phase, Pid, Recovered, ToMaster, Write};

fn plain(text: &str) -> Resources {
    Resources::parse(text, &Role::star()).unwrap()
}

fn reserved(text: &str) -> Resources {
    plain(text).push_reservation(&Reservation::dynamic(Role::parse("web").unwrap(), None)).unwrap()
}

fn reserve(text: &str) -> OfferOperation {
    OfferOperation::Reserve { source: Resources::new(), resources: reserved(text) }
}

fn uuid(number: u8) -> v1::Uuid {
    v1::Uuid { value: Bytes::copy_from_slice(&[number; 16]) }
}

/// An operation of the framework `f1`, under the name `op-NUMBER`.
fn apply(world: &mut World, number: u8, operation: &OfferOperation) -> String {
    let version = v1::Uuid { value: Bytes::copy_from_slice(&world.agent.resource_version) };
    apply_at(world, number, operation, version)
}

fn apply_at(world: &mut World, number: u8, operation: &OfferOperation, version: v1::Uuid) -> String {
    let id = v1::OperationId { value: format!("op-{number}") };
    world.master(MasterMessage::ApplyOperation(Box::new(ApplyOperationMessage {
        framework_id: Some(v1::FrameworkId { value: "f1".into() }),
        operation_info: operation.to_wire(Some(id)),
        operation_uuid: uuid(number),
        resource_version_uuid: ResourceVersionUuid { resource_provider_id: None, uuid: version },
    })))
}

fn acknowledge(world: &mut World, number: u8) -> String {
    let operation = world.agent.operations().find(|operation| operation.uuid == uuid(number));
    let status = operation.and_then(|operation| operation.latest_status.uuid).map(|uuid| *uuid);
    world.master(MasterMessage::AcknowledgeOperationStatus(AcknowledgeOperationStatusMessage {
        status_uuid: status.unwrap_or_else(|| uuid(0)),
        operation_uuid: uuid(number),
        resource_provider_id: None,
    }))
}

/// What a shell would read back of this.
fn kept(world: &World) -> Recovered {
    let mut recovered = Recovered::default();
    for write in &world.disk {
        match write {
            Write::Agent(info) => recovered.info = Some((**info).clone()),
            Write::Assets(state) => recovered.assets = (**state).clone(),
            _ => {}
        }
    }
    recovered
}

#[test]
fn an_operation_is_written_and_told_until_it_is_acknowledged() {
    let mut world = World::registered();

    let asked = apply(&mut world, 1, &reserve("cpus:1"));
    let pending: Vec<OperationState> =
        world.agent.operations().map(|operation| operation.latest_status.state()).collect();
    let stored = world.stored();
    let again = world.pass(Duration::from_secs(15));
    let acknowledged = acknowledge(&mut world, 1);
    let ignored = acknowledge(&mut world, 1);

    assert_eq!(pending, [OperationState::OperationPending]);
    expect![[r#"
        disk #2 <- assets cpus(reservations: [(DYNAMIC,web)]):1, 1 operations
        master <- OperationStatus op-1 OPERATION_FINISHED, to acknowledge
        timer: retry of an operation in 10secs
        master <- OperationStatus op-1 OPERATION_FINISHED, to acknowledge
        timer: retry of an operation in 20secs
        disk #3 <- assets cpus(reservations: [(DYNAMIC,web)]):1, 0 operations
    "#]]
    .assert_eq(&format!("{asked}{stored}{again}{acknowledged}{ignored}"));
    assert_eq!(world.agent.total(), &(plain("cpus:3;mem:4096;ports:[31000-32000]") + &reserved("cpus:1")));
}

#[test]
fn an_operation_that_comes_twice_is_applied_once() {
    let mut world = World::registered();
    apply(&mut world, 1, &reserve("cpus:1"));

    assert_eq!(apply(&mut world, 1, &reserve("cpus:1")), "");
}

#[test]
fn an_operation_that_does_not_apply_is_dropped_and_the_agent_registers_anew() {
    let mut world = World::registered();
    let too_much = apply(&mut world, 1, &reserve("cpus:9"));
    let mut other = World::registered();
    let outdated = apply_at(&mut other, 2, &reserve("cpus:1"), uuid(9));

    expect![[r#"
        master <- OperationStatus op-1 OPERATION_DROPPED (cpus:4; mem:4096; ports:[31000-32000] does not contain cpus:9)
        timer: register in 756.797065ms
        master <- OperationStatus op-2 OPERATION_DROPPED (Operation assumes outdated resource state)
        timer: register in 756.797065ms
    "#]]
    .assert_eq(&format!("{too_much}{outdated}"));
    assert!(matches!(world.agent.phase(), Phase::Disconnected { .. }));
    assert_eq!(world.agent.total(), &plain("cpus:4;mem:4096;ports:[31000-32000]"));
}

#[test]
fn a_registration_that_is_answered_twice_is_made_anew_if_something_changed_in_between() {
    let mut world = World::registered();
    assert_eq!(world.master(reregistered(Vec::new())), "");
    apply(&mut world, 1, &reserve("cpus:1"));
    world.stored();

    expect![[r#"
        timer: register in 373.836072ms
    "#]]
    .assert_eq(&world.master(reregistered(Vec::new())));

    assert!(matches!(world.agent.phase(), Phase::Disconnected { .. }));
    world.pass(Duration::from_secs(1));
    assert_eq!(world.master(reregistered(Vec::new())).lines().next(), Some("watch master"));
    assert_eq!(world.master(reregistered(Vec::new())), "");
}

#[test]
fn an_operation_is_ignored_while_no_master_counts_on_it() {
    let mut world = World::registered();
    world.step(Input::MasterExited(Pid::new(MASTER)));

    assert_eq!(apply(&mut world, 1, &reserve("cpus:1")), "");
    assert_eq!(world.agent.total(), &plain("cpus:4;mem:4096;ports:[31000-32000]"));
}

#[test]
fn an_agent_whose_operation_cannot_be_written_ends() {
    let mut world = World::registered();
    apply(&mut world, 1, &reserve("cpus:1"));

    let text = world.disk_full();

    assert!(
        text.starts_with("terminate: an operation on this agent's resources could not be made durable"),
        "{text}"
    );
}

#[test]
fn reservations_and_operations_survive_a_restart() {
    let mut world = World::registered();
    apply(&mut world, 1, &reserve("cpus:1"));
    apply(&mut world, 2, &reserve("mem:96"));
    world.stored();
    acknowledge(&mut world, 1);
    world.stored();
    let recovered = kept(&world);

    let (mut world, _) = world.restarted(recovered);
    world.step(Input::ContainersRecovered { alive: Vec::new() });
    world.step(Input::MasterDetected(Pid::new(MASTER)));
    world.pass(Duration::from_secs(1));
    let told = world.last.iter().find_map(|effect| match effect {
        Effect::Master { message: ToMaster::Reregister(message), .. } => {
            Some(Resources::from_wire(&message.checkpointed_resources).unwrap())
        }
        _ => None,
    });
    let text = world.master(reregistered(Vec::new()));

    assert_eq!(told, Some(reserved("cpus:1;mem:96")));
    expect![[r#"
        watch master
        timer: ping in 75secs
        master <- UpdateSlave
        master <- OperationStatus op-2 OPERATION_FINISHED, to acknowledge
        timer: retry of an operation in 10secs
    "#]]
    .assert_eq(&text);
}

#[test]
fn a_new_agent_on_the_same_disk_keeps_reservations_and_forgets_operations() {
    let mut world = World::registered();
    apply(&mut world, 1, &reserve("cpus:1"));
    world.stored();
    let recovered = Recovered { info: None, ..kept(&world) };

    let (mut world, _) = world.restarted(recovered);
    world.step(Input::ContainersRecovered { alive: Vec::new() });
    world.step(Input::MasterDetected(Pid::new(MASTER)));
    world.pass(Duration::from_secs(1));
    world.master(registered("m-S7"));

    assert_eq!(world.agent.total(), &(plain("cpus:3;mem:4096;ports:[31000-32000]") + &reserved("cpus:1")));
    assert_eq!(world.agent.operations().count(), 0);
}

#[test]
fn a_master_that_misses_operations_is_told_which_never_came() {
    let mut world = World::registered();
    apply(&mut world, 1, &reserve("cpus:1"));
    let asked = |number: u8| reconcile_operations_message::Operation {
        operation_uuid: Some(Box::new(uuid(number))),
        ..Default::default()
    };

    let text = world.master(MasterMessage::ReconcileOperations(ReconcileOperationsMessage {
        operations: vec![asked(1), asked(2)],
        framework_id: None,
    }));

    expect![[r#"
        master <- OperationStatus without id OPERATION_DROPPED
    "#]]
    .assert_eq(&text);
}

#[test]
fn an_old_master_says_what_the_agent_has() {
    let mut world = World::registered();

    let good = world.master(MasterMessage::CheckpointResources(CheckpointResourcesMessage {
        resources: reserved("cpus:2").to_wire(),
    }));
    let total = world.agent.total().clone();
    let bad = world.master(MasterMessage::CheckpointResources(CheckpointResourcesMessage {
        resources: reserved("cpus:9").to_wire(),
    }));

    assert_eq!(total, plain("cpus:2;mem:4096;ports:[31000-32000]") + &reserved("cpus:2"));
    expect![[r#"
        disk #2 <- assets cpus(reservations: [(DYNAMIC,web)]):2, 0 operations
        timer: register in 756.797065ms
    "#]]
    .assert_eq(&format!("{good}{bad}"));
}

#[test]
fn a_task_that_counts_on_what_is_not_there_is_dropped() {
    let mut world = World::registered();
    let mut counts_on = task("t1", "cpus:1;mem:128");
    counts_on.resources = reserved("cpus:1").to_wire();

    let text = world.master(run("f1", counts_on, Some(true)));

    expect![[r#"
        master <- StatusUpdate t1 TASK_LOST REASON_RESOURCES_UNKNOWN (The checkpointed resources being used by the task or task group are unknown to the agent)
        timer: retry of t1 in 10secs
    "#]]
    .assert_eq(&text);
}

#[test]
fn a_task_waits_for_its_volume_to_be_made() {
    let mut world = World::registered();
    apply(&mut world, 1, &reserve("cpus:1"));
    let mut counts_on = task("t1", "mem:128");
    counts_on.resources.extend(reserved("cpus:1").to_wire());

    let before = world.master(run("volatile", counts_on, Some(true)));

    expect![[r#"
        disk #3 <- assets cpus(reservations: [(DYNAMIC,web)]):1, 1 operations
    "#]]
    .assert_eq(&before);
    assert!(world.stored().contains("launch volatile/t1"));
}

#[derive(Clone, Debug)]
enum Event {
    Apply { undo: bool, cpus: u32, mem: u32 },
    Store,
    Acknowledge { number: u8 },
    Restart,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (any::<bool>(), 0..3_u32, 0..3_u32).prop_map(|(undo, cpus, mem)| Event::Apply { undo, cpus, mem }),
        4 => Just(Event::Store),
        3 => (1..30_u8).prop_map(|number| Event::Acknowledge { number }),
        1 => Just(Event::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, max_shrink_iters: 500, ..ProptestConfig::default() })]

    /// The agent's own check, after each step, says that what is on disk makes what it has.
    #[test]
    fn no_operation_is_lost_and_resources_are_conserved(events in prop::collection::vec(event(), 1..40)) {
        let mut world = World::registered();
        world.reads_back = false;
        let whole = world.agent.total().quantities();
        let (mut next, mut open) = (0_u8, Vec::new());
        for event in events {
            match event {
                Event::Apply { undo, cpus, mem } => {
                    next += 1;
                    let text = format!("cpus:{};mem:{}", cpus + 1, 512 * mem + 512);
                    let operation = if undo {
                        OfferOperation::Unreserve(reserved(&text))
                    } else {
                        reserve(&text)
                    };
                    let said = apply(&mut world, next, &operation);
                    if said.contains("OPERATION_DROPPED") {
                        world.master(reregistered(Vec::new()));
                    } else {
                        open.push(next);
                    }
                }
                Event::Store => drop(world.stored()),
                Event::Acknowledge { number } => {
                    let is_told = world.agent.operations().any(|operation| {
                        operation.uuid == uuid(number) && operation.latest_status.uuid.is_some()
                    });
                    acknowledge(&mut world, number);
                    open.retain(|other| *other != number || !is_told);
                }
                Event::Restart => {
                    world.stored();
                    let recovered = kept(&world);
                    world = world.restarted(recovered).0;
                    world.step(Input::ContainersRecovered { alive: Vec::new() });
                    world.step(Input::MasterDetected(Pid::new(MASTER)));
                    world.pass(Duration::from_secs(1));
                    world.master(reregistered(Vec::new()));
                }
            }
            prop_assert_eq!(world.agent.total().quantities(), whole.clone());
            let known: Vec<u8> = world.agent.operations().map(|operation| operation.uuid.value[0]).collect();
            let mut expected = open.clone();
            expected.sort_unstable();
            prop_assert_eq!(known, expected);
        }
    }
}

#[test]
fn the_agents_id_is_in_what_it_tells() {
    let mut world = World::registered();
    apply(&mut world, 1, &reserve("cpus:1"));

    let operation = world.agent.operations().next().expect("it was applied");

    assert_eq!(operation.agent_id.map(|id| id.value).as_deref(), Some(AGENT_ID));
}
