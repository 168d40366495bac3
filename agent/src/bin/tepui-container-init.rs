//! The launch helper alone, as small as it gets: for tests, which have no `tepui` to run themselves from.

fn main() {
    let arguments = std::env::args_os().skip(1);
    if tepui_agent::containerizer::init::asked_for(arguments) {
        tepui_agent::containerizer::init::main();
    }
    eprintln!("this is the launch helper of the agent: it is started by the agent, not by hand");
    std::process::exit(2);
}
