//! What a session says, in the words of the recorded exchanges and out of turn.

use std::sync::Arc;

use tepui_model::{Credential, Credentials, cram_md5};
use tepui_proto::v1::FrameworkInfo;
use tepui_proto::v1::scheduler::{Call, call};

use super::session::{Dialogue, Said};
use super::vouch;

const CHALLENGE: &str = "<1896.697170952@master>";

fn dialogue() -> Dialogue {
    Dialogue::new(Arc::new(Credentials::parse("ops hush").unwrap()))
}

fn answer(principal: &str, secret: &str) -> Vec<u8> {
    cram_md5::answer(&Credential::new(principal, secret), CHALLENGE.as_bytes())
}

#[test]
fn a_principal_that_knows_its_secret_is_welcome() {
    let mut dialogue = dialogue();

    assert_eq!(dialogue.start("CRAM-MD5", || CHALLENGE.into()), Said::Challenge(CHALLENGE.into()));
    assert_eq!(dialogue.step(&answer("ops", "hush")), Said::Welcome("ops".into()));
}

#[test]
fn a_wrong_secret_and_an_unknown_principal_hear_the_same() {
    for (principal, secret) in [("ops", "hash"), ("oops", "hush"), ("ops", "")] {
        let mut dialogue = dialogue();
        dialogue.start("CRAM-MD5", || CHALLENGE.into());

        assert_eq!(dialogue.step(&answer(principal, secret)), Said::Wrong);
    }
}

#[test]
fn what_comes_out_of_turn_ends_the_session() {
    let error =
        |said| matches!(said, Said::Error(why) if why.starts_with("Unexpected") || why.contains("CRAM-MD5"));

    assert!(error(dialogue().step(&answer("ops", "hush"))));
    assert!(error(dialogue().start("PLAIN", || CHALLENGE.into())));
    let mut twice = dialogue();
    twice.start("CRAM-MD5", || CHALLENGE.into());
    assert!(error(twice.start("CRAM-MD5", || CHALLENGE.into())));
}

#[test]
fn an_authenticated_framework_speaks_for_its_own_principal_only() {
    let subscribe = |principal: Option<&str>| {
        let framework_info =
            FrameworkInfo { principal: principal.map(str::to_owned), ..FrameworkInfo::default() };
        let subscribe = Box::new(call::Subscribe { framework_info, ..call::Subscribe::default() });
        Call { subscribe: Some(subscribe), ..Call::default() }
    };
    let says = |call: Call, shown: Option<&str>| {
        vouch(call, shown.map(str::to_owned)).map(|call| call.subscribe.unwrap().framework_info.principal)
    };

    assert_eq!(says(subscribe(Some("a")), None), Ok(Some("a".into())));
    assert_eq!(says(subscribe(None), Some("a")), Ok(Some("a".into())));
    assert_eq!(says(subscribe(Some("a")), Some("a")), Ok(Some("a".into())));
    let why = "Framework principal 'b' does not match authenticated principal 'a'";
    assert_eq!(says(subscribe(Some("b")), Some("a")), Err(why.into()));
}
