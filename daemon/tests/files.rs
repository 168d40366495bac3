//! Sandbox files as the agent shows them.

use std::{fs, os::unix::fs::symlink, path::PathBuf};

use tempfile::TempDir;
use tepui_daemon::files::{Chunk, Files, FilesError, MAX_LENGTH};

/// A sandbox shown as `/sandbox`, with a secret beside it.
fn sandbox() -> (TempDir, PathBuf, Files) {
    let directory = tempfile::tempdir().unwrap();
    let sandbox = directory.path().join("sandbox");
    fs::create_dir_all(sandbox.join("dir")).unwrap();
    fs::write(directory.path().join("secret"), "secret").unwrap();
    fs::write(sandbox.join("stdout"), "0123456789").unwrap();
    let mut files = Files::default();
    files.attach("/sandbox", &sandbox);
    (directory, sandbox, files)
}

fn read(files: &Files, path: &str, offset: i64, length: Option<i64>) -> Result<Chunk, FilesError> {
    files.locate(path)?.read(offset, length)
}

#[test]
fn parts_of_a_file_are_read() {
    let (_directory, _, files) = sandbox();
    let part = |offset, length| {
        let chunk = read(&files, "/sandbox/stdout", offset, length).unwrap();
        (chunk.offset, String::from_utf8(chunk.data).unwrap())
    };

    assert_eq!(part(0, None), (0, "0123456789".into()));
    assert_eq!(part(3, Some(4)), (3, "3456".into()));
    assert_eq!(part(8, Some(100)), (8, "89".into()));
    assert_eq!(part(0, Some(-1)), (0, "0123456789".into()));
    assert_eq!(part(50, None), (50, String::new()));
    assert_eq!(part(-1, None), (10, String::new()));
    assert_eq!(part(i64::MAX, Some(1)), (i64::MAX as u64, String::new()));
}

#[test]
fn one_answer_holds_at_most_sixteen_pages() {
    let (_directory, sandbox, files) = sandbox();
    fs::write(sandbox.join("big"), vec![b'x'; 200_000]).unwrap();

    let chunk = read(&files, "/sandbox/big", 0, Some(150_000)).unwrap();

    assert_eq!(chunk.data.len() as u64, MAX_LENGTH);
}

#[test]
fn nonsense_is_a_bad_request() {
    let (_directory, _, files) = sandbox();
    let message = |result: Result<Chunk, FilesError>| match result {
        Err(FilesError::BadRequest(message)) => message,
        other => panic!("{other:?}"),
    };

    assert_eq!(message(read(&files, "/sandbox/stdout", -2, None)), "`offset` must be -1 or not negative: -2");
    assert_eq!(
        message(read(&files, "/sandbox/stdout", 0, Some(-5))),
        "`length` must be -1 or not negative: -5"
    );
    assert_eq!(message(read(&files, "/sandbox/dir", 0, None)), "/sandbox/dir is not a regular file");
    assert_eq!(message(read(&files, "", 0, None)), "`path` is missing: name a file or directory");
}

#[test]
fn links_that_leave_show_nothing() {
    let (directory, sandbox, files) = sandbox();
    let secret = directory.path().join("secret");
    symlink("../secret", sandbox.join("relative")).unwrap();
    symlink(&secret, sandbox.join("absolute")).unwrap();
    symlink(directory.path(), sandbox.join("outside")).unwrap();
    symlink("/proc/self/root", sandbox.join("magic")).unwrap();
    symlink("loop", sandbox.join("loop")).unwrap();

    for name in
        ["relative", "absolute", "outside/secret", "magic/etc/hostname", "loop", "missing", "stdout/below"]
    {
        let path = format!("/sandbox/{name}");
        assert!(matches!(read(&files, &path, 0, None), Err(FilesError::NotFound(_))), "{name}");
        assert!(files.locate(&path).unwrap().download().is_err(), "{name}");
    }
    assert!(files.locate("/sandbox/outside").unwrap().browse().is_err());
}

#[test]
fn links_that_stay_inside_are_followed() {
    let (_directory, sandbox, files) = sandbox();
    symlink("../stdout", sandbox.join("dir/link")).unwrap();

    assert_eq!(read(&files, "/sandbox/dir/link", 0, None).unwrap().data, b"0123456789");
}

#[test]
fn a_pipe_in_the_sandbox_holds_nobody_up() {
    let (_directory, sandbox, files) = sandbox();
    nix::unistd::mkfifo(&sandbox.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();

    assert!(matches!(read(&files, "/sandbox/pipe", 0, None), Err(FilesError::BadRequest(_))));
}

#[test]
fn a_directory_is_listed_by_name() {
    let (_directory, sandbox, files) = sandbox();
    symlink("../secret", sandbox.join("link")).unwrap();

    let entries = files.locate("/sandbox/").unwrap().browse().unwrap();

    let shown: Vec<_> =
        entries.iter().map(|entry| (entry.path.to_str().unwrap(), entry.mode.as_str())).collect();
    assert_eq!(
        shown,
        [("/sandbox/dir", "drwxr-xr-x"), ("/sandbox/link", "lrwxrwxrwx"), ("/sandbox/stdout", "-rw-r--r--")]
    );
    let stdout = &entries[2];
    assert_eq!((stdout.size, stdout.nlink), (10, 1));
    assert!(stdout.mtime > 1_600_000_000);
    let me = nix::unistd::User::from_uid(nix::unistd::geteuid()).unwrap().unwrap().name;
    assert_eq!(stdout.uid, me);
    let error = files.locate("/sandbox/stdout").unwrap().browse().unwrap_err();
    assert_eq!(error.to_string(), "/sandbox/stdout is not a directory");
}

#[test]
fn a_file_is_downloaded_whole() {
    let (_directory, _, files) = sandbox();
    let location = files.locate("/sandbox/stdout").unwrap();

    let (file, size) = location.download().unwrap();

    assert_eq!((std::io::read_to_string(file).unwrap().as_str(), size), ("0123456789", 10));
    assert_eq!(location.file_name(), "stdout");
}

#[test]
fn a_log_file_and_the_latest_run_are_shown_by_their_own_names() {
    let (directory, sandbox, mut files) = sandbox();
    let latest = directory.path().join("latest");
    symlink(&sandbox, &latest).unwrap();
    files.attach("/slave/log", sandbox.join("stdout"));
    files.attach("/runs/latest", &latest);

    assert_eq!(read(&files, "/slave/log", 8, None).unwrap().data, b"89");
    assert_eq!(read(&files, "/runs/latest/stdout", 8, None).unwrap().data, b"89");
}
