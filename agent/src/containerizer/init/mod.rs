//! The launch helper: what `tepui container init` runs, once per container, single-threaded from start to end.
//!
//! Fd 0 is a socket to the agent. The helper waits there for its launch spec, which the agent sends when the helper
//! is in its cgroups; if the agent is gone first, it ends quietly. The command inherits the socket until its exec:
//! an error text on it is a failed start, end of file a successful one.

mod command;
mod control;
mod namespaces;
mod reap;
pub(crate) mod spec;
mod supervise;

use control::Control;
use spec::Role;

/// What the binary's `main` dispatches on, before anything else happens in the process.
pub const ARGUMENTS: [&str; 2] = ["container", "init"];

/// Whether a command line (without the program's name) asks for the helper.
pub fn asked_for<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> bool {
    let mut arguments = arguments.into_iter();
    ARGUMENTS.iter().all(|expected| arguments.next().is_some_and(|given| given.as_ref() == *expected))
}

/// Runs the helper. Must be called while the process has one thread; further arguments only label it for `ps`.
pub fn main() -> ! {
    // SAFETY: no pointers are involved. It fails only for a leader of a process group, which is apart already.
    unsafe { libc::setsid() };
    close_inherited_files();
    let mut control = Control::from_stdin().unwrap_or_else(|_| std::process::exit(1));
    let spec = match control.receive() {
        Ok(Some(spec)) => spec,
        // Nobody to report to: the agent ended between spawning us and telling us what to run.
        Ok(None) => std::process::exit(1),
        Err(error) => control.fail(&format!("read the launch spec: {error}")),
    };
    match &spec.role {
        Role::Step => command::run(&spec, control),
        Role::Container { status } => supervise::run(&spec, status, control),
    }
}

/// The agent opens its files close-on-exec; whoever started the agent may not have.
fn close_inherited_files() {
    // SAFETY: nothing in this process has opened a file above 2 yet. An old kernel answers ENOSYS, which leaves us
    // where most programs are.
    unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, 0) };
}

#[cfg(test)]
mod tests {
    use super::asked_for;

    #[test]
    fn only_the_exact_words_ask_for_the_helper() {
        assert!(asked_for(["container", "init", "some-id"]));
        assert!(!asked_for(["container"]));
        assert!(!asked_for(["container", "list"]));
    }
}
