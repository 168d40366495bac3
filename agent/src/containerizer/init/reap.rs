//! Waiting for the command while passing signals on and reaping whatever is left to us.

use std::{io, mem::MaybeUninit};

/// Blocks every signal: from now on they are fetched by [`main_child`]. A blocked signal is never ignored, not even
/// by the first process of a pid namespace.
pub(super) fn block_signals() {
    set_mask(&all_signals());
}

/// Undoes [`block_signals`] and every disposition, for the command to start from.
pub(super) fn reset_signals() {
    for signal in 1..=libc::SIGRTMAX() {
        // SAFETY: restoring a default has no handler to go wrong; the unchangeable ones just fail.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    // SAFETY: sigemptyset initialises the set.
    let none = unsafe {
        let mut set = MaybeUninit::uninit();
        libc::sigemptyset(set.as_mut_ptr());
        set.assume_init()
    };
    set_mask(&none);
}

/// Reaps children until `child` has ended; signals meant for the container reach it. Returns its wait status.
pub(super) fn main_child(child: i32) -> i32 {
    let signals = all_signals();
    loop {
        if let Some(status) = reap_ended(child) {
            return status;
        }
        // SAFETY: the set is initialised, and no information beyond the number is asked for.
        let signal = unsafe { libc::sigwaitinfo(&signals, std::ptr::null_mut()) };
        if signal > 0 && signal != libc::SIGCHLD {
            // SAFETY: plain system call; `child` is ours and not reaped, so the number is still its own.
            unsafe { libc::kill(child, signal) };
        }
    }
}

/// Reaps what has ended already; the status of `child` if it was among them.
fn reap_ended(child: i32) -> Option<i32> {
    loop {
        let mut status = 0;
        // SAFETY: `status` outlives the call.
        match unsafe { libc::waitpid(-1, &mut status, libc::WNOHANG) } {
            pid if pid == child => return Some(status),
            pid if pid > 0 => {}
            _ => return None,
        }
    }
}

/// Waits for any child to end; false when there is none left.
pub(super) fn any_child() -> bool {
    // SAFETY: a null status is allowed.
    let pid = unsafe { libc::waitpid(-1, std::ptr::null_mut(), 0) };
    pid > 0 || io::Error::last_os_error().kind() == io::ErrorKind::Interrupted
}

/// Ends this process the way `status` says another one did.
pub(super) fn end_like(status: i32) -> ! {
    if libc::WIFSIGNALED(status) {
        reset_signals();
        // SAFETY: plain system calls. The core dump, if any, was the command's to make.
        unsafe {
            libc::prctl(libc::PR_SET_DUMPABLE, 0);
            libc::kill(libc::getpid(), libc::WTERMSIG(status));
        }
    }
    // SAFETY: ends the process without running anything else.
    unsafe { libc::_exit(libc::WEXITSTATUS(status)) }
}

fn all_signals() -> libc::sigset_t {
    // SAFETY: sigfillset initialises the set.
    unsafe {
        let mut set = MaybeUninit::uninit();
        libc::sigfillset(set.as_mut_ptr());
        set.assume_init()
    }
}

fn set_mask(mask: &libc::sigset_t) {
    // SAFETY: the mask is initialised; the old one is not asked for.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, mask, std::ptr::null_mut()) };
}
