//! Frameworks that are actors or drivers, and say more than they may.

use std::time::Duration;

use libactor::{Actor, Context, Handler, Message, Node, Pid, Receive, Routes};
use tepui_master::{Config, RateLimits, RegistryStorage, start};
use tepui_proto::internal::{
    FrameworkErrorMessage, FrameworkRegisteredMessage, RegisterFrameworkMessage, ReviveOffersMessage,
};
use tepui_proto::v1::scheduler::{Call, Event, call};
use tepui_proto::v1::{FrameworkId, FrameworkInfo};
use tokio::sync::mpsc;

/// Says what it is told to, and tells what it hears.
struct Framework {
    master: Pid,
    heard: mpsc::UnboundedSender<Heard>,
}

#[derive(Debug, PartialEq)]
enum Heard {
    Subscribed(FrameworkId),
    Error(String),
}

/// To be sent to the master.
enum Say {
    Call(Box<Call>),
    Register(FrameworkInfo),
    Revive(FrameworkId),
}

impl Message for Say {
    type Reply = ();
}

impl Framework {
    fn hears(&self, heard: Heard) {
        self.heard.send(heard).expect("the test listens");
    }
}

impl Actor for Framework {
    fn install(routes: &mut Routes<Self>) {
        routes.message::<Event>().message::<FrameworkRegisteredMessage>().message::<FrameworkErrorMessage>();
    }
}

impl Handler<Say> for Framework {
    fn handle(&mut self, cx: &mut Context<Self>, said: Say) {
        match said {
            Say::Call(call) => cx.tell(&self.master, *call),
            Say::Register(framework) => cx.tell(&self.master, RegisterFrameworkMessage { framework }),
            Say::Revive(framework_id) => {
                cx.tell(&self.master, ReviveOffersMessage { framework_id, roles: Vec::new() });
            }
        }
    }
}

impl Receive<Event> for Framework {
    fn receive(&mut self, _: &mut Context<Self>, _: &Pid, event: Event) {
        if let Some(subscribed) = event.subscribed {
            self.hears(Heard::Subscribed(subscribed.framework_id.clone()));
        }
        if let Some(error) = event.error {
            self.hears(Heard::Error(error.message));
        }
    }
}

impl Receive<FrameworkRegisteredMessage> for Framework {
    fn receive(&mut self, _: &mut Context<Self>, _: &Pid, message: FrameworkRegisteredMessage) {
        self.hears(Heard::Subscribed(message.framework_id));
    }
}

impl Receive<FrameworkErrorMessage> for Framework {
    fn receive(&mut self, _: &mut Context<Self>, _: &Pid, message: FrameworkErrorMessage) {
        self.hears(Heard::Error(message.message));
    }
}

fn info(principal: &str) -> FrameworkInfo {
    FrameworkInfo {
        user: "nobody".into(),
        name: principal.into(),
        principal: Some(principal.into()),
        ..FrameworkInfo::default()
    }
}

fn subscribe(framework_info: FrameworkInfo) -> Say {
    let framework_id = framework_info.id.clone();
    let subscribe = Box::new(call::Subscribe { framework_info, ..call::Subscribe::default() });
    let kind = Some(call::Type::Subscribe as i32);
    Say::Call(Box::new(Call { framework_id, r#type: kind, subscribe: Some(subscribe), ..Call::default() }))
}

fn suppress(framework: &FrameworkId) -> Say {
    let kind = Some(call::Type::Suppress as i32);
    Say::Call(Box::new(Call { framework_id: Some(framework.clone()), r#type: kind, ..Call::default() }))
}

/// A master with these limits, and a framework beside it.
fn limited<F: Future<Output = ()>>(
    limits: &'static str,
    test: impl FnOnce(libactor::ActorRef<Framework>, mpsc::UnboundedReceiver<Heard>) -> F,
) {
    libactor::run(async {
        let mut config = Config::new("127.0.0.1:0".parse().unwrap(), RegistryStorage::InMemory);
        config.rate_limits = RateLimits::parse(limits).unwrap();
        let running = start(config).await.unwrap();
        let node = Node::builder().bind().await.unwrap();
        node.serve(|_| {}).await.unwrap();
        let (tell, heard) = mpsc::unbounded_channel();
        let master = running.node().pid("master");
        let framework = node.spawn("scheduler", Framework { master, heard: tell });
        let deadline = Duration::from_secs(60);
        tokio::time::timeout(deadline, test(framework, heard)).await.expect("the test takes too long");
        node.shutdown().await;
        running.shutdown().await;
    });
}

/// A master that has not written its registry yet drops what it is asked.
async fn subscribed(
    framework: &libactor::ActorRef<Framework>,
    heard: &mut mpsc::UnboundedReceiver<Heard>,
    say: impl Fn() -> Say,
) -> FrameworkId {
    loop {
        framework.tell(say());
        let answer = tokio::time::timeout(Duration::from_millis(200), heard.recv()).await;
        match answer {
            Ok(Some(Heard::Subscribed(id))) => return id,
            Ok(other) => panic!("{other:?}"),
            Err(_) => continue,
        }
    }
}

/// One may be said at once, one waits for a quarter of an hour, and a third is one too many.
const SLOW: &str = r#"{"limits": [{"principal": "slow", "qps": 0.001, "capacity": 1}, {"principal": "driver", "qps": 0.001, "capacity": 1}]}"#;

async fn error(heard: &mut mpsc::UnboundedReceiver<Heard>) -> String {
    loop {
        match heard.recv().await {
            Some(Heard::Error(why)) => return why,
            Some(Heard::Subscribed(_)) => {}
            None => panic!("the framework is gone"),
        }
    }
}

#[test]
fn an_actor_that_says_too_much_is_told_so_and_its_messages_are_counted() {
    limited(SLOW, |framework, mut heard| async move {
        let id = subscribed(&framework, &mut heard, || subscribe(info("slow"))).await;

        for _ in 0..3 {
            framework.tell(suppress(&id));
        }

        let why = "Message mesos.v1.scheduler.Call dropped: capacity(1) exceeded";
        assert_eq!(error(&mut heard).await, why);
        let metrics = libactor::metrics::snapshot();
        let received = metrics["frameworks/slow/messages_received"];
        // A subscription that was repeated counts as well.
        assert!(received >= 3.0, "{received}");
        assert_eq!(metrics["frameworks/slow/messages_processed"], 1.0);
    });
}

#[test]
fn a_driver_that_says_too_much_is_told_so_in_its_own_words() {
    limited(SLOW, |framework, mut heard| async move {
        let id = subscribed(&framework, &mut heard, || Say::Register(info("driver"))).await;

        for _ in 0..3 {
            framework.tell(Say::Revive(id.clone()));
        }

        let why = "Message mesos.internal.ReviveOffersMessage dropped: capacity(1) exceeded";
        assert_eq!(error(&mut heard).await, why);
    });
}

#[test]
fn who_has_no_limit_is_not_held_up() {
    limited(SLOW, |framework, mut heard| async move {
        let id = subscribed(&framework, &mut heard, || subscribe(info("free"))).await;

        for _ in 0..1000 {
            framework.tell(suppress(&id));
        }
        // It comes after all of them.
        framework.tell(subscribe(FrameworkInfo { id: Some(id.clone()), ..info("eve") }));

        assert_eq!(error(&mut heard).await, "Changing framework's principal is not allowed.");
        assert!(libactor::metrics::snapshot()["frameworks/free/messages_processed"] >= 1000.0);
    });
}
