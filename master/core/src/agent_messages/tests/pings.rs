//! Pings: how a silent agent is noticed.

use std::time::Duration;

use expect_test::expect;

use crate::cluster::{cluster, task};
use crate::{Cx, Input};

#[test]
fn an_agent_that_answers_stays() {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024");

    cluster.advance(Duration::from_secs(3600));

    assert_eq!(cluster.master.agents.registered.len(), 1);
}

#[test]
fn a_silent_agent_is_given_up_after_five_pings() {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024").framework("web");
    cluster.silence("a1");
    cluster.advance(Duration::from_secs(75));
    assert_eq!(cluster.master.agents.unreachable.len(), 0, "the first ping was answered");
    cluster.forget();

    cluster.advance(Duration::from_secs(15));

    expect![[r#"
        slave(1)@10.0.0.1:5051 <- Ping
        arm ping of a0 at 1:45
        allocator <- deactivate a0
        registry <- m-S0 is unreachable since 1:30
        allocator <- remove a0
        disarm ping of a0
        stream 1 <- FAILURE of m-S0
        stream 1 <- HEARTBEAT
        arm heartbeat of f0 at 1:45
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn one_answer_is_enough_to_begin_anew() {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024");
    cluster.silence("a1");
    cluster.advance(Duration::from_secs(70));
    cluster.machine("a1").silent = false;
    cluster.advance(Duration::from_secs(10));
    cluster.silence("a1");

    cluster.advance(Duration::from_secs(70));

    assert_eq!(cluster.master.agents.registered.len(), 1);
}

#[test]
fn an_agent_that_returns_at_the_last_moment_is_alive() {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024");
    let message = cluster.reintroduce("a1");
    cluster.lose("a1");
    cluster.advance(Duration::from_secs(89));

    cluster.reregister("a1", message);
    cluster.advance(Duration::from_secs(1));

    assert_eq!(cluster.master.agents.registered.len(), 1);
}

#[test]
fn a_disconnected_agent_is_told_that_it_is() {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024").framework("web").running(
        "web",
        "a1",
        task("t1", "cpus:1; mem:128"),
    );
    cluster.lose("a1");
    cluster.forget();

    cluster.advance(Duration::from_secs(15));

    expect![[r#"
        slave(1)@10.0.0.1:5051 <- Ping, not connected
        arm ping of a0 at 0:30
        stream 1 <- HEARTBEAT
        arm heartbeat of f0 at 0:30
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn a_timer_that_was_disarmed_does_nothing() {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024").framework("web");
    let timers: Vec<_> = cluster.armed().collect();
    cluster.disconnect("web");
    cluster.advance(Duration::from_secs(20));
    cluster.forget();

    for timer in timers {
        let mut cx = Cx::at(cluster.now);
        cluster.master.step(&mut cx, Input::TimerDue(timer));
        let effects: Vec<String> = cx.effects.iter().map(ToString::to_string).collect();
        let is_pruning = timer.to_string() == "registry pruning";
        assert!(is_pruning || effects.is_empty(), "{timer}: {effects:?}");
    }
}
