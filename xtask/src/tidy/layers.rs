//! Who may depend on whom. The table is the picture of `docs/architecture.md`: arrows point down only.

use crate::tree::{Dependency, Kind, Package};

/// What a package may name of ours, and of others.
struct Layer {
    package: &'static str,
    /// Packages of this workspace, in `[dev-dependencies]` too.
    ours: &'static [&'static str],
    others: Others,
}

enum Others {
    /// What decides without the world names only what cannot reach it.
    Pure,
    /// Whatever is no actor runtime.
    Any,
    /// Actix too: libactor is the only place that knows what it is built on. Its benchmark measures against that.
    Actix,
}

const PROTO: &str = "tepui-proto";
const MODEL: &str = "tepui-model";
const ACTOR: &str = "libactor";
const SCHEDULER: &str = "tepui-scheduler";
const EXECUTOR: &str = "tepui-executor";
const DOCKER: &str = "tepui-docker";
const RECORDING: &str = "tepui-recording";
const DAEMON: &str = "tepui-daemon";
const ALLOCATOR: &str = "tepui-allocator";
const MASTER_CORE: &str = "tepui-master-core";
const AGENT_CORE: &str = "tepui-agent-core";
const MASTER: &str = "tepui-master";
const AGENT: &str = "tepui-agent";
const FRAMEWORKS: &str = "tepui-frameworks";
const BENCH: &str = "tepui-bench";
const SIM: &str = "tepui-sim";
const TESTS: &str = "tepui-tests";

/// From the wire upwards.
const LAYERS: [Layer; 22] = [
    Layer { package: PROTO, ours: &[], others: Others::Any },
    Layer { package: MODEL, ours: &[PROTO], others: Others::Pure },
    Layer { package: ALLOCATOR, ours: &[MODEL], others: Others::Pure },
    Layer { package: MASTER_CORE, ours: &[PROTO, MODEL, ALLOCATOR], others: Others::Pure },
    Layer { package: AGENT_CORE, ours: &[PROTO, MODEL], others: Others::Pure },
    Layer { package: RECORDING, ours: &[ACTOR, MODEL], others: Others::Any },
    Layer { package: DAEMON, ours: &[ACTOR, MODEL, PROTO], others: Others::Any },
    Layer { package: ACTOR, ours: &[], others: Others::Actix },
    Layer { package: SCHEDULER, ours: &[ACTOR, MODEL, PROTO], others: Others::Any },
    Layer { package: EXECUTOR, ours: &[ACTOR, MODEL, PROTO], others: Others::Any },
    Layer { package: DOCKER, ours: &[EXECUTOR, PROTO], others: Others::Any },
    Layer {
        package: MASTER,
        ours: &[ACTOR, MASTER_CORE, ALLOCATOR, RECORDING, DAEMON, MODEL, PROTO],
        others: Others::Any,
    },
    Layer {
        package: AGENT,
        ours: &[DOCKER, ACTOR, AGENT_CORE, RECORDING, DAEMON, MODEL, PROTO],
        others: Others::Any,
    },
    // The SDKs' first users see what a stranger's framework would see.
    Layer { package: FRAMEWORKS, ours: &[SCHEDULER, EXECUTOR], others: Others::Any },
    Layer {
        package: "tepui",
        ours: &[
            FRAMEWORKS, MASTER, AGENT, DAEMON, SCHEDULER, DOCKER, EXECUTOR, ACTOR, RECORDING, MODEL, PROTO,
        ],
        others: Others::Any,
    },
    Layer { package: SIM, ours: &[MASTER_CORE, AGENT_CORE, ALLOCATOR, MODEL, PROTO], others: Others::Pure },
    // They see the cluster from outside; the wire's types are all they share with it.
    Layer { package: TESTS, ours: &[PROTO], others: Others::Any },
    // What measures: the harness knows nothing of ours, and each benchmark what it measures.
    Layer { package: BENCH, ours: &[], others: Others::Any },
    Layer { package: "tepui-docker-bench", ours: &[BENCH, TESTS], others: Others::Any },
    Layer { package: "libactor-bench", ours: &[BENCH, ACTOR], others: Others::Actix },
    Layer {
        package: "tepui-master-bench",
        ours: &[BENCH, MASTER, SIM, ACTOR, ALLOCATOR, MODEL, PROTO],
        others: Others::Any,
    },
    Layer { package: "xtask", ours: &[], others: Others::Any },
];

/// What a pure package may name. Each was read for clocks, ambient randomness, environment, files and threads, or
/// (rand) is used only with a generator that the shell has seeded.
const PURE: [&str; 14] = [
    "base64",
    "bytes",
    "expect-test",
    "hmac",
    "md-5",
    "postcard",
    "proptest",
    "prost",
    "rand",
    "rand_xoshiro",
    "regex",
    "serde",
    "serde_json",
    "thiserror",
];

/// The parts of the actor runtime that only libactor names.
fn is_actix(name: &str) -> bool {
    name == "actix" || name.starts_with("actix-") || name == "awc"
}

pub fn broken(packages: &[Package]) -> Vec<String> {
    let mut broken = Vec::new();
    let names: Vec<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    for package in packages {
        let Some(layer) = LAYERS.iter().find(|layer| layer.package == package.name) else {
            broken.push(format!(
                "{}/Cargo.toml: `{}` has no layer; give it a line in xtask/src/tidy/layers.rs",
                package.folder, package.name
            ));
            continue;
        };
        for dependency in &package.dependencies {
            if let Some(why) = layer.forbids(dependency, &names) {
                broken.push(format!("{}/Cargo.toml: `{}` {why}", package.folder, package.name));
            }
        }
    }
    broken
}

impl Layer {
    /// Why the dependency may not be named here, if so.
    fn forbids(&self, dependency: &Dependency, ours: &[&str]) -> Option<String> {
        let name = dependency.name.as_str();
        if ours.contains(&name) {
            let allowed = self.ours.contains(&name);
            return (!allowed).then(|| format!("may not depend on `{name}`: arrows point down only"));
        }
        match self.others {
            Others::Actix => None,
            Others::Any | Others::Pure if is_actix(name) => {
                Some(format!("may not name `{name}`: only libactor does; use what it re-exports"))
            }
            Others::Any => None,
            Others::Pure => {
                let allowed = PURE.contains(&name) || dependency.kind == Kind::Build;
                (!allowed).then(|| format!("decides without the world and may not name `{name}`"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn package(name: &str, dependencies: &[&str]) -> Package {
        let dependencies = dependencies
            .iter()
            .map(|name| Dependency { name: (*name).to_owned(), kind: Kind::Normal })
            .collect();
        Package { name: name.to_owned(), folder: name.to_owned(), dependencies, binaries: Vec::new() }
    }

    #[test]
    fn each_broken_arrow_is_named() {
        let packages = [
            package(PROTO, &["prost", "actix"]),
            package(MODEL, &[PROTO, "tokio"]),
            package(MASTER_CORE, &[PROTO, MODEL, ALLOCATOR, "rand"]),
            package(ALLOCATOR, &[MODEL, PROTO]),
            package(ACTOR, &["actix-web", PROTO]),
            package(MASTER, &[ACTOR, AGENT, "actix-web"]),
            package(AGENT, &[ACTOR, "tokio"]),
            package("tepui-new", &[]),
        ];

        let broken = broken(&packages).join("\n") + "\n";

        expect![[r#"
            tepui-proto/Cargo.toml: `tepui-proto` may not name `actix`: only libactor does; use what it re-exports
            tepui-model/Cargo.toml: `tepui-model` decides without the world and may not name `tokio`
            tepui-allocator/Cargo.toml: `tepui-allocator` may not depend on `tepui-proto`: arrows point down only
            libactor/Cargo.toml: `libactor` may not depend on `tepui-proto`: arrows point down only
            tepui-master/Cargo.toml: `tepui-master` may not depend on `tepui-agent`: arrows point down only
            tepui-master/Cargo.toml: `tepui-master` may not name `actix-web`: only libactor does; use what it re-exports
            tepui-new/Cargo.toml: `tepui-new` has no layer; give it a line in xtask/src/tidy/layers.rs
        "#]]
        .assert_eq(&broken);
    }
}
