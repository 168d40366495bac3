//! An image for the demo's web servers, made of a busybox that is on this machine: nothing can be pulled for sure.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Where distributions put it.
const BUSYBOX: [&str; 2] = ["/bin/busybox", "/usr/bin/busybox"];

/// The root of the image: busybox, as itself and as the shell.
pub fn root() -> Result<Vec<u8>> {
    let found = BUSYBOX.iter().map(Path::new).find(|path| path.exists());
    let path =
        found.context("there is no /bin/busybox to make an image of (Debian: apt install busybox-static)")?;
    let program = fs::read(path).with_context(|| format!("read {}", path.display()))?;
    let at = path.display();
    ensure!(
        is_static(&program),
        "{at} needs libraries, which the image would not have (Debian: apt install busybox-static)"
    );
    let list = Command::new(path).arg("--list").output().with_context(|| format!("run {at}"))?;
    let serves = String::from_utf8_lossy(&list.stdout).lines().any(|applet| applet == "httpd");
    ensure!(serves, "{at} knows no httpd (Debian: apt install busybox-static)");
    pack(&program).context("pack the image")
}

fn pack(program: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o755);
    header.set_size(program.len() as u64);
    archive.append_data(&mut header, "bin/busybox", program)?;
    for applet in ["sh", "mkdir"] {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        archive.append_link(&mut header, format!("bin/{applet}"), "busybox")?;
    }
    archive.into_inner()
}

/// Whether a 64-bit little-endian ELF file names no interpreter, which would load libraries (elf(5)).
fn is_static(program: &[u8]) -> bool {
    const INTERPRETER: u32 = 3;
    let number = |at: usize, size: usize| {
        let bytes = program.get(at..at.checked_add(size)?)?;
        Some(bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    };
    let read = || {
        let headers = usize::try_from(number(0x20, 8)?).ok()?;
        let (size, count) = (usize::try_from(number(0x36, 2)?).ok()?, number(0x38, 2)?);
        (0..usize::try_from(count).ok()?).map(|index| number(headers.checked_add(index * size)?, 4)).collect()
    };
    let kinds: Option<Vec<u64>> = if program.starts_with(b"\x7fELF\x02\x01") { read() } else { None };
    kinds.is_some_and(|kinds| !kinds.is_empty() && !kinds.contains(&u64::from(INTERPRETER)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of nothing but headers of these kinds.
    fn elf(kinds: &[u32]) -> Vec<u8> {
        let mut file = vec![0; 64 + 56 * kinds.len()];
        file[..6].copy_from_slice(b"\x7fELF\x02\x01");
        file[0x20] = 64;
        file[0x36] = 56;
        file[0x38] = u8::try_from(kinds.len()).unwrap();
        for (index, kind) in kinds.iter().enumerate() {
            file[64 + 56 * index..][..4].copy_from_slice(&kind.to_le_bytes());
        }
        file
    }

    #[test]
    fn a_program_that_names_an_interpreter_is_not_static() {
        assert!(is_static(&elf(&[1, 1, 4])));
        assert!(!is_static(&elf(&[6, 3, 1])));
        assert!(!is_static(b"#!/bin/sh\n"));
        assert!(!is_static(&elf(&[1])[..70].to_vec().split_off(10)));
        let mut truncated = elf(&[1, 1]);
        truncated.truncate(100);
        assert!(!is_static(&truncated));
    }

    #[test]
    fn the_image_has_busybox_and_a_shell() {
        let packed = pack(b"program").unwrap();

        let mut archive = tar::Archive::new(&packed[..]);
        let entries: Vec<_> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let link = entry.link_name().unwrap().map(|link| link.display().to_string());
                (entry.path().unwrap().display().to_string(), link)
            })
            .collect();
        let link = Some("busybox".to_owned());
        assert_eq!(
            entries,
            [
                ("bin/busybox".to_owned(), None),
                ("bin/sh".to_owned(), link.clone()),
                ("bin/mkdir".to_owned(), link)
            ]
        );
    }
}
