//! Maintenance: the schedule, the questions to frameworks, machines that go down and come up, and what the next master knows.

use expect_test::expect;
use tepui_proto::v1::maintenance::{Schedule, Window};
use tepui_proto::v1::master::call;
use tepui_proto::v1::scheduler;
use tepui_proto::v1::{self, DurationInfo, MachineId, TimeInfo, Unavailability};

use crate::Config;
use crate::cluster::{Cluster, cluster, ids, task};

fn machine(hostname: &str, ip: &str) -> MachineId {
    let said = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    MachineId { hostname: said(hostname), ip: said(ip) }
}

/// The machine of the first agent.
fn first() -> MachineId {
    machine("A1.example", "10.0.0.1")
}

fn window(machines: Vec<MachineId>, start: i64, seconds: i64) -> Window {
    let unavailability = Unavailability {
        start: TimeInfo { nanoseconds: start * 1_000_000_000 },
        duration: Some(DurationInfo { nanoseconds: seconds * 1_000_000_000 }),
    };
    Window { machine_ids: machines, unavailability }
}

fn schedule(cluster: &mut Cluster, windows: Vec<Window>) {
    cluster.operate(call::Type::UpdateMaintenanceSchedule, |call| {
        let schedule = Schedule { windows };
        call.update_maintenance_schedule = Some(call::UpdateMaintenanceSchedule { schedule });
    });
}

fn down(cluster: &mut Cluster, machines: Vec<MachineId>) {
    cluster.operate(call::Type::StartMaintenance, |call| {
        call.start_maintenance = Some(call::StartMaintenance { machines });
    });
}

fn up(cluster: &mut Cluster, machines: Vec<MachineId>) {
    cluster.operate(call::Type::StopMaintenance, |call| {
        call.stop_maintenance = Some(call::StopMaintenance { machines });
    });
}

#[test]
fn offers_are_made_anew_and_frameworks_are_asked_to_leave() {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024").framework("web").running(
        "web",
        "a1",
        task("t1", "cpus:1; mem:64"),
    );
    cluster.wait(7);
    cluster.forget();

    schedule(&mut cluster, vec![window(vec![first()], 3600, 60)]);
    expect![[r#"
        registry <- maintenance a1.example/10.0.0.1 Draining
        stream 1 <- RESCIND m-O1
        allocator <- recovered offered cpus(allocated: *):3; mem(allocated: *):960 on a0 from f0
        allocator <- a0 is unavailable from 1:00:00 for 1mins
        request 4 <- 200
    "#]]
    .assert_eq(&cluster.effects());

    cluster.wait(1);
    expect![[r#"
        stream 1 <- OFFERS m-O2 on m-S0 (cpus:3; mem:960)
        stream 1 <- INVERSE_OFFERS m-O3 on m-S0 at 1:00:00
    "#]]
    .assert_eq(&cluster.heard());
}

#[test]
fn answers_are_shown_and_a_new_time_asks_anew() {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024").framework("web").running(
        "web",
        "a1",
        task("t1", "cpus:4; mem:64"),
    );
    schedule(&mut cluster, vec![window(vec![first()], 3600, 60)]);
    cluster.wait(1);
    cluster.forget();
    let offer = cluster.master.offers.inverse.outstanding.keys().next().expect("it is asked").to_string();

    for id in [offer.as_str(), "none"] {
        cluster.call("web", scheduler::call::Type::DeclineInverseOffers, |call| {
            let inverse_offer_ids = ids(&[id]);
            let decline = scheduler::call::DeclineInverseOffers { inverse_offer_ids, filters: None };
            call.decline_inverse_offers = Some(Box::new(decline));
        });
    }
    expect![[r#"
        changed inverse offers of a1.example/10.0.0.1: 1 answers
    "#]]
    .assert_eq(&cluster.changes());

    cluster.wait(3);
    assert_eq!(cluster.heard(), "");
    cluster.wait(4);
    expect![[r#"
        stream 1 <- INVERSE_OFFERS m-O3 on m-S0 at 1:00:00
    "#]]
    .assert_eq(&cluster.heard());

    schedule(&mut cluster, vec![window(vec![first()], 7200, 60)]);
    cluster.wait(1);
    expect![[r#"
        stream 1 <- RESCIND m-O1
        stream 1 <- RESCIND_INVERSE_OFFER m-O3
        request 7 <- 200
        stream 1 <- OFFERS m-O4 on m-S0 (mem:960)
        stream 1 <- INVERSE_OFFERS m-O5 on m-S0 at 2:00:00
    "#]]
    .assert_eq(&cluster.heard());

    schedule(&mut cluster, Vec::new());
    cluster.wait(2);
    expect![[r#"
        stream 1 <- RESCIND_INVERSE_OFFER m-O5
        request 8 <- 200
    "#]]
    .assert_eq(&cluster.heard());
}

#[test]
fn a_machine_that_is_down_has_no_agents_until_it_is_up() {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024").framework("web").running(
        "web",
        "a1",
        task("t1", "cpus:1; mem:64"),
    );
    down(&mut cluster, vec![first()]);
    schedule(&mut cluster, vec![window(vec![first()], 3600, 60)]);
    up(&mut cluster, vec![first()]);
    cluster.forget();

    down(&mut cluster, vec![first()]);
    expect![[r#"
        slave(1)@10.0.0.1:5051 <- Shutdown: Operator initiated 'Machine DOWN'
        request 7 <- 200
        stream 1 <- UPDATE t1 TASK_LOST on m-S0 REASON_AGENT_REMOVED 'Agent a1.example removed: Operator initiated 'Machine DOWN''
        stream 1 <- FAILURE of m-S0
    "#]].assert_eq(&cluster.heard());

    let message = cluster.reintroduce("a1");
    cluster.reregister("a1", message);
    schedule(&mut cluster, Vec::new());
    expect![[r#"
        slave(1)@10.0.0.1:5051 <- Shutdown: Machine is `DOWN`
        request 8 <- 400 Machine 'a1.example/10.0.0.1' is deactivated and cannot be removed from the schedule
    "#]]
    .assert_eq(&cluster.heard());

    up(&mut cluster, vec![first()]);
    let message = cluster.reintroduce("a1");
    cluster.reregister("a1", message);
    expect![[r#"
        request 9 <- 200
        slave(1)@10.0.0.1:5051 <- Reregistered as m-S0
    "#]]
    .assert_eq(&cluster.heard());
}

#[test]
fn a_schedule_that_is_none_is_refused() {
    let mut cluster = cluster();
    let negative = Unavailability {
        duration: Some(DurationInfo { nanoseconds: -1 }),
        ..window(vec![], 1, 1).unavailability
    };

    schedule(&mut cluster, vec![window(Vec::new(), 1, 1)]);
    schedule(&mut cluster, vec![Window { machine_ids: vec![first()], unavailability: negative }]);
    schedule(&mut cluster, vec![window(vec![MachineId::default()], 1, 1)]);
    schedule(&mut cluster, vec![window(vec![machine("", "ten")], 1, 1)]);
    schedule(
        &mut cluster,
        vec![window(vec![first()], 1, 1), window(vec![machine("a1.example", "10.0.0.1")], 2, 1)],
    );
    down(&mut cluster, Vec::new());
    down(&mut cluster, vec![first()]);
    schedule(&mut cluster, vec![window(vec![first()], 1, 1)]);
    up(&mut cluster, vec![first()]);
    cluster.operate(call::Type::StartMaintenance, |_| {});

    expect![[r#"
        request 1 <- 400 List of machines in the maintenance window is empty
        request 2 <- 400 Unavailability 'duration' is negative
        request 3 <- 400 Both 'hostname' and 'ip' for a machine are empty
        request 4 <- 400 'ten' is no IPv4 address of a machine
        request 5 <- 400 Machine '{"hostname":"a1.example","ip":"10.0.0.1"}' appears more than once in the schedule
        request 6 <- 400 List of machines is empty
        request 7 <- 400 Machine '{"hostname":"A1.example","ip":"10.0.0.1"}' is not part of a maintenance schedule
        request 8 <- 200
        request 9 <- 400 Machine '{"hostname":"A1.example","ip":"10.0.0.1"}' is not in DOWN mode and cannot be brought up
        request 10 <- 400 Failed to validate master::Call: Expecting 'start_maintenance' to be present
    "#]].assert_eq(&cluster.heard());
}

#[test]
fn the_next_master_knows_the_schedule_and_what_is_down() {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024").agent("a2", "cpus:4; mem:1024");
    let second = machine("a2.example", "10.0.0.2");
    schedule(&mut cluster, vec![window(vec![first(), second], 3600, 60)]);
    down(&mut cluster, vec![first()]);

    let mut next = Cluster::elected(Config::default());
    next.registry = cluster.registry.clone();
    next.recover();
    expect![[r#"
        changed maintenance: 1 draining, 1 down
        changed master: serving since 0:00
        changed agent m-S1: recovered
    "#]]
    .assert_eq(&next.changes());

    let mut cluster = cluster.failover();
    for agent in ["a1", "a2"] {
        let message = cluster.reintroduce(agent);
        cluster.reregister(agent, message);
    }
    expect![[r#"
        slave(1)@10.0.0.1:5051 <- Shutdown: Machine is `DOWN`
        arm ping of a0 at 0:15
        watch slave(1)@10.0.0.2:5051
        allocator <- add a0 cpus:4; mem:1024
        allocator <- a0 is unavailable from 1:00:00 for 1mins
        slave(1)@10.0.0.2:5051 <- Reregistered as m-S1
        slave(1)@10.0.0.2:5051 <- Ping
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn an_offer_says_when_its_agent_is_unavailable() {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024").framework("web");
    schedule(&mut cluster, vec![window(vec![first()], 3600, 60)]);
    cluster.wait(1);

    let offers: Vec<v1::Offer> = cluster
        .raw_effects()
        .into_iter()
        .filter_map(|effect| match effect {
            crate::Effect::Event { event, .. } => event.offers.clone(),
            _ => None,
        })
        .flat_map(|offers| offers.offers)
        .collect();

    assert_eq!(offers.len(), 1);
    assert_eq!(offers[0].unavailability, Some(window(Vec::new(), 3600, 60).unavailability));
}

#[test]
fn an_agent_that_is_admitted_while_its_machine_goes_down_is_shut_down() {
    let mut cluster = cluster();
    schedule(&mut cluster, vec![window(vec![first()], 3600, 60)]);
    let register = cluster.introduce("a1", "cpus:4; mem:1024");
    cluster.set_slow_disk(true);
    cluster.forget();

    down(&mut cluster, vec![first()]);
    cluster.say("a1", crate::FromAgent::Register(register.into()));
    cluster.write();

    expect![[r#"
        request 2 <- 200
        slave(1)@10.0.0.1:5051 <- Registered as m-S0
        slave(1)@10.0.0.1:5051 <- Shutdown: Operator initiated 'Machine DOWN'
    "#]]
    .assert_eq(&cluster.heard());
}

#[test]
fn a_machine_with_too_long_a_name_is_refused() {
    let mut cluster = cluster();
    let long = "a".repeat(256);

    schedule(&mut cluster, vec![window(vec![machine(&long, "")], 3600, 60)]);

    expect![[r#"
        request 1 <- 400 'hostname' of a machine has 256 bytes, at most 255 are taken
    "#]]
    .assert_eq(&cluster.heard());
}
