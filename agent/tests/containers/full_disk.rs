//! A sandbox without space: its own container and fetches fail and say why; nobody else notices.

use std::{fs, path::PathBuf, time::Duration};

use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
};
use tepui_agent::{
    containerizer::{LauncherKind, Program},
    fetcher::{FetchItem, Fetcher},
};

use crate::bed::{Bed, is_root, shell};

#[test]
fn a_full_sandbox_hurts_only_its_own_container() {
    if !is_root() {
        return;
    }
    // The mount is seen by this thread and those it starts, and goes with them.
    unshare(CloneFlags::CLONE_NEWNS).unwrap();
    let nothing = None::<&str>;
    mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for launcher in [LauncherKind::Posix, LauncherKind::Linux] {
        runtime.block_on(fill(launcher));
    }
}

async fn fill(launcher: LauncherKind) {
    let bed = Bed::new(launcher, |_| {}).await;
    let small = small_disk(&bed);
    bed.native.launch(bed.shell("neighbour", "sleep 1234")).await.unwrap();

    let full = bed.run(shell("full", "head -c 3000000 /dev/zero > big", small.clone())).await;
    let fetched = fetch_into(&small).await;
    let no_file = fill_inodes_and_launch(&bed, &small).await;

    assert_ne!(full.exit_code(), Some(0));
    assert!(fetched.contains("write program in the sandbox: No space left on device"), "{fetched}");
    let stdout = small.join("stdout");
    assert_eq!(no_file, format!("open {}: No space left on device (os error 28)", stdout.display()));
    assert_eq!(bed.run(bed.shell("other", "echo fine")).await.exit_code(), Some(0));
    assert_eq!(bed.output("other"), "fine\n");
    assert!(bed.native.usage("neighbour").await.is_ok());
    bed.native.destroy("neighbour").await.unwrap();
}

fn small_disk(bed: &Bed) -> PathBuf {
    let small = bed.sandbox("small");
    mount(Some("none"), &small, Some("tmpfs"), MsFlags::empty(), Some("size=1m,nr_inodes=20")).unwrap();
    small
}

async fn fetch_into(sandbox: &std::path::Path) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/program", listener.local_addr().unwrap());
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 4096]).await.unwrap();
        // The other side may stop listening half-way.
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n").await;
        let _ = stream.write_all(&vec![7; 2_000_000]).await;
    });
    let program = Program::Path(env!("CARGO_BIN_EXE_tepui-container-init").into());
    let item = FetchItem { uri, executable: false, extract: true, output_file: None };
    let error =
        Fetcher::new(program, Duration::from_secs(20)).fetch(&[item], sandbox, None).await.unwrap_err();
    error.cause.to_string() + ": " + &std::error::Error::source(&error.cause).unwrap().to_string()
}

async fn fill_inodes_and_launch(bed: &Bed, small: &std::path::Path) -> String {
    for entry in fs::read_dir(small).unwrap().flatten() {
        fs::remove_file(entry.path()).unwrap();
    }
    let mut count = 0;
    while fs::write(small.join(format!("file-{count}")), "").is_ok() {
        count += 1;
    }
    let launched = bed.native.launch(shell("no-file", "echo unheard", small.into())).await;
    launched.unwrap_err().to_string()
}
