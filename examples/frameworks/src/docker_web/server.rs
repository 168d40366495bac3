//! One web server: busybox' httpd in a container with the agent's own network.

use tepui_scheduler::{Task, v1};
use v1::container_info::{DockerInfo, Type, docker_info};

/// What is served, and from which image.
#[derive(Debug, Clone)]
pub struct Site {
    /// An image with a shell and a busybox that knows `httpd`.
    pub image: String,
    /// The address servers listen at, such as 0.0.0.0; their health is checked at 127.0.0.1.
    pub address: String,
    /// The page.
    pub page: String,
}

/// The first process of a container dies of no signal that it does not catch, hence the trap.
const SERVE: &str = r#"
mkdir -p "$MESOS_SANDBOX/www" && printf '%s\n' "$PAGE" > "$MESOS_SANDBOX/www/index.html" || exit 1
busybox httpd -f -p "$ADDRESS:$PORT" -h "$MESOS_SANDBOX/www" &
trap "kill $!" TERM
wait $!
"#;

impl Site {
    /// The task that serves at this port.
    pub(super) fn server(&self, id: &str, port: u64) -> Task {
        let network = Some(docker_info::Network::Host as i32);
        let docker = DockerInfo { image: self.image.clone(), network, ..DockerInfo::default() };
        let container = v1::ContainerInfo {
            r#type: Type::Docker as i32,
            docker: Some(docker.into()),
            ..v1::ContainerInfo::default()
        };
        let task = Task::shell(id, SERVE).name("web").env("PAGE", &self.page).env("ADDRESS", &self.address);
        task.env("PORT", port.to_string()).with(|info| {
            info.container = Some(container.into());
            info.health_check = Some(health(port).into());
        })
    }
}

/// Three failures in a row, a second apart, end a server.
fn health(port: u64) -> v1::HealthCheck {
    let port = u32::try_from(port).unwrap_or_default();
    let http = v1::health_check::HttpCheckInfo {
        port,
        path: Some("/".into()),
        ..v1::health_check::HttpCheckInfo::default()
    };
    v1::HealthCheck {
        r#type: Some(v1::health_check::Type::Http as i32),
        http: Some(http.into()),
        delay_seconds: Some(0.0),
        interval_seconds: Some(1.0),
        timeout_seconds: Some(2.0),
        grace_period_seconds: Some(10.0),
        ..v1::HealthCheck::default()
    }
}
