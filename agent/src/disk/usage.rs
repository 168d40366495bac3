//! Measuring. Everything here blocks.

use std::{
    collections::BTreeSet,
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use nix::sys::statvfs::statvfs;

/// Bytes allocated below a path, as `du` counts: links are not followed, a file with several names counts once.
/// What cannot be read, or goes away meanwhile, counts nothing.
pub fn used_below(path: &Path) -> u64 {
    // Of st_blocks, whatever the file system's own blocks are.
    const BLOCK: u64 = 512;
    let mut linked = BTreeSet::new();
    let mut blocks = 0;
    let mut pending: Vec<PathBuf> = vec![path.into()];
    while let Some(path) = pending.pop() {
        let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
        let is_again =
            metadata.nlink() > 1 && !metadata.is_dir() && !linked.insert((metadata.dev(), metadata.ino()));
        if is_again {
            continue;
        }
        blocks += metadata.blocks();
        if metadata.is_dir() {
            let entries = fs::read_dir(&path).into_iter().flatten().flatten();
            pending.extend(entries.map(|entry| entry.path()));
        }
    }
    blocks * BLOCK
}

/// The used part, 0 to 1, of the file system that holds a path, as seen by those who are not root.
pub fn filesystem_usage(path: &Path) -> io::Result<f64> {
    let stat = statvfs(path)?;
    let used = stat.blocks().saturating_sub(stat.blocks_free());
    let usable = used + stat.blocks_available();
    Ok(if usable == 0 { 1.0 } else { used as f64 / usable as f64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hard_links_count_once_and_symbolic_links_are_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let sandbox = directory.path().join("sandbox");
        fs::create_dir(&sandbox).unwrap();
        fs::write(sandbox.join("one"), vec![7; 100_000]).unwrap();
        let alone = used_below(&sandbox);
        fs::write(directory.path().join("outside"), vec![7; 500_000]).unwrap();

        fs::hard_link(sandbox.join("one"), sandbox.join("two")).unwrap();
        std::os::unix::fs::symlink("../outside", sandbox.join("three")).unwrap();

        assert!(alone >= 100_000, "{alone}");
        assert!(used_below(&sandbox) < alone + 10_000, "{}", used_below(&sandbox));
    }

    #[test]
    fn a_missing_path_uses_nothing() {
        assert_eq!(used_below(Path::new("/nonexistent/sandbox")), 0);
    }

    #[test]
    fn a_file_systems_usage_is_a_fraction() {
        let usage = filesystem_usage(Path::new("/")).unwrap();

        assert!((0.0..=1.0).contains(&usage), "{usage}");
    }
}
