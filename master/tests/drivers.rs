//! Recorded exchanges with the C++ driver, played again: its part as it was, the master's compared byte for byte.
//! What they are is in `recordings/README.md`.

mod driver;

use driver::{Replay, Scene};
use tepui_master::Authentication;
use tepui_model::Credentials;

fn closed() -> Authentication {
    let credentials = Credentials::parse("ops hush").unwrap();
    Authentication { frameworks: true, credentials: Some(credentials), ..Authentication::default() }
}

#[test]
fn a_task_lives_and_dies_as_it_did() {
    let heard = Replay::of(include_str!("recordings/life.json")).run(Scene::default());

    let expected = [
        "RunTaskMessage",
        "StatusUpdateAcknowledgementMessage",
        "StatusUpdateAcknowledgementMessage",
        "KillTaskMessage",
        "StatusUpdateAcknowledgementMessage",
        "ShutdownFrameworkMessage",
    ];
    assert_eq!(heard, expected);
}

#[test]
fn a_second_driver_takes_over_as_it_did() {
    let heard = Replay::of(include_str!("recordings/failover.json")).run(Scene::default());

    assert_eq!(heard, ["UpdateFrameworkMessage", "ShutdownFrameworkMessage"]);
}

#[test]
fn a_driver_with_credentials_gets_in_as_it_did() {
    let replay = Replay::of(include_str!("recordings/authenticated.json"));
    assert_eq!(replay.verified_principal("ops hush").as_deref(), Some("ops"));

    let heard = replay.run(Scene { authentication: closed(), secret: "hush" });

    assert_eq!(heard, ["ShutdownFrameworkMessage"]);
}

#[test]
fn a_driver_with_a_wrong_secret_is_refused_as_it_was() {
    let replay = Replay::of(include_str!("recordings/wrong-secret.json"));
    assert_eq!(replay.verified_principal("ops hush"), None);
    assert_eq!(replay.verified_principal("ops wrong").as_deref(), Some("ops"));

    let heard = replay.run(Scene { authentication: closed(), secret: "wrong" });

    assert_eq!(heard, [""; 0]);
}

#[test]
fn a_driver_without_credentials_is_refused_as_it_was() {
    let replay = Replay::of(include_str!("recordings/unauthenticated.json"));

    let heard = replay.run(Scene { authentication: closed(), secret: "" });

    assert_eq!(heard, [""; 0]);
}
