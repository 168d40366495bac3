//! What an agent isolates its containers with, and what it does where it cannot.

use std::fs;
use std::path::Path;

use tepui_agent::containerizer::{Isolation, LauncherKind, PIDS_PER_CONTAINER};

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
        site.config.launcher = LauncherKind::Linux;
        site.config.isolation = "cgroups/pids".parse::<Isolation>().unwrap();
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
