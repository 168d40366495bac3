//! Shows the master who this is, as libmesos' agents do: CRAM-MD5 in messages, with an actor of its own for each attempt, so that
//! what belongs to an earlier one finds nobody.
//!
//! ```text
//!   crammd5-authenticatee(N)             master                 its session
//!   AuthenticateMessage{pid} ──────────► ────────────────────►
//!   ◄───────────────────────────────────────────────────────── AuthenticationMechanismsMessage
//!   AuthenticationStartMessage ──────────────────────────────►
//!   ◄───────────────────────────────────────────────────────── AuthenticationStepMessage (challenge)
//!   AuthenticationStepMessage (answer) ──────────────────────►
//!   ◄───────────────────────────────────────────────────────── Completed, Failed or Error
//! ```

use libactor::{Actor, ActorRef, Context, Exit, Handler, Message, Pid, Receive, Routes};
use tepui_agent_core::{Identification, Input, Pid as CorePid};
use tepui_model::cram_md5::{Impasse, Prover};
use tepui_proto::internal::{
    AuthenticateMessage, AuthenticationCompletedMessage, AuthenticationErrorMessage,
    AuthenticationFailedMessage, AuthenticationMechanismsMessage, AuthenticationStartMessage,
    AuthenticationStepMessage,
};

use crate::actor::{AgentActor, Happened};

/// One attempt.
pub(crate) struct Authenticatee {
    /// Who is shown.
    client: Pid,
    master: Pid,
    attempt: u64,
    prover: Prover,
    /// Who speaks for the master, once it has spoken.
    session: Option<Pid>,
    agent: ActorRef<AgentActor>,
}

/// The attempt took too long, or another has begun.
pub(crate) struct Discard;

impl Message for Discard {
    type Reply = ();
}

impl AgentActor {
    /// Begins an attempt in place of the one before it.
    pub(crate) fn authenticate(&mut self, cx: &mut Context<Self>, to: &CorePid, attempt: u64) {
        if let Some(earlier) = self.authenticatee.take() {
            earlier.tell(Discard);
        }
        let me = cx.actor_ref();
        let failed = move |why: String| {
            let verdict = Identification::Failed(why);
            me.tell(Happened(Input::Authenticated { attempt, verdict }));
        };
        let Some(credential) = self.world.config.credential.clone() else {
            return failed("there is no credential".into());
        };
        let master = match to.as_str().parse() {
            Ok(master) => master,
            Err(why) => return failed(format!("the master has no address: {why}")),
        };
        let authenticatee = Authenticatee {
            client: cx.me().clone(),
            master,
            attempt,
            prover: Prover::new(credential),
            session: None,
            agent: cx.actor_ref(),
        };
        match cx.node().try_spawn(&format!("crammd5-authenticatee({attempt})"), authenticatee) {
            Ok(begun) => self.authenticatee = Some(begun),
            Err(why) => failed(why.to_string()),
        }
    }
}

impl Authenticatee {
    fn settle(&self, cx: &mut Context<Self>, verdict: Identification) {
        self.agent.tell(Happened(Input::Authenticated { attempt: self.attempt, verdict }));
        cx.stop();
    }

    /// Whoever speaks first from the master's address speaks for it to the end.
    fn is_session(&mut self, from: &Pid) -> bool {
        from.address() == self.master.address() && self.session.get_or_insert_with(|| from.clone()) == from
    }

    fn stuck(&self, cx: &mut Context<Self>, why: Impasse) {
        self.settle(cx, Identification::Failed(why.to_string()));
    }
}

impl Actor for Authenticatee {
    fn install(routes: &mut Routes<Self>) {
        routes
            .message::<AuthenticationMechanismsMessage>()
            .message::<AuthenticationStepMessage>()
            .message::<AuthenticationCompletedMessage>()
            .message::<AuthenticationFailedMessage>()
            .message::<AuthenticationErrorMessage>();
    }

    fn started(&mut self, cx: &mut Context<Self>) {
        cx.watch(&self.master);
        cx.tell(&self.master, AuthenticateMessage { pid: self.client.to_string() });
    }

    fn exited(&mut self, cx: &mut Context<Self>, _pid: &Pid, why: Exit) {
        self.settle(cx, Identification::Failed(format!("the master is out of reach: {why}")));
    }
}

impl Receive<AuthenticationMechanismsMessage> for Authenticatee {
    fn receive(&mut self, cx: &mut Context<Self>, from: &Pid, message: AuthenticationMechanismsMessage) {
        if !self.is_session(from) {
            return;
        }
        match self.prover.choose(message.mechanisms.iter().map(String::as_str)) {
            Ok(mechanism) => {
                // Here the server speaks first; libmesos sends an empty beginning as well.
                let data = Some(Default::default());
                cx.tell(from, AuthenticationStartMessage { mechanism: mechanism.into(), data });
            }
            Err(why) => self.stuck(cx, why),
        }
    }
}

impl Receive<AuthenticationStepMessage> for Authenticatee {
    fn receive(&mut self, cx: &mut Context<Self>, from: &Pid, message: AuthenticationStepMessage) {
        if !self.is_session(from) {
            return;
        }
        match self.prover.answer(&message.data) {
            Ok(answer) => cx.tell(from, AuthenticationStepMessage { data: answer.into() }),
            Err(why) => self.stuck(cx, why),
        }
    }
}

impl Receive<AuthenticationCompletedMessage> for Authenticatee {
    fn receive(&mut self, cx: &mut Context<Self>, from: &Pid, _: AuthenticationCompletedMessage) {
        if self.is_session(from) {
            self.settle(cx, Identification::Accepted);
        }
    }
}

impl Receive<AuthenticationFailedMessage> for Authenticatee {
    fn receive(&mut self, cx: &mut Context<Self>, from: &Pid, _: AuthenticationFailedMessage) {
        if self.is_session(from) {
            self.settle(cx, Identification::Refused);
        }
    }
}

impl Receive<AuthenticationErrorMessage> for Authenticatee {
    fn receive(&mut self, cx: &mut Context<Self>, from: &Pid, message: AuthenticationErrorMessage) {
        // Of the master itself, or of its session.
        if from.address() == self.master.address() {
            let why = format!("the master says: {}", message.error());
            self.settle(cx, Identification::Failed(why));
        }
    }
}

impl Handler<Discard> for Authenticatee {
    fn handle(&mut self, cx: &mut Context<Self>, _: Discard) {
        cx.stop();
    }
}
