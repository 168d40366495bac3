//! What this machine has to offer when the operator does not say.

use std::{fs, io, path::Path};

use nix::sys::statvfs::statvfs;

/// Resources of this machine, as much as the agent offers by default.
#[derive(Clone, Debug, PartialEq)]
pub struct Detected {
    pub cpus: f64,
    /// Megabytes.
    pub mem: u64,
    /// Megabytes.
    pub disk: u64,
    /// First and last port of the one range.
    pub ports: (u64, u64),
}

const GB: u64 = 1024;
/// Offered where the machine does not tell.
const UNKNOWN: Detected = Detected { cpus: 1.0, mem: GB, disk: 10 * GB, ports: (31_000, 32_000) };

/// Logical CPUs, memory and the file system of `work_dir`, each less what the system itself needs. Blocks shortly.
pub fn detect(work_dir: &Path) -> Detected {
    Detected {
        cpus: logical_cpus().unwrap_or(UNKNOWN.cpus),
        mem: total_memory().map_or(UNKNOWN.mem, offered_memory),
        disk: total_disk(work_dir).map_or(UNKNOWN.disk, offered_disk),
        ports: UNKNOWN.ports,
    }
}

/// All but 1 GB, or half of a small machine's.
fn offered_memory(total: u64) -> u64 {
    if total >= 2 * GB { total - GB } else { total / 2 }
}

/// All but 5 GB, or half of a small disk.
fn offered_disk(total: u64) -> u64 {
    if total >= 10 * GB { total - 5 * GB } else { total / 2 }
}

fn logical_cpus() -> Option<f64> {
    // SAFETY: plain system call.
    let count = unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) };
    (count > 0).then_some(count as f64)
}

fn total_memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes / 1024)
}

fn total_disk(path: &Path) -> io::Result<u64> {
    let stat = statvfs(path)?;
    Ok(stat.blocks() * stat.fragment_size() / (1024 * 1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_machines_offer_half() {
        assert_eq!(offered_memory(2 * GB - 1), GB - 1);
        assert_eq!(offered_memory(16 * GB), 15 * GB);
        assert_eq!(offered_disk(8 * GB), 4 * GB);
        assert_eq!(offered_disk(100 * GB), 95 * GB);
    }

    #[test]
    fn this_machine_has_something_to_offer() {
        let detected = detect(Path::new("/"));

        assert!(detected.cpus >= 1.0 && detected.mem > 0 && detected.disk > 0, "{detected:?}");
        assert_eq!(detected.ports, (31_000, 32_000));
    }

    #[test]
    fn a_missing_work_directory_falls_back() {
        assert_eq!(detect(Path::new("/nonexistent")).disk, 10 * GB);
    }
}
