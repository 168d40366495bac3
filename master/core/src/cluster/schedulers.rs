//! The schedulers of a test cluster: how they subscribe and call.

use tepui_proto::v1;
use tepui_proto::v1::scheduler::{Call, call};

use super::Cluster;
use crate::{Connection, HttpRequest, Input, NewStream, Pid, RequestId, SchedulerCall, Via};

/// A scheduler of the test.
#[derive(Clone, Debug)]
pub struct Scheduler {
    pub info: v1::FrameworkInfo,
    pub connection: Connection,
    pub stream_id: String,
    pub actor: Option<Pid>,
}

impl Cluster {
    /// A framework subscribed over HTTP, in the role `*`.
    pub fn framework(self, name: &str) -> Cluster {
        self.framework_like(name, |_| {})
    }

    /// The same, described otherwise.
    pub fn framework_like(mut self, name: &str, change: impl FnOnce(&mut v1::FrameworkInfo)) -> Cluster {
        let mut info =
            v1::FrameworkInfo { user: "nobody".into(), name: name.into(), ..v1::FrameworkInfo::default() };
        change(&mut info);
        self.subscribe(name, info);
        self.forget();
        self
    }

    /// A framework that is an actor.
    pub fn actor_framework(mut self, name: &str) -> Cluster {
        let info =
            v1::FrameworkInfo { user: "nobody".into(), name: name.into(), ..v1::FrameworkInfo::default() };
        self.subscribe_actor(name, &format!("scheduler@10.1.0.1:{}", 7000 + self.frameworks.len()), info);
        self.forget();
        self
    }

    pub fn subscribe(&mut self, name: &str, info: v1::FrameworkInfo) {
        self.subscribe_with(name, info, |_| {});
    }

    pub fn subscribe_with(
        &mut self,
        name: &str,
        info: v1::FrameworkInfo,
        change: impl FnOnce(&mut call::Subscribe),
    ) {
        let request = self.next_request();
        let connection = Connection(request.0);
        let stream_id = format!("stream-{}", request.0);
        let stream = NewStream { connection, id: stream_id.clone() };
        let http =
            HttpRequest { request, acceptable: true, stream_id: None, principal: None, stream: Some(stream) };
        self.frameworks
            .insert(name.into(), Scheduler { info: info.clone(), connection, stream_id, actor: None });
        self.step_subscribe(name, info, Via::Http(http), change);
    }

    pub fn subscribe_actor(&mut self, name: &str, pid: &str, info: v1::FrameworkInfo) {
        let pid = Pid::new(pid);
        let actor = Some(pid.clone());
        let scheduler =
            Scheduler { info: info.clone(), connection: Connection(0), stream_id: String::new(), actor };
        self.frameworks.insert(name.into(), scheduler);
        self.step_subscribe(name, info, Via::Actor(pid), |_| {});
    }

    fn step_subscribe(
        &mut self,
        name: &str,
        info: v1::FrameworkInfo,
        via: Via,
        change: impl FnOnce(&mut call::Subscribe),
    ) {
        let framework_id = info.id.clone();
        let mut subscribe = call::Subscribe { framework_info: info, ..call::Subscribe::default() };
        change(&mut subscribe);
        let call = Call {
            framework_id,
            r#type: Some(call::Type::Subscribe as i32),
            subscribe: Some(Box::new(subscribe)),
            ..Call::default()
        };
        self.step(Input::Call(Box::new(SchedulerCall { call, via })));
        self.remember_id(name);
    }

    fn remember_id(&mut self, name: &str) {
        let scheduler = self.frameworks.get_mut(name).expect("it subscribed");
        let frameworks = &self.master.frameworks;
        let handle = match &scheduler.actor {
            Some(pid) => frameworks.by_pid.get(pid),
            None => frameworks.by_connection.get(&scheduler.connection),
        };
        if let Some(handle) = handle {
            scheduler.info = v1::FrameworkInfo::clone(&frameworks.registered[*handle].info);
        }
    }

    pub fn scheduler(&self, name: &str) -> &Scheduler {
        &self.frameworks[name]
    }

    pub fn framework_id(&self, name: &str) -> v1::FrameworkId {
        self.frameworks[name].info.id.clone().expect("the test's framework has subscribed")
    }

    /// A call of a framework, the way it is connected.
    pub fn call(&mut self, name: &str, r#type: call::Type, fill: impl FnOnce(&mut Call)) {
        let scheduler = self.frameworks[name].clone();
        let mut call =
            Call { framework_id: scheduler.info.id.clone(), r#type: Some(r#type as i32), ..Call::default() };
        fill(&mut call);
        let via = match scheduler.actor {
            Some(pid) => Via::Actor(pid),
            None => Via::Http(self.request(Some(scheduler.stream_id))),
        };
        self.step(Input::Call(Box::new(SchedulerCall { call, via })));
    }

    pub fn request(&mut self, stream_id: Option<String>) -> HttpRequest {
        let request = self.next_request();
        HttpRequest { request, acceptable: true, stream_id, principal: None, stream: None }
    }

    pub fn next_request(&mut self) -> RequestId {
        self.requests += 1;
        RequestId(self.requests)
    }

    pub fn disconnect(&mut self, name: &str) {
        let scheduler = self.frameworks[name].clone();
        match scheduler.actor {
            Some(pid) => self.step(Input::Exited(pid)),
            None => self.step(Input::Disconnected(scheduler.connection)),
        }
    }
}
