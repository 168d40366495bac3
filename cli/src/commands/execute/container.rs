//! What the flags say about the task's container; they are those of `mesos-execute`.

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use tepui_proto::json;
use tepui_scheduler::v1;
use v1::container_info::docker_info::Network;
use v1::container_info::{DockerInfo, MesosInfo, Type};

#[derive(Args)]
pub struct Flags {
    /// What runs the container
    #[arg(long, value_enum, default_value = "mesos")]
    containerizer: Containerizer,
    /// The container's image, such as busybox:latest
    #[arg(long, alias = "docker_image", value_name = "IMAGE")]
    docker_image: Option<String>,
    /// Networks to join, by name; a Docker container joins one, and without this has the host's
    #[arg(long, value_name = "NAME,NAME", value_delimiter = ',')]
    networks: Vec<String>,
    /// Volumes: a JSON array of Volume, or file:// and the path of one
    #[arg(long, value_name = "JSON")]
    volumes: Option<String>,
    /// Limits of the container's processes: RLimitInfo as JSON, or file:// and its path
    #[arg(long, value_name = "JSON")]
    rlimits: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Containerizer {
    #[value(alias = "native")]
    Mesos,
    Docker,
}

impl Flags {
    /// Whether there is something to run without a command.
    pub fn brings_a_program(&self) -> bool {
        self.containerizer == Containerizer::Docker
    }

    /// None if nothing is said about it.
    pub fn info(&self) -> Result<Option<v1::ContainerInfo>> {
        let volumes: Vec<v1::Volume> = match &self.volumes {
            Some(text) => listed(text).context("--volumes")?,
            None => Vec::new(),
        };
        let rlimits = self.rlimits.as_deref().map(rlimits).transpose().context("--rlimits")?;
        let networks: Vec<_> =
            self.networks.iter().filter(|name| !name.is_empty()).map(|name| network(name)).collect();
        let mut info = v1::ContainerInfo {
            volumes,
            rlimit_info: rlimits,
            network_infos: networks,
            ..v1::ContainerInfo::default()
        };
        if self.containerizer == Containerizer::Mesos && self.docker_image.is_none() && says_nothing(&info) {
            return Ok(None);
        }
        match self.containerizer {
            Containerizer::Mesos => {
                info.r#type = Type::Mesos as i32;
                info.mesos = self.docker_image.as_deref().map(of_image);
            }
            Containerizer::Docker => {
                info.r#type = Type::Docker as i32;
                info.docker = Some(self.docker(&info)?.into());
            }
        }
        Ok(Some(info))
    }

    fn docker(&self, info: &v1::ContainerInfo) -> Result<DockerInfo> {
        let Some(image) = self.docker_image.clone().filter(|image| !image.is_empty()) else {
            bail!("--containerizer=docker needs an image: name one with --docker_image");
        };
        let network = match info.network_infos.len() {
            0 => None,
            1 => Some(Network::User as i32),
            _ => bail!("--networks: a Docker container joins a single network"),
        };
        Ok(DockerInfo { image, network, ..DockerInfo::default() })
    }
}

fn says_nothing(info: &v1::ContainerInfo) -> bool {
    info.volumes.is_empty() && info.rlimit_info.is_none() && info.network_infos.is_empty()
}

fn network(name: &str) -> v1::NetworkInfo {
    v1::NetworkInfo { name: Some(name.to_owned()), ..v1::NetworkInfo::default() }
}

fn of_image(name: &str) -> MesosInfo {
    let docker = v1::image::Docker { name: name.to_owned(), ..v1::image::Docker::default() };
    let image = v1::Image {
        r#type: v1::image::Type::Docker as i32,
        docker: Some(docker.into()),
        ..v1::Image::default()
    };
    MesosInfo { image: Some(image) }
}

/// The text itself, or that of the file it names, as Mesos' flags have it.
fn text_of(given: &str) -> Result<String> {
    let path = given.strip_prefix("file://").or_else(|| given.starts_with('/').then_some(given));
    match path {
        Some(path) => std::fs::read_to_string(path).with_context(|| format!("read {path}")),
        None => Ok(given.to_owned()),
    }
}

fn rlimits(given: &str) -> Result<v1::RLimitInfo> {
    json::from_slice(text_of(given)?.as_bytes()).context(
        "write RLimitInfo as JSON, such as {\"rlimits\":[{\"type\":\"RLMT_CORE\",\"soft\":0,\"hard\":0}]}",
    )
}

fn listed(given: &str) -> Result<Vec<v1::Volume>> {
    let how = "write an array of volumes as JSON, such as [{\"container_path\":\"/etc/x\",\"host_path\":\"/etc\",\"mode\":\"RO\"}]";
    let values: Vec<serde_json::Value> = serde_json::from_str(&text_of(given)?).context(how)?;
    values.iter().map(|value| json::from_slice(value.to_string().as_bytes()).context(how)).collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use expect_test::expect;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        flags: Flags,
    }

    fn says(words: &[&str]) -> String {
        let line = Line::try_parse_from(std::iter::once(&"execute").chain(words));
        match line.unwrap_or_else(|why| panic!("{why}")).flags.info() {
            Ok(Some(info)) => json::to_string(&info),
            Ok(None) => "no container".into(),
            Err(why) => format!("{why:#}"),
        }
    }

    #[test]
    fn the_flags_say_what_those_of_mesos_execute_say() {
        let docker =
            |more: &[&str]| says(&[&["--containerizer=docker", "--docker_image=a:1"], more].concat());
        let volumes = r#"--volumes=[{"container_path":"/etc/x","host_path":"/etc","mode":"RO"}]"#;
        let rlimits = r#"--rlimits={"rlimits":[{"type":"RLMT_CORE","soft":0,"hard":0}]}"#;

        expect!["no container"].assert_eq(&says(&[]));
        expect![[r#"{"type":"DOCKER","docker":{"image":"a:1","network":"HOST","privileged":false}}"#]]
            .assert_eq(&docker(&[]));
        expect![[r#"{"type":"DOCKER","docker":{"image":"a:1","network":"USER","privileged":false},"network_infos":[{"name":"mine"}]}"#]].assert_eq(&docker(&["--networks=mine"]));
        expect![[r#"{"type":"DOCKER","volumes":[{"mode":"RO","container_path":"/etc/x","host_path":"/etc"}],"docker":{"image":"a:1","network":"HOST","privileged":false},"rlimit_info":{"rlimits":[{"type":"RLMT_CORE","hard":0,"soft":0}]}}"#]].assert_eq(&docker(&[volumes, rlimits]));
        expect![[r#"{"type":"MESOS","mesos":{"image":{"type":"DOCKER","docker":{"name":"busybox"},"cached":true}},"network_infos":[{"name":"a"},{"name":"b"}]}"#]].assert_eq(&says(&["--docker_image=busybox", "--networks=a,b"]));
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        expect!["--containerizer=docker needs an image: name one with --docker_image"]
            .assert_eq(&says(&["--containerizer=docker"]));
        expect!["--networks: a Docker container joins a single network"].assert_eq(&says(&[
            "--containerizer=docker",
            "--docker_image=a",
            "--networks=a,b",
        ]));
        expect![[r#"--volumes: write an array of volumes as JSON, such as [{"container_path":"/etc/x","host_path":"/etc","mode":"RO"}]: mesos.v1.Volume: invalid type: integer `5`, expected a JSON object for mesos.v1.Volume at line 1 column 1"#]].assert_eq(&says(&["--volumes=[5]"]));
        expect!["--rlimits: read /no/such/file: No such file or directory (os error 2)"]
            .assert_eq(&says(&["--rlimits=/no/such/file"]));
    }
}
