//! Who a container runs as.

use std::{fs, os::unix::fs::MetadataExt};

use tepui_agent::containerizer::ContainerConfig;

use crate::bed::{Bed, is_root};

#[tokio::test]
async fn a_container_runs_as_its_user_and_nothing_more() {
    if !is_root() {
        return;
    }
    for bed in [Bed::posix().await, Bed::linux().await] {
        let config = bed.shell("c1", "id -u; id -g; id -G; cat /etc/shadow");

        let termination = bed.run(ContainerConfig { user: Some("nobody".into()), ..config }).await;

        let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap();
        let (uid, gid) = (nobody.uid.as_raw(), nobody.gid.as_raw());
        assert_eq!(bed.output("c1"), format!("{uid}\n{gid}\n{gid}\n"));
        assert_ne!(termination.exit_code(), Some(0));
        let output = fs::metadata(bed.sandbox("c1").join("stdout")).unwrap();
        assert_eq!((output.uid(), output.gid()), (uid, gid));
    }
}

#[tokio::test]
async fn an_unknown_user_is_refused() {
    let bed = Bed::posix().await;
    let config = bed.shell("c1", "exit 0");

    let error =
        bed.native.launch(ContainerConfig { user: Some("nosuchuser".into()), ..config }).await.unwrap_err();

    assert_eq!(error.to_string(), "user `nosuchuser` does not exist on this machine");
    assert!(bed.native.containers().is_empty());
}
