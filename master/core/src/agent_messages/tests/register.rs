//! Register: how agents come into the cluster.

use expect_test::expect;
use tepui_model::{Resources, Role};

use crate::cluster::{cluster, task};
use crate::{Config, FromAgent};

#[test]
fn an_agent_is_there_once_the_registry_holds_it() {
    let mut cluster = cluster().slow_disk();

    let message = cluster.introduce("a1", "cpus:4; mem:1024");
    cluster.say("a1", FromAgent::Register(Box::new(message)));
    expect![[r#"
        registry <- admit m-S0
    "#]]
    .assert_eq(&cluster.effects());

    cluster.write();
    expect![[r#"
        arm ping of a0 at 0:15
        watch slave(1)@10.0.0.1:5051
        slave(1)@10.0.0.1:5051 <- Registered as m-S0
        slave(1)@10.0.0.1:5051 <- Ping
        allocator <- add a0 cpus:4; mem:1024
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn readers_see_an_agent_after_the_registry_has_it() {
    let mut cluster = cluster().slow_disk();
    let message = cluster.introduce("a1", "cpus:4; mem:1024");
    cluster.say("a1", FromAgent::Register(Box::new(message)));
    assert_eq!(cluster.changes(), "");

    cluster.write();

    expect![[r#"
        changed agent m-S0: active, has cpus:4; mem:1024, used {}, offered {}
    "#]]
    .assert_eq(&cluster.changes());
}

#[test]
fn an_impatient_agent_is_admitted_once() {
    let mut cluster = cluster().slow_disk();

    let message = cluster.introduce("a1", "cpus:4; mem:1024");
    for _ in 0..3 {
        cluster.say("a1", FromAgent::Register(Box::new(message.clone())));
    }
    cluster.write();
    cluster.forget();
    cluster.say("a1", FromAgent::Register(Box::new(message)));

    expect![[r#"
        slave(1)@10.0.0.1:5051 <- Registered as m-S0
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn invalid_agents_are_refused_and_the_reason_logged() {
    let mut cluster = cluster();
    let valid = cluster.introduce("a1", "cpus:4; mem:1024");
    let mut all = vec![valid.clone(); 5];
    all[0].version = None;
    all[1].version = Some("0.28.3".into());
    all[2].version = Some("latest".into());
    all[3].slave.resources[0].scalar = None;
    all[4].slave.domain = Some(tepui_proto::v1::DomainInfo::default());

    for message in all {
        cluster.say("a1", FromAgent::Register(Box::new(message)));
    }

    expect![[r#"
        log warn: registration of an agent refused from=slave(1)@10.0.0.1:5051 why=version '' is not a version (such as 1.11.0)
        log warn: registration of an agent refused from=slave(1)@10.0.0.1:5051 why=version '0.28.3' is too old, at least 1.0.0 is needed
        log warn: registration of an agent refused from=slave(1)@10.0.0.1:5051 why=version 'latest' is not a version (such as 1.11.0)
        log warn: registration of an agent refused from=slave(1)@10.0.0.1:5051 why=slave.resources: Resource 'cpus:0' is invalid: Invalid scalar resource
        log warn: registration of an agent refused from=slave(1)@10.0.0.1:5051 why=it has a domain and this master has none; start the master with --domain
    "#]].assert_eq(&cluster.logs());
}

#[test]
fn versions_from_one_on_are_fine_whatever_they_are_called() {
    let mut cluster = cluster();
    for (number, version) in ["1", "1.0", "1.0.0-rc1", "2.3.4+build"].into_iter().enumerate() {
        let name = format!("a{number}");
        let mut message = cluster.introduce(&name, "cpus:4; mem:1024");
        message.version = Some(version.into());
        cluster.say(&name, FromAgent::Register(Box::new(message)));
    }

    assert_eq!(cluster.master.agents.registered.len(), 4);
}

#[test]
fn a_new_agent_at_the_address_of_a_lost_one_takes_its_place() {
    let mut cluster = cluster()
        .agent("a1", "cpus:4; mem:1024")
        .framework_like("web", |info| info.checkpoint = Some(true))
        .running("web", "a1", task("t1", "cpus:1; mem:128"));
    cluster.lose("a1");
    cluster.forget();

    let mut message = cluster.introduce("other", "cpus:8; mem:1024");
    message.slave.resources = Resources::parse("cpus:8; mem:1024", &Role::star()).unwrap().to_wire();
    cluster.say("a1", FromAgent::Register(Box::new(message)));

    expect![[r#"
        disarm reregistration of a0
        registry <- remove m-S0
        registry <- admit m-S1
        allocator <- recovered used cpus(allocated: *):1; mem(allocated: *):128 on a0 from f0
        stream 1 <- UPDATE t1 TASK_LOST on m-S0 REASON_AGENT_REMOVED 'Agent a1.example removed: a new agent registered at the same address'
        allocator <- remove a0
        disarm ping of a0
        stream 1 <- FAILURE of m-S0
        arm ping of a0.1 at 0:15
        watch slave(1)@10.0.0.1:5051
        slave(1)@10.0.0.1:5051 <- Registered as m-S1
        slave(1)@10.0.0.1:5051 <- Ping
        allocator <- add a0.1 cpus:8; mem:1024
    "#]].assert_eq(&cluster.effects());
}

#[test]
fn nobody_registers_with_a_master_that_has_not_read_its_registry() {
    let mut cluster = crate::cluster::Cluster::elected(Config::default());

    let message = cluster.introduce("a1", "cpus:4; mem:1024");
    cluster.say("a1", FromAgent::Register(Box::new(message)));

    expect![[r#"
        count master/dropped_messages
    "#]]
    .assert_eq(&cluster.counts());
}

#[test]
fn a_registry_that_cannot_be_written_ends_the_master() {
    let mut cluster = cluster().slow_disk();
    let message = cluster.introduce("a1", "cpus:4; mem:1024");
    cluster.say("a1", FromAgent::Register(Box::new(message)));
    cluster.forget();

    cluster.fail_writes("no space left on device");

    expect![[r#"
        abdicate: the registry could not be written: no space left on device
    "#]]
    .assert_eq(&cluster.effects());
}
