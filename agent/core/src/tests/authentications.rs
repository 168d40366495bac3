//! Showing the master who this is, before and between registrations.

use std::time::Duration;

use expect_test::expect;

use super::world::{AGENT_ID, MASTER, World, registered, settings};
use crate::{Identification, Input, Patience, Phase, Pid, Settings};

const SECOND: Duration = Duration::from_secs(1);

/// An agent that has a credential and knows its master.
fn world() -> World {
    World::with(Settings { authentication: Some(Patience::default()), ..settings() })
}

fn answer(world: &mut World, attempt: u64, verdict: Identification) -> String {
    world.step(Input::Authenticated { attempt, verdict })
}

fn broken_off() -> Identification {
    Identification::Failed("No authenticator loaded".into())
}

#[test]
fn an_agent_with_a_credential_registers_only_once_it_is_accepted() {
    let mut world = world();

    expect![[r#"
        watch master
        timer: authentication in 5.246103356secs
        master <- authenticate, attempt 1
    "#]]
    .assert_eq(&world.pass(SECOND));
    expect![[r#"
        master <- RegisterSlave
        timer: register in 336.353142ms
    "#]]
    .assert_eq(&answer(&mut world, 1, Identification::Accepted));
    world.master(registered(AGENT_ID));
    assert!(matches!(world.agent.phase(), Phase::Running { .. }));
}

#[test]
fn an_agent_that_is_refused_ends_and_leaves_its_executors_alone() {
    let mut world = world();
    world.pass(SECOND);

    let text = answer(&mut world, 1, Identification::Refused);

    assert!(text.starts_with("terminate: the master refused to authenticate this agent"), "{text}");
    assert_eq!(text.lines().count(), 1);
}

#[test]
fn an_attempt_that_breaks_off_is_repeated_after_a_growing_pause() {
    let mut world = world();
    world.pass(SECOND);

    let mut pauses = Vec::new();
    for attempt in 1..=10 {
        answer(&mut world, attempt, broken_off());
        let began = world.now;
        while !world.pass(Duration::from_millis(100)).contains("authenticate") {
            assert!(world.now.since(began) <= 61 * SECOND, "attempt {attempt} is not repeated");
        }
        pauses.push(world.now.since(began));
    }

    assert!(pauses[0] <= 3 * SECOND, "{pauses:?}");
    assert!(pauses[5..].iter().any(|pause| *pause > 4 * SECOND), "{pauses:?}");
}

#[test]
fn an_attempt_without_an_answer_is_given_up_and_its_late_answer_ignored() {
    let mut world = world();
    world.pass(SECOND);

    // At most 5 s and a part of the back-off factor, then a pause.
    let text = world.pass(12 * SECOND);

    assert!(text.contains("master <- authenticate, attempt 2"), "{text}");
    assert_eq!(answer(&mut world, 1, Identification::Accepted), "");
    assert!(answer(&mut world, 2, Identification::Accepted).contains("RegisterSlave"));
}

#[test]
fn registrations_without_an_answer_are_followed_by_another_authentication() {
    let mut world = world();
    world.pass(SECOND);
    answer(&mut world, 1, Identification::Accepted);

    let text = world.pass(40 * SECOND);

    assert_eq!(text.matches("RegisterSlave").count(), 3, "{text}");
    assert!(text.contains("master <- authenticate, attempt 2"), "{text}");
    // The master took it in after all.
    world.master(registered(AGENT_ID));
    assert_eq!(answer(&mut world, 2, Identification::Accepted), "");
}

#[test]
fn a_lost_master_is_shown_anew_who_this_is() {
    let mut world = world();
    world.pass(SECOND);
    answer(&mut world, 1, Identification::Accepted);
    world.master(registered(AGENT_ID));

    world.step(Input::MasterExited(Pid::new(MASTER)));
    let text = world.pass(SECOND);

    assert!(text.contains("master <- authenticate, attempt 2") && !text.contains("RegisterSlave"), "{text}");
    assert!(answer(&mut world, 2, Identification::Accepted).contains("ReregisterSlave"));
}

#[test]
fn a_master_that_is_lost_before_it_answers_is_asked_again() {
    let mut world = world();
    world.pass(SECOND);

    world.step(Input::MasterExited(Pid::new(MASTER)));

    assert!(world.pass(3 * SECOND).contains("master <- authenticate, attempt 2"));
}
