//! What the machine does, under the names of libprocess.

use nix::sys::sysinfo::sysinfo;
use nix::unistd::{SysconfVar, sysconf};

/// Load averages, processors, and memory in bytes. What the kernel does not say is left out.
pub(super) fn figures() -> Vec<(&'static str, f64)> {
    let mut figures = Vec::new();
    if let Ok(Some(processors)) = sysconf(SysconfVar::_NPROCESSORS_ONLN) {
        figures.push(("system/cpus_total", processors as f64));
    }
    if let Ok(info) = sysinfo() {
        let (one, five, fifteen) = info.load_average();
        figures.extend([
            ("system/load_1min", one),
            ("system/load_5min", five),
            ("system/load_15min", fifteen),
            ("system/mem_total_bytes", info.ram_total() as f64),
            ("system/mem_free_bytes", info.ram_unused() as f64),
        ]);
    }
    figures
}
