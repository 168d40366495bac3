//! The checks of a task over virtual minutes: an executor with them, and an agent that notes what it is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use libactor::{Actor, Clock, Context as ActorContext, Node, Pid, Receive, Routes, Timestamp};
use tepui_proto::v1;
use tepui_proto::v1::executor::{Call, Event, call, event};

use super::{Checked, Checks, Finding, Plans, Probe, Prober, Probing, update};
use crate::{Context, Environment, Executor, Update, Via};

/// What the agent was told, a line each.
type Told = Arc<Mutex<Vec<String>>>;

struct Agent {
    task: Option<v1::TaskInfo>,
    told: Told,
    acknowledges: bool,
}

impl Actor for Agent {
    fn install(routes: &mut Routes<Self>) {
        routes.message::<Call>();
    }
}

impl Receive<Call> for Agent {
    fn receive(&mut self, cx: &mut ActorContext<Self>, from: &Pid, call: Call) {
        let event = |kind: event::Type| Event { r#type: Some(kind as i32), ..Event::default() };
        match call.r#type() {
            call::Type::Subscribe => {
                let subscribed = Some(Box::default());
                cx.tell(from, Event { subscribed, ..event(event::Type::Subscribed) });
                let launch = self.task.take().map(|task| Box::new(event::Launch { task }));
                cx.tell(from, Event { launch, ..event(event::Type::Launch) });
            }
            call::Type::Update => {
                let status = call.update.expect("an UPDATE has one").status;
                self.told.lock().unwrap().push(line(cx.now(), &status));
                if self.acknowledges {
                    let uuid = status.uuid.expect("the SDK sets it");
                    let acknowledged = Some(Box::new(event::Acknowledged { task_id: status.task_id, uuid }));
                    cx.tell(from, Event { acknowledged, ..event(event::Type::Acknowledged) });
                }
            }
            call::Type::Message | call::Type::Heartbeat | call::Type::Unknown => {}
        }
    }
}

fn line(now: Timestamp, status: &v1::TaskStatus) -> String {
    let healthy = status.healthy.map_or(String::new(), |healthy| format!(" healthy={healthy}"));
    let found = status.check_status.as_ref().and_then(|status| status.tcp.as_ref());
    let found = found.map_or(String::new(), |tcp| format!(" tcp={:?}", tcp.succeeded));
    let message = status.message.as_ref().map_or(String::new(), |message| format!(" {message}"));
    format!("{} {}{healthy}{found}{message}", now.as_secs_f64(), status.state().as_str_name())
}

/// Finds what it was told to, one after the other; then nothing, for ever.
#[derive(Default)]
struct Script {
    findings: Mutex<VecDeque<Finding>>,
    /// Looks that were ended before they found anything.
    abandoned: Arc<Mutex<u32>>,
}

struct Abandoned(Arc<Mutex<u32>>);

impl Drop for Abandoned {
    fn drop(&mut self) {
        *self.0.lock().unwrap() += 1;
    }
}

impl Prober for Script {
    fn probe(&self, _: &Probe) -> Probing {
        match self.findings.lock().unwrap().pop_front() {
            Some(finding) => Box::pin(std::future::ready(Ok(finding))),
            None => {
                let abandoned = Abandoned(self.abandoned.clone());
                Box::pin(async move {
                    let _abandoned = abandoned;
                    std::future::pending().await
                })
            }
        }
    }
}

/// Runs nothing, and is checked.
struct Subject {
    task: Option<v1::TaskInfo>,
    checks: Checks,
    script: Arc<Script>,
}

impl Executor for Subject {
    fn launch(&mut self, cx: &mut Context<Self>, task: v1::TaskInfo) {
        let running = update(&task, v1::TaskState::TaskRunning);
        cx.update(running.clone());
        let plans = Plans::read(&task).expect("the test's own");
        self.task = Some(task);
        Checks::start(self, cx, plans, running, self.script.clone());
    }

    fn kill(&mut self, _: &mut Context<Self>, _: &v1::TaskId, _: Option<v1::KillPolicy>) {}

    fn acknowledged(&mut self, cx: &mut Context<Self>, _: &v1::TaskId, uuid: &bytes::Bytes) {
        Checks::acknowledged(self, cx, uuid);
    }
}

impl Checked for Subject {
    fn checks(&mut self) -> &mut Checks {
        &mut self.checks
    }

    fn unhealthy(&mut self, cx: &mut Context<Self>, why: &str) {
        self.checks.stop();
        let task = self.task.as_ref().expect("it was launched");
        cx.update(Update::new(&task.task_id, v1::TaskState::TaskKilled).message(why));
    }
}

/// What an agent hears within `span` of a task whose looks find this, and how many looks were abandoned.
fn heard(
    task: v1::TaskInfo,
    findings: Vec<Finding>,
    acknowledges: bool,
    span: Duration,
) -> (Vec<String>, u32) {
    let (told, script) = (Told::default(), Arc::new(Script::default()));
    script.findings.lock().unwrap().extend(findings);
    let (log, looks) = (told.clone(), script.clone());
    libactor::run(async move {
        let clock = Clock::starting_at(Timestamp::from_nanos(0));
        let node = Node::builder().clock(clock.clone()).bind().await.expect("a free port");
        let agent = node.spawn("slave(1)", Agent { task: Some(task), told: log, acknowledges });
        let variables = [
            ("MESOS_FRAMEWORK_ID", "F1".to_owned()),
            ("MESOS_EXECUTOR_ID", "E1".to_owned()),
            ("MESOS_AGENT_ENDPOINT", "127.0.0.1:5051".to_owned()),
            ("MESOS_SLAVE_PID", agent.pid().to_string()),
        ];
        let environment =
            Environment::read(variables.map(|(name, value)| (name.to_owned(), value))).expect("it is whole");
        let subject = Subject { task: None, checks: Checks::default(), script: looks };
        tokio::select! {
            ended = crate::spawn(&node, environment, subject, Via::Actor) => panic!("it ended: {ended:?}"),
            () = clock.advance(span) => {}
        }
        node.shutdown().await;
    });
    let abandoned = *script.abandoned.lock().unwrap();
    (std::mem::take(&mut told.lock().unwrap()), abandoned)
}

fn with_health(delay: f64, interval: f64, timeout: f64) -> v1::TaskInfo {
    let health = v1::HealthCheck {
        r#type: Some(v1::health_check::Type::Tcp as i32),
        tcp: Some(v1::health_check::TcpCheckInfo { port: 80, ..Default::default() }),
        delay_seconds: Some(delay),
        interval_seconds: Some(interval),
        timeout_seconds: Some(timeout),
        grace_period_seconds: Some(0.0),
        ..v1::HealthCheck::default()
    };
    v1::TaskInfo { health_check: Some(Box::new(health)), ..v1::TaskInfo::default() }
}

fn closed() -> Finding {
    Finding::Unconnected("closed".into())
}

#[test]
fn a_task_gets_well_falls_ill_and_is_ended() {
    let findings = vec![Finding::Connected, Finding::Connected, closed(), closed(), closed(), closed()];

    let (told, abandoned) = heard(with_health(5.0, 10.0, 20.0), findings, true, Duration::from_secs(120));

    assert_eq!(
        told,
        [
            "0 TASK_RUNNING",
            "5 TASK_RUNNING healthy=true",
            "25 TASK_RUNNING healthy=false health check failed: closed (failure 1 of 3)",
            "35 TASK_RUNNING healthy=false health check failed: closed (failure 2 of 3)",
            "45 TASK_RUNNING healthy=false health check failed: closed (failure 3 of 3)",
            "45 TASK_KILLED closed (failure 3 of 3)",
        ]
    );
    assert_eq!(abandoned, 0);
}

#[test]
fn a_look_that_hangs_is_ended_after_its_timeout_and_the_next_begins_an_interval_later() {
    let (told, abandoned) = heard(with_health(0.0, 1.0, 4.0), Vec::new(), true, Duration::from_secs(60));

    let why = "the check did not end within 4s";
    assert_eq!(
        told,
        [
            "0 TASK_RUNNING".to_owned(),
            format!("4 TASK_RUNNING healthy=false health check failed: {why} (failure 1 of 3)"),
            format!("9 TASK_RUNNING healthy=false health check failed: {why} (failure 2 of 3)"),
            format!("14 TASK_RUNNING healthy=false health check failed: {why} (failure 3 of 3)"),
            format!("14 TASK_KILLED {why} (failure 3 of 3)"),
        ]
    );
    assert_eq!(abandoned, 3);
}

#[test]
fn a_check_beside_a_health_check_tells_of_both_in_every_update() {
    let mut task = with_health(10.0, 1000.0, 0.0);
    task.check = Some(Box::new(v1::CheckInfo {
        r#type: Some(v1::check_info::Type::Tcp as i32),
        tcp: Some(v1::check_info::Tcp { port: 80 }),
        delay_seconds: Some(2.0),
        interval_seconds: Some(18.0),
        ..v1::CheckInfo::default()
    }));
    let findings = vec![closed(), Finding::Connected, Finding::Connected];

    let (told, _) = heard(task, findings, true, Duration::from_secs(30));

    assert_eq!(
        told,
        [
            "0 TASK_RUNNING tcp=None",
            "2 TASK_RUNNING tcp=Some(false)",
            "10 TASK_RUNNING healthy=true tcp=Some(false)",
            "20 TASK_RUNNING healthy=true tcp=Some(true)",
        ]
    );
}

#[test]
fn an_agent_that_acknowledges_nothing_is_not_told_without_end() {
    let mut task = with_health(0.0, 1.0, 0.0);
    task.health_check.as_mut().expect("it has one").consecutive_failures = Some(u32::MAX);
    let findings = std::iter::repeat_with(closed).take(100).collect();

    let (told, _) = heard(task, findings, false, Duration::from_secs(90));

    // That it runs, and sixteen failures.
    assert_eq!(told.len(), 17, "{told:#?}");
}
