//! Fetching into a sandbox: from this machine, over HTTP, with archives good and bad.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use tempfile::TempDir;
use tepui_agent::{
    containerizer::Program,
    fetcher::{FetchError, FetchItem, Fetcher},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

struct Bed {
    directory: TempDir,
    sandbox: PathBuf,
}

impl Bed {
    fn new() -> Bed {
        let directory = tempfile::tempdir().unwrap();
        let sandbox = directory.path().join("sandbox");
        fs::create_dir(&sandbox).unwrap();
        // Another user has to get in.
        fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o755)).unwrap();
        Bed { directory, sandbox }
    }

    /// A directory outside of the sandbox.
    fn source(&self) -> PathBuf {
        let path = self.directory.path().join("source");
        fs::create_dir_all(&path).unwrap();
        path
    }

    async fn fetch(&self, items: &[FetchItem]) -> Result<(), FetchError> {
        self.fetch_as(items, None).await
    }

    async fn fetch_as(&self, items: &[FetchItem], user: Option<&str>) -> Result<(), FetchError> {
        let program = Program::Path(env!("CARGO_BIN_EXE_tepui-container-init").into());
        Fetcher::new(program, Duration::from_millis(500)).fetch(items, &self.sandbox, user).await
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.sandbox.join(name)).unwrap()
    }
}

fn item(uri: impl Into<String>) -> FetchItem {
    FetchItem { uri: uri.into(), executable: false, extract: true, output_file: None }
}

/// An error with everything that caused it, as the agent prints it.
fn text(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", text(cause)),
        None => error.to_string(),
    }
}

fn run(directory: &Path, command: &[&str]) {
    let status = Command::new(command[0]).args(&command[1..]).current_dir(directory).status().unwrap();
    assert!(status.success(), "{command:?}");
}

/// Answers every request with these bytes, then keeps the connection open or closes it.
async fn server(answer: &'static [u8], closes: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut open = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await.unwrap();
            stream.write_all(answer).await.unwrap();
            if !closes {
                open.push(stream);
            }
        }
    });
    format!("http://{address}")
}

#[tokio::test]
async fn files_are_copied_from_this_machine() {
    let bed = Bed::new();
    fs::write(bed.source().join("data"), "content").unwrap();
    let path = bed.source().join("data").display().to_string();
    let elsewhere = FetchItem { output_file: Some("deep/down/here".into()), ..item(&path) };
    let executable = FetchItem { executable: true, output_file: Some("run".into()), ..item(&path) };

    bed.fetch(&[item(&path), item(format!("file://{path}")), elsewhere, executable]).await.unwrap();

    assert_eq!(bed.read("data"), "content");
    assert_eq!(bed.read("deep/down/here"), "content");
    let mode = |name| fs::metadata(bed.sandbox.join(name)).unwrap().permissions().mode() & 0o111;
    assert_eq!((mode("data"), mode("run")), (0, 0o111));
    let log = bed.read("stderr");
    assert!(
        log.starts_with(&format!("Fetching '{path}' into the sandbox\nFetched '{path}' as 'data'\n")),
        "{log}"
    );
}

#[tokio::test]
async fn files_are_downloaded() {
    let bed = Bed::new();
    let server = server(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", true).await;

    bed.fetch(&[item(format!("{server}/some/greeting"))]).await.unwrap();

    assert_eq!(bed.read("greeting"), "hello");
}

#[tokio::test]
async fn archives_are_unpacked_unless_that_is_not_wanted() {
    let bed = Bed::new();
    let source = bed.source();
    fs::create_dir(source.join("dir")).unwrap();
    fs::write(source.join("dir/one"), "1").unwrap();
    fs::write(source.join("two"), "2").unwrap();
    run(&source, &["tar", "-czf", "a.tgz", "dir"]);
    run(&source, &["tar", "-cf", "b.tar", "two"]);
    run(&source, &["gzip", "-k", "two"]);
    fs::write(source.join("three"), "3").unwrap();
    run(&source, &["tar", "-cf", "c.tar", "three"]);
    let uri = |name: &str| source.join(name).display().to_string();
    let kept = FetchItem { extract: false, ..item(uri("c.tar")) };

    bed.fetch(&[item(uri("a.tgz")), item(uri("two.gz")), kept]).await.unwrap();

    assert_eq!(bed.read("dir/one"), "1");
    assert_eq!(bed.read("two"), "2");
    assert!(bed.sandbox.join("a.tgz").exists() && bed.sandbox.join("two.gz").exists());
    assert!(bed.sandbox.join("c.tar").exists() && !bed.sandbox.join("three").exists());
}

#[tokio::test]
async fn zip_archives_are_unpacked_where_the_machine_can() {
    let bed = Bed::new();
    let path = bed.source().join("a.zip");
    fs::write(&path, ZIP).unwrap();
    let path = path.display().to_string();
    let can = Command::new("unzip").arg("-v").output().is_ok();

    let fetched = bed.fetch(&[item(&path)]).await;

    if can {
        fetched.unwrap();
        assert_eq!(bed.read("greeting"), "hi\n");
    } else {
        assert!(text(&fetched.unwrap_err()).contains("execute unzip: there is no such program in"));
    }
}

/// One file `greeting` with `hi`, stored.
const ZIP: &[u8] = b"PK\x03\x04\x0a\0\0\0\0\0\0\0\x21\0\x7a\x7a\x6f\xed\x03\0\0\0\x03\0\0\0\x08\0\0\0greetinghi\n\
PK\x01\x02\x1e\x03\x0a\0\0\0\0\0\0\0\x21\0\x7a\x7a\x6f\xed\x03\0\0\0\x03\0\0\0\x08\0\0\0\0\0\0\0\0\0\0\0\xa4\x81\0\0\0\0greeting\
PK\x05\x06\0\0\0\0\x01\0\x01\0\x36\0\0\0\x29\0\0\0\0\0";

#[tokio::test]
async fn an_archive_cannot_write_outside_the_sandbox() {
    let bed = Bed::new();
    let source = bed.source();
    fs::write(source.join("evil"), "evil").unwrap();
    run(&source, &["tar", "-P", "-cf", "up.tar", "--transform", "s,^,../../,", "evil"]);
    run(&source, &["tar", "-P", "-cf", "link.tar", "--transform", "s,^,way/,", "evil"]);
    let outside = bed.directory.path().join("outside");
    fs::create_dir(&outside).unwrap();
    symlink(&outside, source.join("way")).unwrap();
    run(&source, &["tar", "-rf", "way.tar", "way"]);
    // One archive that brings a link and then writes through it.
    run(&source, &["tar", "-A", "-f", "way.tar", "link.tar"]);
    let uri = |name: &str| source.join(name).display().to_string();

    let _ = bed.fetch(&[item(uri("up.tar"))]).await;
    let _ = bed.fetch(&[item(uri("way.tar"))]).await;

    assert!(!bed.directory.path().join("evil").exists());
    assert_eq!(fs::read_dir(outside).unwrap().count(), 0);
}

#[tokio::test]
async fn a_download_does_not_follow_a_link_that_an_archive_brought() {
    let bed = Bed::new();
    let server = server(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", true).await;
    let outside = bed.directory.path().join("outside");
    fs::create_dir(&outside).unwrap();
    symlink(&outside, bed.sandbox.join("way")).unwrap();
    let through = FetchItem { output_file: Some("way/file".into()), ..item(format!("{server}/file")) };

    let error = bed.fetch(&[through]).await.unwrap_err();

    assert!(text(&error).contains("create the directory of way/file in the sandbox"), "{}", text(&error));
    assert_eq!(fs::read_dir(outside).unwrap().count(), 0);
}

#[tokio::test]
async fn failures_name_the_uri_and_what_was_wrong() {
    let bed = Bed::new();
    let missing = server(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", true).await;
    let silent = server(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome", false).await;
    let cut = server(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome", true).await;
    fs::write(bed.source().join("broken.tar"), "no archive").unwrap();
    let broken = bed.source().join("broken.tar").display().to_string();
    let failure = async |item: FetchItem| text(&bed.fetch(&[item]).await.unwrap_err());

    assert_eq!(
        failure(item(format!("{missing}/a"))).await,
        format!("fetch {missing}/a: the server answered 404 Not Found")
    );
    assert_eq!(
        failure(item(format!("{silent}/a"))).await,
        format!("fetch {silent}/a: no data came for 500ms")
    );
    assert!(failure(item(format!("{cut}/a"))).await.starts_with(&format!("fetch {cut}/a: download: ")));
    assert!(
        failure(item("/no/such/file")).await.contains("fetch /no/such/file: cp exited with status 1: cp: ")
    );
    assert!(
        failure(item(&broken)).await.starts_with(&format!("fetch {broken}: tar exited with status 2: tar: "))
    );
    assert!(failure(item("hdfs://name/a")).await.contains("this scheme is not supported"));
    let up = FetchItem { output_file: Some("../up".into()), ..item("/etc/hostname") };
    assert!(failure(up).await.ends_with("`output_file` must be a relative path without `..`: ../up"));
    assert!(bed.read("stderr").contains("Failed to fetch /no/such/file: cp exited with status 1"));
}

#[tokio::test]
async fn nothing_listening_is_a_failed_download() {
    let bed = Bed::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/a", listener.local_addr().unwrap());
    drop(listener);

    let error = bed.fetch(&[item(&uri)]).await.unwrap_err();

    assert!(text(&error).starts_with(&format!("fetch {uri}: download: ")), "{}", text(&error));
}

#[tokio::test]
async fn what_is_fetched_belongs_to_the_user_and_was_readable_by_them() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: needs root");
        return;
    }
    let bed = Bed::new();
    tepui_agent::sandbox::create(&bed.sandbox, Some("nobody")).unwrap();
    let server = server(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", true).await;
    let downloaded = FetchItem { output_file: Some("new/file".into()), ..item(format!("{server}/file")) };

    bed.fetch_as(&[downloaded, item("/etc/hostname")], Some("nobody")).await.unwrap();
    let error = bed.fetch_as(&[item("/etc/shadow")], Some("nobody")).await.unwrap_err();

    let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap().uid.as_raw();
    for name in ["new", "new/file", "hostname", "stderr"] {
        assert_eq!(fs::metadata(bed.sandbox.join(name)).unwrap().uid(), nobody, "{name}");
    }
    assert!(text(&error).contains("Permission denied"), "{}", text(&error));
}
