//! Who has shown to be whom: the authentication of frameworks and agents that are actors, as libmesos does it.
//!
//! ```text
//!   client                      master                     session(N)
//!   AuthenticateMessage ──────► one session for each ────► AuthenticationMechanismsMessage ──► client
//!   AuthenticationStartMessage ──────────────────────────► AuthenticationStepMessage (challenge) ──► client
//!   AuthenticationStepMessage (answer) ──────────────────► master: settled, then the verdict ──► client
//! ```
//!
//! Being authenticated belongs to an address, and ends when its connection does, when it shows to be somebody else, or with this
//! process.

mod limits;
mod session;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use libactor::{ActorRef, Context, Handler, Message, Pid, Receive};
use tepui_model::Credentials;
use tepui_proto::internal::{AuthenticateMessage, AuthenticationErrorMessage};
use tepui_proto::v1::scheduler::{Call, call::Type};

use crate::actor::MasterActor;
use session::{Discard, Session};

/// Who must authenticate, and how.
#[derive(Debug, Clone)]
pub struct Authentication {
    /// `--authenticate_frameworks`: frameworks that are actors must; those over HTTP are another matter.
    pub frameworks: bool,
    /// `--authenticate_agents`.
    pub agents: bool,
    /// `--credentials`; without them everybody who tries is told that there is no authentication.
    pub credentials: Option<Credentials>,
    /// `--authentication_v0_timeout`: for one attempt.
    pub timeout: Duration,
}

impl Default for Authentication {
    fn default() -> Authentication {
        Authentication {
            frameworks: false,
            agents: false,
            credentials: None,
            timeout: Duration::from_secs(15),
        }
    }
}

/// Who is authenticated, and who is about to be.
pub(crate) struct Authenticator {
    is_required: Required,
    credentials: Option<Arc<Credentials>>,
    timeout: Duration,
    authenticated: BTreeMap<Pid, String>,
    sessions: BTreeMap<Pid, (u64, ActorRef<Session>)>,
    /// The number of the last session.
    number: u64,
}

/// Of whom it is asked.
struct Required {
    frameworks: bool,
    agents: bool,
}

/// What is known of an address.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It may go on; as this principal, if it has shown to be one.
    Admitted(Option<String>),
    /// It is just being asked. It will try again once it knows the outcome.
    UnderWay,
    /// It must authenticate, and has not.
    Stranger,
}

/// A session is over; `principal` is who the client is, if that is known now.
pub(crate) struct Settled {
    client: Pid,
    number: u64,
    principal: Option<String>,
}

impl Message for Settled {
    type Reply = ();
}

impl Authenticator {
    pub(crate) fn new(settings: Authentication) -> Authenticator {
        Authenticator {
            is_required: Required { frameworks: settings.frameworks, agents: settings.agents },
            credentials: settings.credentials.map(Arc::new),
            timeout: settings.timeout,
            authenticated: BTreeMap::new(),
            sessions: BTreeMap::new(),
            number: 0,
        }
    }

    pub(crate) fn framework(&self, pid: &Pid) -> Standing {
        self.standing(pid, self.is_required.frameworks)
    }

    pub(crate) fn agent(&self, pid: &Pid) -> Standing {
        self.standing(pid, self.is_required.agents)
    }

    fn standing(&self, pid: &Pid, is_required: bool) -> Standing {
        match self.authenticated.get(pid) {
            // Anybody may begin in another's name: until there is a verdict, nothing changes for it.
            Some(principal) => Standing::Admitted(Some(principal.clone())),
            None if !is_required => Standing::Admitted(None),
            None if self.sessions.contains_key(pid) => Standing::UnderWay,
            None => Standing::Stranger,
        }
    }

    /// The connection to it is lost; whoever has its address next is somebody else.
    pub(crate) fn exited(&mut self, pid: &Pid) {
        self.authenticated.remove(pid);
    }

    /// Whether `from` may authenticate as `client` now, and with what; the error is for it.
    fn admits(&self, from: &Pid, client: &Pid) -> Result<Arc<Credentials>, &'static str> {
        let Some(credentials) = &self.credentials else { return Err("No authenticator loaded") };
        if from.address() != client.address() {
            return Err("Only an actor of the same process can be authenticated");
        }
        if self.sessions.len() >= limits::SESSIONS && !self.sessions.contains_key(client) {
            return Err("Too many authentications are under way; try again later");
        }
        if self.authenticated.len() >= limits::AUTHENTICATED && !self.authenticated.contains_key(client) {
            return Err("Too many actors are authenticated");
        }
        Ok(credentials.clone())
    }
}

impl Receive<AuthenticateMessage> for MasterActor {
    fn receive(&mut self, cx: &mut Context<Self>, from: &Pid, message: AuthenticateMessage) {
        metrics::counter!("master/messages_authenticate").increment(1);
        let Ok(client) = message.pid.parse::<Pid>() else {
            return refuse(cx, from, "'pid' is not of the form name@ip:port");
        };
        let book = &mut self.authenticator;
        let credentials = match book.admits(from, &client) {
            Ok(credentials) => credentials,
            Err(why) => return refuse(cx, from, why),
        };
        book.number += 1;
        let number = book.number;
        let session =
            Session::new(client.clone(), from.clone(), number, cx.actor_ref(), credentials, book.timeout);
        // Nobody guesses it, and speaks to it in the client's name.
        let name = format!("crammd5-authenticator-session({:016x})", rand::random::<u64>());
        let session = match cx.node().try_spawn(&name, session) {
            Ok(session) => session,
            Err(why) => {
                tracing::error!(%why, "no session could be started");
                return refuse(cx, from, "No session could be started; try again later");
            }
        };
        tracing::info!(%client, "authenticating");
        if let Some((_, earlier)) = book.sessions.insert(client, (number, session)) {
            earlier.tell(Discard);
        }
    }
}

fn refuse(cx: &Context<MasterActor>, from: &Pid, why: &str) {
    tracing::warn!(%from, why, "refused to authenticate");
    cx.tell(from, AuthenticationErrorMessage { error: Some(why.into()) });
}

impl Handler<Settled> for MasterActor {
    fn handle(&mut self, cx: &mut Context<Self>, settled: Settled) {
        let Settled { client, number, principal } = settled;
        let book = &mut self.authenticator;
        if book.sessions.get(&client).is_none_or(|(current, _)| *current != number) {
            // It has begun anew since.
            return;
        }
        book.sessions.remove(&client);
        // Without one nothing changes: a wrong answer may be anybody's, and whoever was shown before has not gone.
        let Some(principal) = principal else { return };
        tracing::info!(%client, principal, "authenticated");
        cx.watch(&client);
        book.authenticated.insert(client, principal);
    }
}

impl MasterActor {
    /// The call of a framework that is an actor, once it is clear who speaks: it describes a framework of its own principal only. None
    /// while that is being found out; the error is for the framework.
    pub(crate) fn vouched(&self, from: &Pid, call: Call) -> Result<Option<Call>, String> {
        if !matches!(call.r#type(), Type::Subscribe | Type::UpdateFramework) {
            return Ok(Some(call));
        }
        let vouched = match self.authenticator.framework(from) {
            Standing::UnderWay => {
                tracing::info!(%from, "call dropped, authentication is under way");
                return Ok(None);
            }
            Standing::Stranger => Err(format!("Framework at {from} is not authenticated")),
            Standing::Admitted(principal) => vouch(call, principal),
        };
        vouched.inspect_err(|why| tracing::info!(%from, why, "subscription refused")).map(Some)
    }
}

/// Whoever has shown to be somebody subscribes as nobody else.
fn vouch(mut call: Call, principal: Option<String>) -> Result<Call, String> {
    let Some(principal) = principal else { return Ok(call) };
    let Call { subscribe, update_framework, .. } = &mut call;
    let subscribed = subscribe.as_mut().map(|subscribe| &mut subscribe.framework_info);
    let updated = update_framework.as_mut().map(|update| &mut update.framework_info);
    for info in subscribed.into_iter().chain(updated) {
        let own = info.principal.get_or_insert_with(|| principal.clone());
        if *own != principal {
            return Err(format!(
                "Framework principal '{own}' does not match authenticated principal '{principal}'"
            ));
        }
    }
    Ok(call)
}
