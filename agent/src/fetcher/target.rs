//! Where a fetched file goes, and whether it is an archive.

use std::{
    io,
    path::{Component, Path},
};

use super::{FetchCause, FetchItem};

/// A file in the sandbox.
#[derive(Debug, PartialEq)]
pub(super) struct Target {
    /// Relative to the sandbox.
    pub name: String,
}

/// How something is unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Archive {
    Tar,
    Zip,
    Gzip,
}

impl Target {
    pub fn of(item: &FetchItem) -> Result<Target, FetchCause> {
        let name = match &item.output_file {
            Some(name) => checked(name)?,
            None => item.uri.rsplit('/').next().unwrap_or_default(),
        };
        if name.is_empty() || name == "." || name == ".." {
            return Err(FetchCause::NoName);
        }
        Ok(Target { name: name.into() })
    }

    /// As an argument for a program: never an option.
    pub fn argument(&self) -> String {
        format!("./{}", self.name)
    }

    pub fn archive(&self) -> Option<Archive> {
        const TAR: [&str; 7] = [".tar", ".tgz", ".tar.gz", ".tbz2", ".tar.bz2", ".txz", ".tar.xz"];
        if TAR.iter().any(|suffix| self.name.ends_with(suffix)) {
            return Some(Archive::Tar);
        }
        if self.name.ends_with(".zip") {
            return Some(Archive::Zip);
        }
        self.name.ends_with(".gz").then_some(Archive::Gzip)
    }

    pub fn failed(&self, action: &'static str) -> impl Fn(io::Error) -> FetchCause {
        let name = self.name.clone();
        move |cause| FetchCause::Write { action, name: name.clone(), cause }
    }
}

fn checked(name: &str) -> Result<&str, FetchCause> {
    let stays_inside = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    if stays_inside && !name.is_empty() && !name.ends_with('/') && !name.contains('\0') {
        return Ok(name);
    }
    Err(FetchCause::OutputFile(name.escape_debug().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(uri: &str, output_file: Option<&str>) -> Result<String, FetchCause> {
        let output_file = output_file.map(str::to_string);
        let item = FetchItem { uri: uri.into(), executable: false, extract: true, output_file };
        Target::of(&item).map(|target| target.name)
    }

    #[test]
    fn the_name_is_the_uris_last_part_unless_one_is_given() {
        assert_eq!(target("http://host/dir/app.tgz", None).unwrap(), "app.tgz");
        assert_eq!(target("http://host/dir/app", Some("bin/app")).unwrap(), "bin/app");
        assert!(matches!(target("http://host/dir/", None), Err(FetchCause::NoName)));
    }

    #[test]
    fn names_that_leave_the_sandbox_are_refused() {
        for name in ["/etc/passwd", "../up", "a/../../up", "", "dir/", "./a"] {
            assert!(matches!(target("http://host/a", Some(name)), Err(FetchCause::OutputFile(_))), "{name}");
        }
    }

    #[test]
    fn archives_are_known_by_their_suffix() {
        let archive = |name: &str| Target { name: name.into() }.archive();

        for name in ["a.tar", "a.tgz", "a.tar.gz", "a.tbz2", "a.tar.bz2", "a.txz", "a.tar.xz"] {
            assert_eq!(archive(name), Some(Archive::Tar), "{name}");
        }
        assert_eq!(archive("a.zip"), Some(Archive::Zip));
        assert_eq!(archive("a.gz"), Some(Archive::Gzip));
        assert_eq!(archive("a.jar"), None);
    }
}
