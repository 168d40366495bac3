//! SUBSCRIBE: a framework begins, comes back, or takes over from its own earlier self.

use tepui_model::FrameworkId;
use tepui_proto::internal::UpdateFrameworkMessage;
use tepui_proto::v1::scheduler::call::Subscribe;
use tepui_proto::v1::{self, FrameworkInfo};

use crate::cx::Cx;
use crate::effect::{Effect, Peer, ToAgent};
use crate::events;
use crate::fact::Fact;
use crate::framework_life::Profile;
use crate::frameworks::{Link, Phase, Way};
use crate::limits;
use crate::master::Master;
use crate::names::{Alarm, Connection, FrameworkHandle, Pid, RequestId};
use crate::validation;
use tepui_allocator::Call as AllocatorCall;

/// The way a subscriber came in, before it is a framework's.
#[derive(Clone, Debug)]
pub enum NewLink {
    /// A request that becomes a stream.
    Http { request: RequestId, connection: Connection, stream_id: String },
    /// An actor.
    Actor(Pid),
    /// A driver; `force` as in [`Driver`](crate::Driver).
    Driver { pid: Pid, force: bool },
}

impl NewLink {
    pub fn peer(&self) -> Peer {
        match self {
            NewLink::Http { connection, .. } => Peer::Http(*connection),
            NewLink::Actor(pid) => Peer::Actor(pid.clone()),
            NewLink::Driver { pid, .. } => Peer::Driver(pid.clone()),
        }
    }

    fn pid(&self) -> Option<&Pid> {
        match self {
            NewLink::Http { .. } => None,
            NewLink::Actor(pid) | NewLink::Driver { pid, .. } => Some(pid),
        }
    }
}

impl Master {
    pub(crate) fn subscribe(&mut self, cx: &mut Cx, link: NewLink, call: Subscribe) {
        if let NewLink::Http { request, connection, .. } = &link {
            // Refusals go over the stream too.
            cx.push(Effect::Open { request: *request, connection: *connection });
        }
        let known_id = call.framework_info.id.as_ref().filter(|id| !id.value.is_empty()).cloned();
        cx.count(match known_id {
            None => "master/messages_register_framework",
            Some(_) => "master/messages_reregister_framework",
        });
        let profile = match self.checked_profile(&call) {
            Ok(profile) => profile,
            Err(why) => return self.refuse_subscription(cx, &link, &call.framework_info, &why),
        };
        match known_id {
            None => self.subscribe_new(cx, link, call.framework_info, profile),
            Some(id) => self.subscribe_again(cx, link, id, call.framework_info, profile),
        }
    }

    /// What the framework may get, if its description is valid.
    fn checked_profile(&self, call: &Subscribe) -> Result<Profile, String> {
        let info = &call.framework_info;
        let roles = validation::framework::check(info, &self.config)?;
        if info.id.as_ref().is_some_and(|id| self.frameworks.is_completed(&id.value)) {
            return Err("Framework has been removed".into());
        }
        let is_known = info.id.as_ref().is_some_and(|id| self.frameworks.find(&id.value).is_some());
        if !is_known && self.frameworks.registered.len() >= limits::FRAMEWORKS {
            return Err(format!(
                "There are {} frameworks, no more are taken; end one first",
                limits::FRAMEWORKS
            ));
        }
        Profile::new(info, roles, &call.suppressed_roles, call.offer_constraints.clone())
    }

    fn refuse_subscription(&mut self, cx: &mut Cx, link: &NewLink, info: &FrameworkInfo, why: &str) {
        cx.log(Fact::info("subscription refused").with("framework", &info.name).with("why", why));
        cx.event(link.peer(), events::error(why));
        if let NewLink::Http { connection, .. } = link {
            cx.push(Effect::Close(*connection));
        }
    }

    fn subscribe_new(&mut self, cx: &mut Cx, link: NewLink, mut info: FrameworkInfo, profile: Profile) {
        if let Some(pid) = link.pid()
            && let Some(framework) = self.frameworks.by_pid.get(pid).copied()
        {
            // It asked twice; the first answer may be under way or lost. Or it aborted, and begins anew.
            self.activate_again(cx, framework);
            return self.tell_subscribed(cx, framework);
        }
        let id = self.new_framework_id();
        info.id = Some(id.to_wire());
        let handle = self.add_framework(cx, id, info, profile);
        self.connect(cx, handle, link);
        self.tell_allocator_of_framework(cx, handle);
        self.tell_subscribed(cx, handle);
    }

    fn subscribe_again(
        &mut self,
        cx: &mut Cx,
        link: NewLink,
        id: v1::FrameworkId,
        mut info: FrameworkInfo,
        profile: Profile,
    ) {
        let id = FrameworkId::from_wire(&id).expect("the check saw it");
        if let Some(pid) = link.pid()
            && self
                .frameworks
                .by_pid
                .get(pid)
                .is_some_and(|other| self.frameworks.registered[*other].id != id)
        {
            return cx
                .log(Fact::warn("subscription dropped, its actor is another framework's").with("from", pid));
        }
        let handle = match self.frameworks.by_id.get(&id) {
            Some(handle) => *handle,
            // Perhaps from before this master; agents may tell more of it later.
            None => self.recover_framework(cx, id, info.clone(), profile.clone()),
        };
        let framework = &self.frameworks.registered[handle];
        let known = &framework.info;
        info.user = known.user.clone();
        info.checkpoint = known.checkpoint;
        // Another than who is connected must not make the framework its own.
        let is_same = link.pid().is_some() && link.pid() == framework.pid();
        let check = if framework.link().is_none() || is_same {
            validation::framework::check_return
        } else {
            validation::framework::check_update
        };
        if let Err(why) = check(known, &info) {
            return self.refuse_subscription(cx, &link, &info, &why);
        }
        if let NewLink::Driver { pid, force: false } = &link
            && !self.frameworks.registered[handle].expects(pid)
        {
            // It was cut off, and does not know yet that another has taken its place.
            return self.refuse_subscription(cx, &link, &info, "Framework failed over");
        }
        self.change_framework(cx, handle, info, profile);
        self.take_over(cx, handle, link);
        self.tell_subscribed(cx, handle);
        self.broadcast_framework(cx, handle);
    }

    /// The framework's scheduler is `link` from now on, whoever it was before.
    fn take_over(&mut self, cx: &mut Cx, handle: FrameworkHandle, link: NewLink) {
        let framework = &mut self.frameworks.registered[handle];
        framework.reregistered = Some(cx.now);
        let was_active = match std::mem::replace(&mut framework.phase, Phase::Recovered) {
            Phase::Active(old) => {
                self.cut_off(cx, &old, &link);
                true
            }
            Phase::Inactive(old) => {
                self.cut_off(cx, &old, &link);
                false
            }
            Phase::Disconnected { until } => {
                cx.push(Effect::Disarm(until));
                false
            }
            Phase::Recovered => {
                framework.registered = cx.now;
                false
            }
        };
        // The new scheduler never saw the old one's offers.
        self.discard_offers_of(cx, handle);
        self.connect(cx, handle, link);
        if !was_active {
            cx.push(Effect::Allocator(AllocatorCall::ActivateFramework(handle)));
        }
    }

    /// A driver that aborted wants offers again.
    fn activate_again(&mut self, cx: &mut Cx, handle: FrameworkHandle) {
        let framework = &mut self.frameworks.registered[handle];
        if let Phase::Inactive(link) = &framework.phase {
            framework.phase = Phase::Active(link.clone());
            self.changes.frameworks.insert(handle);
            cx.push(Effect::Allocator(AllocatorCall::ActivateFramework(handle)));
        }
    }

    /// An earlier scheduler is told that it is not the framework's any more. The same actor is not told about itself.
    fn cut_off(&mut self, cx: &mut Cx, old: &Link, new: &NewLink) {
        cx.push(Effect::Disarm(old.heartbeat));
        match &old.way {
            Way::Http { connection, .. } => {
                self.frameworks.by_connection.remove(connection);
                cx.event(old.peer(), events::error("Framework failed over"));
                cx.push(Effect::Close(*connection));
            }
            Way::Actor(pid) | Way::Driver(pid) => {
                self.frameworks.by_pid.remove(pid);
                if new.pid() != Some(pid) {
                    cx.event(old.peer(), events::error("Framework failed over"));
                }
            }
        }
    }

    /// Makes the framework active over this link.
    fn connect(&mut self, cx: &mut Cx, handle: FrameworkHandle, link: NewLink) {
        let heartbeat = self.arm(cx, Alarm::Heartbeat(handle), self.config.heartbeat_interval);
        let way = match link {
            NewLink::Http { connection, stream_id, .. } => {
                self.frameworks.by_connection.insert(connection, handle);
                Way::Http { connection, stream_id }
            }
            NewLink::Actor(pid) => {
                self.listen_to(cx, &pid, handle);
                Way::Actor(pid)
            }
            NewLink::Driver { pid, .. } => {
                self.listen_to(cx, &pid, handle);
                self.frameworks.registered[handle].last_driver = Some(pid.clone());
                Way::Driver(pid)
            }
        };
        self.frameworks.registered[handle].phase = Phase::Active(Link { way, heartbeat });
        self.changes.frameworks.insert(handle);
    }

    fn listen_to(&mut self, cx: &mut Cx, pid: &Pid, handle: FrameworkHandle) {
        self.frameworks.by_pid.insert(pid.clone(), handle);
        cx.push(Effect::Watch(pid.clone()));
    }

    /// SUBSCRIBED, and the first heartbeat at once: some clients act on an event when the next one begins.
    fn tell_subscribed(&mut self, cx: &mut Cx, handle: FrameworkHandle) {
        let framework = &self.frameworks.registered[handle];
        let Some(peer) = framework.peer() else { return };
        let interval = self.config.heartbeat_interval.as_secs_f64();
        cx.log(
            Fact::info("framework subscribed")
                .with("framework", &framework.id)
                .with("name", &framework.info.name),
        );
        cx.event(peer.clone(), events::subscribed(&framework.id, interval, &self.info));
        cx.event(peer, events::heartbeat());
    }

    /// Agents learn how executors of the framework see it now.
    pub(crate) fn broadcast_framework(&mut self, cx: &mut Cx, handle: FrameworkHandle) {
        let message = self.frameworks.registered[handle].update_message();
        for (_, agent) in self.agents.registered.iter() {
            cx.send(&agent.pid, ToAgent::UpdateFramework(Box::new(message.clone())));
        }
    }

    fn new_framework_id(&mut self) -> FrameworkId {
        let number = self.frameworks.next_id;
        self.frameworks.next_id += 1;
        FrameworkId::parse(format!("{}-{number:04}", self.info.id)).expect("the master's id is valid")
    }
}

impl crate::frameworks::Framework {
    pub fn update_message(&self) -> UpdateFrameworkMessage {
        UpdateFrameworkMessage {
            framework_id: self.id.to_wire(),
            pid: self.pid().map(ToString::to_string),
            framework_info: Some(Box::new(FrameworkInfo::clone(&self.info))),
        }
    }
}
