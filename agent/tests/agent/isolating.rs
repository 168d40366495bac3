//! What an agent isolates its containers with, and what it does where it cannot.

use std::fs;
use std::path::Path;

use tepui_agent::containerizer::{LauncherKind, PIDS_PER_CONTAINER};
use tepui_agent::start;

use crate::executor::get;
use crate::master::Master;
use crate::site::{Site, run, task, until};

#[test]
fn a_container_may_not_have_all_processes_of_the_machine() {
    if !nix::unistd::geteuid().is_root() || !Path::new("/sys/fs/cgroup/pids").is_dir() {
        return eprintln!("skipped: needs root and cgroup v1");
    }
    run(async {
        let mut master = Master::start().await;
        let mut site = Site::new(&master);
        site.config.launcher = Some(LauncherKind::Linux);
        site.config.isolation = Some("cgroups/pids".parse().unwrap());
        site.config.cgroups_root = format!("tepui-isolating-{}", std::process::id());
        let agent = site.start().await;
        master.admit().await;
        master.run(task("t1", "e1", "touch running; sleep 1000"));
        until("the container runs", || site.sandbox("e1").join("running").exists()).await;

        let container = fs::read_link(site.sandbox("e1")).unwrap();
        let groups = Path::new("/sys/fs/cgroup/pids").join(&site.config.cgroups_root);
        let most = fs::read_to_string(groups.join(container.file_name().unwrap()).join("pids.max"));

        // Two more for the launch helper and the init of a pid namespace.
        assert_eq!(most.unwrap().trim(), (PIDS_PER_CONTAINER + 2).to_string());
        master.shut_down_agent();
        agent.ended().await;
        agent.shutdown().await;
        for controller in ["freezer", "pids"] {
            let _ =
                fs::remove_dir(Path::new("/sys/fs/cgroup").join(controller).join(&site.config.cgroups_root));
        }
    });
}

#[test]
fn where_nobody_can_isolate_the_agent_does_not_unless_it_was_asked_to() {
    const CAP_SYS_ADMIN: i32 = 21;
    if nix::unistd::geteuid().is_root() {
        // SAFETY: numbers only; concerns this thread and what it starts. Without it, there are no namespaces.
        assert_eq!(unsafe { libc::prctl(libc::PR_CAPBSET_DROP, CAP_SYS_ADMIN) }, 0);
    }
    run(async {
        let master = Master::start().await;
        let mut site = Site::new(&master);
        site.config.cgroups_root = format!("tepui-not-isolating-{}", std::process::id());
        (site.config.launcher, site.config.isolation) = (None, None);

        let agent = start(site.config.clone()).await.unwrap_or_else(|why| panic!("{why}"));

        let state = get(agent.address(), "/slave(1)/state").await.body;
        assert!(state.contains(r#""launcher":"posix""#), "{state}");
        agent.shutdown().await;
        let asked =
            [(Some(LauncherKind::Linux), None), (None, Some("cgroups/cpu,namespaces/pid".parse().unwrap()))];
        for (launcher, isolation) in asked {
            (site.config.launcher, site.config.isolation) = (launcher, isolation);
            let refused = start(site.config.clone()).await.err().expect("a reason").to_string();
            assert!(refused.contains("--launcher="), "{refused}");
        }
        remove_groups(&site.config.cgroups_root);
    });
}

fn remove_groups(root: &str) {
    for controller in ["freezer", "cpu", "cpuacct", "memory", "pids"] {
        let _ = fs::remove_dir(Path::new("/sys/fs/cgroup").join(controller).join(root));
    }
}
