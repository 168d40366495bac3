//! What a session says, in the words of the recorded exchanges and out of turn.

use std::sync::Arc;

use libactor::Pid;
use tepui_model::{Credential, Credentials, cram_md5};
use tepui_proto::v1::FrameworkInfo;
use tepui_proto::v1::scheduler::{Call, call};

use super::session::{Dialogue, Said};
use super::{Authentication, Authenticator, Standing, vouch};

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

#[test]
fn an_update_has_the_principal_that_was_filled_in() {
    let update = Box::new(call::UpdateFramework::default());
    let call = Call { update_framework: Some(update), ..Call::default() };

    let vouched = vouch(call, Some("a".into())).unwrap();

    assert_eq!(vouched.update_framework.unwrap().framework_info.principal.as_deref(), Some("a"));
}

#[test]
fn who_authenticates_anew_stays_who_it_was_until_there_is_a_verdict() {
    let client: Pid = "scheduler@10.0.0.1:7000".parse().unwrap();
    let settings = Authentication { frameworks: true, ..Authentication::default() };
    let mut book = Authenticator::new(settings);

    assert_eq!(book.framework(&client), Standing::Stranger);
    assert_eq!(book.agent(&client), Standing::Admitted(None));
    book.authenticated.insert(client.clone(), "ops".into());
    assert_eq!(book.framework(&client), Standing::Admitted(Some("ops".into())));
    book.exited(&client);
    assert_eq!(book.framework(&client), Standing::Stranger);
}

#[test]
fn only_actors_of_the_clients_own_process_may_authenticate_it() {
    let pid = |text: &str| text.parse::<Pid>().unwrap();
    let client = pid("slave(1)@10.0.0.7:5051");
    let credentials = Credentials::parse("ops hush").unwrap();
    let closed = Authentication { credentials: Some(credentials), ..Authentication::default() };

    let book = Authenticator::new(closed);

    assert!(book.admits(&pid("crammd5-authenticatee(1)@10.0.0.7:5051"), &client).is_ok());
    let why = "Only an actor of the same process can be authenticated";
    assert_eq!(book.admits(&pid("crammd5-authenticatee(1)@10.0.0.8:5051"), &client).err(), Some(why));
    let open = Authenticator::new(Authentication::default());
    assert_eq!(open.admits(&client, &client).err(), Some("No authenticator loaded"));
}
