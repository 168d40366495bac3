//! Playing a recorded driver against a master, with an agent beside it that says what the recorded updates say.

mod agent;
mod wire;

use std::time::Duration;

use base64::Engine as _;
use libactor::Pid;
use prost::Message as _;
use serde_json::Value;
use tepui_master::{Authentication, Config, RegistryStorage, Running, start};
use tepui_model::{Credential, Credentials, cram_md5};
use tepui_proto::internal::{
    AuthenticationStepMessage, FrameworkRegisteredMessage, ResourceOffersMessage, StatusUpdateMessage,
};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use agent::Agent;
use wire::{Listener, Posted};

/// What the master of a scene is like, and what its driver knows.
#[derive(Default)]
pub struct Scene {
    pub authentication: Authentication,
    pub secret: &'static str,
}

/// A recorded exchange.
pub struct Replay {
    messages: Vec<Recorded>,
}

struct Recorded {
    is_drivers: bool,
    posted: Posted,
}

/// What stood there then, and stands there now: texts of one length, so that no length around them changes.
#[derive(Default)]
struct Names {
    everywhere: Vec<(String, String)>,
    /// In heads only, where any length will do.
    in_heads: Vec<(String, String)>,
}

impl Names {
    fn add(&mut self, then: &str, now: &str) {
        assert_eq!(then.len(), now.len(), "'{now}' cannot stand in the place of '{then}'");
        self.everywhere.push((then.to_owned(), now.to_owned()));
    }

    /// All at once: what stands there now may look like what stood elsewhere then.
    fn now(&self, bytes: &[u8]) -> Vec<u8> {
        let mut now = Vec::with_capacity(bytes.len());
        while let Some(rest) = bytes.get(now.len()..).filter(|rest| !rest.is_empty()) {
            let known = self.everywhere.iter().find(|(then, _)| rest.starts_with(then.as_bytes()));
            now.extend_from_slice(known.map_or(&rest[..1], |(_, name)| name.as_bytes()));
        }
        now
    }

    fn posted(&self, then: &Posted) -> Posted {
        let mut head = String::from_utf8(self.now(then.head.as_bytes())).unwrap();
        for (then, now) in &self.in_heads {
            head = head.replace(then, now);
        }
        Posted { head, body: self.now(&then.body) }
    }
}

impl Replay {
    pub fn of(recording: &str) -> Replay {
        let recorded: Vec<Value> = serde_json::from_str(recording).unwrap();
        let messages = recorded.iter().map(|message| {
            let text = |key: &str| message[key].as_str().unwrap();
            let body = base64::engine::general_purpose::STANDARD.decode(text("body")).unwrap();
            let posted = Posted { head: text("head").to_owned(), body };
            Recorded { is_drivers: text("from") == "driver", posted }
        });
        Replay { messages: messages.collect() }
    }

    /// Whom our own code believes the recorded driver to be, by its answer to the recorded challenge.
    pub fn verified_principal(&self, credentials: &str) -> Option<String> {
        let steps = self.messages.iter().filter(|each| each.posted.name() == "AuthenticationStepMessage");
        let data: Vec<_> =
            steps.map(|step| AuthenticationStepMessage::decode(&*step.posted.body).unwrap().data).collect();
        let [challenge, answer] = &*data else { panic!("{} steps", data.len()) };
        let credentials = Credentials::parse(credentials).unwrap();
        cram_md5::verified(&credentials, challenge, answer).map(str::to_owned)
    }

    /// Plays it, and gives the names of what the agent heard.
    pub fn run(self, scene: Scene) -> Vec<String> {
        libactor::run(async {
            let playing = Playing::start(&self, scene).await.play(self);
            tokio::time::timeout(Duration::from_secs(60), playing).await.expect("the replay takes too long")
        })
    }

    fn address_of(&self, is_drivers: bool) -> String {
        let message = self.messages.iter().find(|each| each.is_drivers == is_drivers).unwrap();
        message.posted.sender().address().to_string()
    }
}

/// A replay under way.
struct Playing {
    master: Running,
    agent: Agent,
    /// The driver's ears and mouth.
    listener: Listener,
    stream: TcpStream,
    names: Names,
    secret: &'static str,
    /// The challenge that the master has just put.
    challenge: Vec<u8>,
}

impl Playing {
    async fn start(replay: &Replay, scene: Scene) -> Playing {
        let mut config = Config::new("127.0.0.1:0".parse().unwrap(), RegistryStorage::InMemory);
        config.hostname = Some("localhost".into());
        config.authentication = scene.authentication;
        let master = start(config).await.unwrap();
        let listener = Listener::open().await;
        let agent = Agent::registered(master.address()).await;
        let mut names = Names::default();
        names.add(&replay.address_of(false), &master.address().to_string());
        names.add(&replay.address_of(true), &listener.address().to_string());
        let stream = TcpStream::connect(master.address()).await.unwrap();
        Playing { master, agent, listener, stream, names, secret: scene.secret, challenge: Vec::new() }
    }

    async fn play(mut self, replay: Replay) -> Vec<String> {
        for Recorded { is_drivers, posted } in replay.messages {
            if is_drivers {
                self.say(&posted).await;
            } else {
                self.hear(&posted).await;
            }
        }
        let ends = self.names.everywhere.iter().any(|(then, _)| then.len() == 36);
        let heard = self.agent.heard(ends).await;
        self.master.shutdown().await;
        heard
    }

    async fn say(&mut self, then: &Posted) {
        let mut now = self.names.posted(then);
        if then.name() == "AuthenticationStepMessage" {
            let data = cram_md5::answer(&Credential::new("ops", self.secret), &self.challenge);
            now.body = AuthenticationStepMessage { data: data.into() }.encode_to_vec();
        }
        self.stream.write_all(&now.to_bytes()).await.unwrap();
        let answer = wire::head(&mut self.stream).await;
        assert!(answer.starts_with("HTTP/1.1 202 Accepted\r\n"), "{answer}");
    }

    async fn hear(&mut self, then: &Posted) {
        if then.name() == "StatusUpdateMessage" {
            let update = StatusUpdateMessage::decode(&*self.names.now(&then.body)).unwrap();
            if update.update.uuid.is_some() {
                self.agent.report(update);
            }
        }
        let heard = self.listener.next().await;
        if then.name() == "FrameworkRegisteredMessage" && self.names.everywhere.len() == 2 {
            self.learn_ids(then, &heard);
        }
        if then.name() == "AuthenticationMechanismsMessage" {
            // Whoever could guess its name could speak to it in another's.
            let session = |posted: &Posted| posted.sender().name().to_owned();
            self.names.in_heads.push((session(then), session(&heard)));
        }
        let expected = self.names.posted(then);
        assert_eq!(heard.head, expected.head);
        assert_eq!(
            heard.body,
            self.exchanged(&expected, &heard),
            "{} is not what it was: {:?}, {:?}",
            heard.name(),
            heard.body.escape_ascii().to_string(),
            expected.body.escape_ascii().to_string()
        );
    }

    /// All ids begin with the master's.
    fn learn_ids(&mut self, then: &Posted, now: &Posted) {
        let id = |posted: &Posted| FrameworkRegisteredMessage::decode(&*posted.body).unwrap().master_info.id;
        let (then, now) = (id(then), id(now));
        self.names.add(&then, &now);
    }

    /// The recorded body with what differs from run to run and is no text: ports as numbers, times, challenges.
    fn exchanged(&mut self, expected: &Posted, heard: &Posted) -> Vec<u8> {
        match heard.name() {
            "FrameworkRegisteredMessage" => {
                let mut message = FrameworkRegisteredMessage::decode(&*expected.body).unwrap();
                message.master_info.port = u32::from(self.master.address().port());
                message.master_info.address.as_mut().unwrap().port = i32::from(self.master.address().port());
                message.encode_to_vec()
            }
            "ResourceOffersMessage" => {
                let mut message = ResourceOffersMessage::decode(&*expected.body).unwrap();
                for (offer, pid) in message.offers.iter_mut().zip(&mut message.pids) {
                    *pid = self.agent.pid().to_string();
                    let url = offer.url.as_mut().unwrap();
                    url.address.port = i32::from(self.agent.pid().address().port());
                }
                message.encode_to_vec()
            }
            "StatusUpdateMessage" => {
                let mut message = StatusUpdateMessage::decode(&*expected.body).unwrap();
                if message.pid.is_some() {
                    message.pid = Some(self.agent.pid().to_string());
                } else {
                    let now = StatusUpdateMessage::decode(&*heard.body).unwrap().update;
                    message.update.timestamp = now.timestamp;
                    message.update.status.timestamp = now.status.timestamp;
                }
                message.encode_to_vec()
            }
            "AuthenticationStepMessage" => {
                self.challenge = AuthenticationStepMessage::decode(&*heard.body).unwrap().data.to_vec();
                heard.body.clone()
            }
            _ => expected.body.clone(),
        }
    }
}

/// For [`Agent`]: the pid that others know it by.
fn pid(text: &str) -> Pid {
    text.parse().unwrap()
}
