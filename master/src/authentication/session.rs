//! One attempt of one client to show who it is, as an actor of its own: the client talks to it by its address.

use std::sync::Arc;
use std::time::Duration;

use libactor::{Actor, ActorRef, Context, Exit, Handler, Message, Pid, Receive, Routes};
use tepui_model::{Credentials, cram_md5};
use tepui_proto::internal::{
    AuthenticationCompletedMessage, AuthenticationErrorMessage, AuthenticationFailedMessage,
    AuthenticationMechanismsMessage, AuthenticationStartMessage, AuthenticationStepMessage,
};

use super::Settled;
use crate::actor::{MasterActor, wall_clock};

/// Waits for the choice of a mechanism, then for the answer to its challenge.
pub(super) struct Session {
    /// Who is to be authenticated.
    client: Pid,
    /// Who does it on the client's side.
    peer: Pid,
    number: u64,
    master: ActorRef<MasterActor>,
    dialogue: Dialogue,
    timeout: Duration,
}

/// The client has begun another attempt.
pub(super) struct Discard;

/// The time for the attempt is over.
struct Expired;

impl Message for Discard {
    type Reply = ();
}
impl Message for Expired {
    type Reply = ();
}

/// What has been said; without any IO.
pub(super) struct Dialogue {
    credentials: Arc<Credentials>,
    /// The challenge that the client is to answer, once it has chosen the mechanism.
    challenge: Option<String>,
}

/// What the session says next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    Challenge(Vec<u8>),
    /// The verdicts end the session.
    Welcome(String),
    Wrong,
    Error(String),
}

impl Dialogue {
    pub(super) fn new(credentials: Arc<Credentials>) -> Dialogue {
        Dialogue { credentials, challenge: None }
    }

    pub(super) fn start(&mut self, mechanism: &str, challenge: impl FnOnce() -> String) -> Said {
        if self.challenge.is_some() {
            return Said::Error("Unexpected authentication 'start' received".into());
        }
        if mechanism != cram_md5::MECHANISM {
            return Said::Error(format!("The mechanism is not known; use {}", cram_md5::MECHANISM));
        }
        let challenge = self.challenge.insert(challenge());
        Said::Challenge(challenge.clone().into_bytes())
    }

    pub(super) fn step(&mut self, answer: &[u8]) -> Said {
        let Some(challenge) = &self.challenge else {
            return Said::Error("Unexpected authentication 'step' received".into());
        };
        match cram_md5::verified(&self.credentials, challenge.as_bytes(), answer) {
            Some(principal) => Said::Welcome(principal.to_owned()),
            None => Said::Wrong,
        }
    }
}

impl Session {
    pub(super) fn new(
        client: Pid,
        peer: Pid,
        number: u64,
        master: ActorRef<MasterActor>,
        credentials: Arc<Credentials>,
        timeout: Duration,
    ) -> Session {
        Session { client, peer, number, master, dialogue: Dialogue::new(credentials), timeout }
    }

    /// The master knows the verdict before the client does, whose next word may be to the master.
    fn say(&mut self, cx: &mut Context<Self>, said: Said) {
        match said {
            Said::Challenge(data) => cx.tell(&self.peer, AuthenticationStepMessage { data: data.into() }),
            Said::Welcome(principal) => {
                self.settle(cx, Some(principal));
                cx.tell(&self.peer, AuthenticationCompletedMessage {});
            }
            Said::Wrong => {
                tracing::warn!(client = %self.client, "authentication failed: unknown principal or wrong secret");
                self.settle(cx, None);
                cx.tell(&self.peer, AuthenticationFailedMessage {});
            }
            Said::Error(why) => {
                tracing::warn!(client = %self.client, why, "authentication broken off");
                self.settle(cx, None);
                cx.tell(&self.peer, AuthenticationErrorMessage { error: Some(why) });
            }
        }
    }

    fn settle(&self, cx: &mut Context<Self>, principal: Option<String>) {
        self.master.tell(Settled { client: self.client.clone(), number: self.number, principal });
        cx.stop();
    }
}

impl Actor for Session {
    fn install(routes: &mut Routes<Self>) {
        routes.message::<AuthenticationStartMessage>().message::<AuthenticationStepMessage>();
    }

    fn started(&mut self, cx: &mut Context<Self>) {
        cx.watch(&self.peer);
        cx.after(self.timeout, Expired);
        cx.tell(&self.peer, AuthenticationMechanismsMessage { mechanisms: vec![cram_md5::MECHANISM.into()] });
    }

    fn exited(&mut self, cx: &mut Context<Self>, _pid: &Pid, why: Exit) {
        tracing::info!(client = %self.client, %why, "authentication broken off");
        self.settle(cx, None);
    }
}

impl Receive<AuthenticationStartMessage> for Session {
    fn receive(&mut self, cx: &mut Context<Self>, from: &Pid, message: AuthenticationStartMessage) {
        if *from == self.peer {
            let nonce = rand::random();
            let seconds = wall_clock().as_nanos() / 1_000_000_000;
            let host = cx.node().address().ip().to_string();
            let said = self.dialogue.start(&message.mechanism, || cram_md5::challenge(nonce, seconds, &host));
            self.say(cx, said);
        }
    }
}

impl Receive<AuthenticationStepMessage> for Session {
    fn receive(&mut self, cx: &mut Context<Self>, from: &Pid, message: AuthenticationStepMessage) {
        if *from == self.peer {
            let said = self.dialogue.step(&message.data);
            self.say(cx, said);
        }
    }
}

impl Handler<Discard> for Session {
    fn handle(&mut self, cx: &mut Context<Self>, _: Discard) {
        cx.stop();
    }
}

impl Handler<Expired> for Session {
    fn handle(&mut self, cx: &mut Context<Self>, _: Expired) {
        tracing::warn!(client = %self.client, "authentication timed out");
        self.settle(cx, None);
    }
}
