//! One master, 1,000 agents, 20 frameworks and everything that goes wrong, for one virtual hour; twice.

use tepui_sim::{Scenario, World, seed_or};

#[test]
fn an_hour_of_a_thousand_agents_is_the_same_twice() {
    let seed = seed_or(1);
    println!("seed {seed} (TEPUI_SEED chooses another)");
    // Side by side: a run is one thread, and test machines have two processors.
    let runs = std::thread::scope(|scope| {
        let run = || World::new(Scenario { kept_lines: 200, ..Scenario::hour(seed) }).run();
        let runs = [scope.spawn(run), scope.spawn(run)];
        runs.map(|run| run.join().expect("no core panics").unwrap_or_else(|broken| panic!("{broken}")))
    });
    let [first, second] = runs;
    println!("{first}");

    assert_eq!(first, second);
}
