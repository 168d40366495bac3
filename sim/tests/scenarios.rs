//! Small clusters in which one thing goes wrong, and some in which everything does.

use std::time::Duration;

use tepui_sim::{Report, Scenario, World, seed_or};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// A cluster with work under way.
fn busy(seed: u64) -> World {
    let seed = seed_or(seed);
    println!("seed {seed}");
    let mut world = World::new(Scenario { kept_lines: 300, ..Scenario::quiet(seed) });
    world.run_for(2 * MINUTE).unwrap_or_else(|broken| panic!("{broken}"));
    assert!(world.counters().get("tasks begun") > 20, "{}", world.counters());
    world
}

fn finish(world: World) -> Report {
    world.run().unwrap_or_else(|broken| panic!("{broken}"))
}

fn lost_or_worse(report: &Report) -> u64 {
    let bad = ["tasks lost", "tasks gone", "tasks dropped", "tasks failed", "tasks in error", "tasks killed"];
    bad.iter().map(|kind| report.counters.get(kind)).sum()
}

#[track_caller]
fn assert_all_finished(report: &Report) {
    assert_eq!(lost_or_worse(report), 0, "{report}");
    assert_eq!(report.counters.get("tasks finished"), report.counters.get("tasks launched"), "{report}");
}

#[test]
fn without_faults_every_task_finishes() {
    let report = finish(busy(1));

    assert_all_finished(&report);
}

#[test]
fn a_partition_that_ends_in_time_costs_nothing() {
    // A seed with which nothing is launched on an agent while it cannot be reached; that would be lost, as it should.
    let mut world = busy(4);

    for agent in 0..4 {
        world.partition(agent, 40 * SECOND, 10 * SECOND);
    }
    let report = finish(world);

    assert_all_finished(&report);
}

#[test]
fn an_agent_that_was_given_up_comes_back_with_its_tasks() {
    let mut world = busy(3);

    for agent in 0..6 {
        world.partition(agent, 100 * SECOND, 200 * SECOND);
    }
    let report = finish(world);

    // What was launched meanwhile arrives when the agent takes no tasks, and never runs.
    assert_eq!(report.counters.get("tasks begun"), report.counters.get("tasks finished"), "{report}");
}

#[test]
fn a_masters_restart_loses_no_running_task() {
    let mut world = busy(4);

    for _ in 0..3 {
        world.restart_master(8 * SECOND);
        world.run_for(45 * SECOND).unwrap_or_else(|broken| panic!("{broken}"));
    }
    let report = finish(world);

    assert_eq!(report.counters.get("tasks begun"), report.counters.get("tasks finished"), "{report}");
}

#[test]
fn an_agents_restart_loses_no_running_task() {
    let mut world = busy(5);

    for agent in 0..12 {
        world.restart_agent(agent, 3 * SECOND);
    }
    let report = finish(world);

    assert!(report.counters.get("agent restarts") == 12, "{report}");
    assert_eq!(report.counters.get("tasks begun"), report.counters.get("tasks finished"), "{report}");
}

#[test]
fn a_framework_that_fails_over_keeps_its_tasks() {
    let mut world = busy(6);

    for framework in 0..4 {
        world.fail_over(framework);
    }
    let report = finish(world);

    assert_eq!(report.counters.get("tasks begun"), report.counters.get("tasks finished"), "{report}");
}

#[test]
fn a_framework_that_is_torn_down_leaves_nothing_behind() {
    let mut world = busy(7);

    world.tear_down_framework(0);
    world.tear_down_framework(1);
    let report = finish(world);

    assert_eq!(report.counters.get("teardowns"), 2, "{report}");
}

#[test]
fn a_full_disk_loses_nothing_that_was_promised() {
    let mut world = busy(8);

    for agent in 0..12 {
        world.fill_disk(agent, 30 * SECOND);
    }
    let report = finish(world);

    assert!(report.counters.get("checkpoints that failed") > 0, "{report}");
}

#[test]
fn a_lossy_cluster_keeps_its_promises() {
    let first = seed_or(100);
    for seed in first..first + 6 {
        println!("seed {seed}");
        let world = World::new(Scenario { kept_lines: 300, ..Scenario::lossy(seed) });
        println!("{}", finish(world));
    }
}

#[test]
fn in_a_storm_nothing_is_promised_that_is_not_kept() {
    let first = seed_or(200);
    for seed in first..first + 20 {
        println!("seed {seed}");
        finish(World::new(Scenario { kept_lines: 300, ..Scenario::stormy(seed) }));
    }
}

#[test]
fn a_framework_that_an_operator_ends_begins_anew() {
    let mut world = busy(9);

    (0..4).for_each(|framework| world.tear_down_by_operator(framework));
    let report = finish(world);

    assert_eq!(report.counters.get("frameworks that came back too late"), 4, "{report}");
}

#[test]
fn a_registry_that_fails_costs_a_restart_of_the_master() {
    let mut world = busy(10);

    world.fail_registry();
    // A write is due: the agent is given up.
    world.partition(0, 2 * MINUTE, 5 * SECOND);
    let report = finish(world);

    assert_eq!(report.counters.get("abdications"), 1, "{report}");
}

#[test]
fn a_seed_is_a_run() {
    let run =
        |seed| finish(World::new(Scenario { length: 5 * MINUTE, calm: MINUTE, ..Scenario::quiet(seed) }));

    assert_eq!(run(1), run(1));
    assert_ne!(run(1).transcript, run(2).transcript);
}

/// The strongest thing that can be said of a snapshot: nothing that is to come depends on what it leaves out.
#[test]
fn cores_that_are_read_back_go_on_as_if_nothing_had_happened() {
    let first = seed_or(300);
    for seed in first..first + 3 {
        println!("seed {seed}");
        let scenario = || Scenario { kept_lines: 300, ..Scenario::stormy(seed) };
        let undisturbed = finish(World::new(scenario()));

        let mut world = World::new(scenario());
        while world.now() + 7 * SECOND < scenario().length {
            world.run_for(7 * SECOND).unwrap_or_else(|broken| panic!("{broken}"));
            world.read_cores_back();
        }

        assert_eq!(finish(world), undisturbed);
    }
}
