//! Step tests of the scheduler calls.

use expect_test::expect;
use tepui_proto::v1::TaskState;

use crate::cluster::{cluster, task};

#[test]
fn a_task_runs_and_ends() {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024").framework("web");

    cluster.allocate();
    cluster.launch("web", "m-O0", vec![task("t1", "cpus:1; mem:128")]);
    cluster.update("a1", "web", "t1", TaskState::TaskRunning, 1);
    cluster.acknowledge("web", "a1", "t1", 1);
    cluster.update("a1", "web", "t1", TaskState::TaskFinished, 2);
    cluster.acknowledge("web", "a1", "t1", 2);

    expect![[r#"
        stream 1 <- OFFERS m-O0 on m-S0 (cpus:4; mem:1024)
        slave(1)@10.0.0.1:5051 <- RunTask t1 (cpus(allocated: *):1; mem(allocated: *):128)
        allocator <- f0 launched cpus(allocated: *):1; mem(allocated: *):128 on a0
        allocator <- recovered offered cpus(allocated: *):3; mem(allocated: *):896 on a0 from f0, refused for 5secs
        request 2 <- 202
        stream 1 <- UPDATE t1 TASK_RUNNING on m-S0, to acknowledge
        slave(1)@10.0.0.1:5051 <- Acknowledgement of t1
        request 3 <- 202
        stream 1 <- UPDATE t1 TASK_FINISHED on m-S0, to acknowledge
        allocator <- recovered used cpus(allocated: *):1; mem(allocated: *):128 on a0 from f0
        slave(1)@10.0.0.1:5051 <- Acknowledgement of t1
        request 4 <- 202
    "#]].assert_eq(&cluster.effects());
}
