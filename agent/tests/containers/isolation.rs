//! The linux launcher: what the kernel is told, and what happens at the limits.

use std::{fs, time::Duration};

use tepui_agent::containerizer::{
    ContainerConfig, ContainerResources, LauncherKind, Limit, LimitationReason,
};

use crate::bed::{Bed, eventually, is_root};

#[tokio::test]
async fn a_container_sees_only_its_own_processes_and_mounts() {
    if !is_root() {
        return;
    }
    let bed = Bed::linux().await;

    bed.run(
        bed.shell(
            "c1",
            "echo $$ $(ls -d /proc/[0-9]* | wc -l); mount -t tmpfs none /mnt && touch /mnt/inside",
        ),
    )
    .await;

    // Init, the shell, its subshell, ls and wc: none of the host's.
    let output = bed.output("c1");
    let (pid, count) = output.trim().split_once(' ').unwrap();
    assert_eq!(pid, "2");
    assert!(count.parse::<u32>().unwrap() <= 5, "{output}");
    assert!(!fs::exists("/mnt/inside").unwrap());
}

#[tokio::test]
async fn resources_become_the_cgroups_limits() {
    if !is_root() {
        return;
    }
    let bed = Bed::new(LauncherKind::Linux, |settings| {
        settings.cgroups_enable_cfs = true;
        settings.pids_limit = Some(50);
    })
    .await;
    let disk = Some(1 << 30);
    let resources = ContainerResources { cpus: 0.25, mem: 48 << 20, disk, cpu_limit: None, mem_limit: None };

    bed.native.launch(ContainerConfig { resources, ..bed.shell("c1", "exec sleep 1234") }).await.unwrap();

    assert_eq!(bed.cgroup_file("cpu", "c1", "cpu.shares"), "256");
    assert_eq!(bed.cgroup_file("cpu", "c1", "cpu.cfs_period_us"), "100000");
    assert_eq!(bed.cgroup_file("cpu", "c1", "cpu.cfs_quota_us"), "25000");
    assert_eq!(bed.cgroup_file("memory", "c1", "memory.soft_limit_in_bytes"), (48 << 20).to_string());
    assert_eq!(bed.cgroup_file("memory", "c1", "memory.limit_in_bytes"), (48 << 20).to_string());
    // Two of them are the launch helper and the init of the namespace.
    assert_eq!(bed.cgroup_file("pids", "c1", "pids.max"), "52");
    for controller in ["cpu", "cpuacct", "memory", "pids", "freezer"] {
        assert_eq!(bed.cgroup_file(controller, "c1", "cgroup.procs").lines().count(), 3, "{controller}");
    }
    bed.native.destroy("c1").await.unwrap();
}

#[tokio::test]
async fn an_update_raises_memory_and_never_lowers_it() {
    if !is_root() {
        return;
    }
    let bed = Bed::linux().await;
    bed.native.launch(bed.shell("c1", "sleep 1234")).await.unwrap();
    let resources = |mem, cpus| ContainerResources { cpus, mem, ..Default::default() };

    bed.native.update("c1", resources(128 << 20, 2.0)).await.unwrap();
    bed.native.update("c1", resources(40 << 20, 1.0)).await.unwrap();

    assert_eq!(bed.cgroup_file("memory", "c1", "memory.limit_in_bytes"), (128 << 20).to_string());
    assert_eq!(bed.cgroup_file("memory", "c1", "memory.soft_limit_in_bytes"), (40 << 20).to_string());
    assert_eq!(bed.cgroup_file("cpu", "c1", "cpu.shares"), "1024");
    bed.native.destroy("c1").await.unwrap();
}

#[tokio::test]
async fn an_update_raises_memory_and_swap_together() {
    if !is_root() {
        return;
    }
    if !fs::exists("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes").unwrap() {
        return eprintln!("skipped: needs a kernel that accounts for swap");
    }
    let bed = Bed::new(LauncherKind::Linux, |settings| settings.cgroups_limit_swap = true).await;
    bed.native.launch(bed.shell("c1", "sleep 1234")).await.unwrap();

    for mem in [128 << 20, 256 << 20] {
        bed.native.update("c1", ContainerResources { cpus: 1.0, mem, ..Default::default() }).await.unwrap();

        for file in ["memory.limit_in_bytes", "memory.memsw.limit_in_bytes"] {
            assert_eq!(bed.cgroup_file("memory", "c1", file), mem.to_string(), "{file}");
        }
    }
    bed.native.destroy("c1").await.unwrap();
}

#[tokio::test]
async fn an_explicit_cpu_limit_sets_the_quota_without_the_flag() {
    if !is_root() {
        return;
    }
    let bed = Bed::linux().await;
    let resources = ContainerResources {
        cpus: 0.1,
        mem: 64 << 20,
        cpu_limit: Some(Limit::At(0.2)),
        ..Default::default()
    };
    let config = ContainerConfig { resources, ..bed.shell("c1", "while :; do :; done") };
    bed.native.launch(config).await.unwrap();

    assert_eq!(bed.cgroup_file("cpu", "c1", "cpu.cfs_quota_us"), "20000");
    eventually("throttled", || !bed.cgroup_file("cpu", "c1", "cpu.stat").contains("nr_throttled 0")).await;
    let usage = bed.native.usage("c1").await.unwrap();
    assert!(usage.cpus_nr_throttled > Some(0) && usage.cpus_limit == Some(0.2), "{usage:?}");
    bed.native.destroy("c1").await.unwrap();
}

#[tokio::test]
async fn using_more_memory_than_allowed_ends_the_container_with_the_reason() {
    if !is_root() {
        return;
    }
    let bed = Bed::linux().await;
    let resources = ContainerResources { cpus: 0.5, mem: 32 << 20, ..Default::default() };
    // A shell variable of 128 MB; the shell itself would survive as a parent, and must not.
    let line = "sh -c 'x=$(head -c 128000000 /dev/zero | tr \"\\0\" x); echo ${#x}'; sleep 1234";

    let termination = bed.run(ContainerConfig { resources, ..bed.shell("c1", line) }).await;

    let limitation = termination.limitation.expect("a limitation");
    assert_eq!(limitation.reason, LimitationReason::Memory);
    assert!(limitation.message.starts_with("memory limit of 32 MB exceeded: most used 3"), "{limitation:?}");
    assert!(limitation.message.contains("total_rss"));
    assert_eq!(bed.output("c1"), "");
    assert!(!bed.has_cgroup("c1"));
}

#[tokio::test]
async fn a_command_killed_for_memory_ends_with_the_reason_too() {
    if !is_root() {
        return;
    }
    let bed = Bed::linux().await;
    let resources = ContainerResources { cpus: 0.5, mem: 32 << 20, ..Default::default() };
    let line = "exec dd if=/dev/zero of=/dev/null bs=200M count=1";

    let termination = bed.run(ContainerConfig { resources, ..bed.shell("c1", line) }).await;

    assert_eq!(termination.signal(), Some(libc::SIGKILL), "{termination:?}");
    assert_eq!(termination.limitation.unwrap().reason, LimitationReason::Memory);
}

#[tokio::test]
async fn a_fork_bomb_hits_its_own_limit() {
    if !is_root() {
        return;
    }
    let bed = Bed::new(LauncherKind::Linux, |settings| settings.pids_limit = Some(10)).await;
    let line = "i=0; while [ $i -lt 30 ]; do sleep 1234 & i=$((i+1)); done; echo all of them";

    let termination = bed.run(bed.shell("c1", line)).await;

    assert_ne!(termination.exit_code(), Some(0));
    assert_eq!(bed.output("c1"), "");
    let errors = fs::read_to_string(bed.sandbox("c1").join("stderr")).unwrap();
    assert!(errors.to_lowercase().contains("fork"), "{errors}");
}

#[tokio::test]
async fn a_sandbox_larger_than_its_disk_ends_the_container_if_that_is_enforced() {
    let bed = Bed::new(LauncherKind::detect(), |settings| {
        settings.enforce_container_disk_quota = true;
        settings.container_disk_watch_interval = Duration::from_millis(10);
    })
    .await;
    let resources =
        ContainerResources { cpus: 0.5, mem: 64 << 20, disk: Some(1 << 20), ..Default::default() };
    let line = "head -c 3000000 /dev/zero > big; sleep 1234";

    let termination = bed.run(ContainerConfig { resources, ..bed.shell("c1", line) }).await;

    let limitation = termination.limitation.expect("a limitation");
    assert_eq!(limitation.reason, LimitationReason::Disk);
    // The file may still be growing when it is looked at.
    let exceeded = "disk limit of 1 MB exceeded: the sandbox holds ";
    assert!(limitation.message.starts_with(exceeded), "{}", limitation.message);
}

#[tokio::test]
async fn one_container_s_end_leaves_the_others_alone() {
    if !is_root() {
        return;
    }
    let bed = Bed::linux().await;
    bed.native.launch(bed.shell("c1", "sleep 1234")).await.unwrap();
    bed.native.launch(bed.shell("c2", "sleep 1234")).await.unwrap();

    bed.native.destroy("c1").await.unwrap();

    assert!(bed.native.usage("c2").await.unwrap().processes > Some(1));
    assert_eq!(bed.native.destroy("c2").await.unwrap().unwrap().signal(), Some(libc::SIGKILL));
}
