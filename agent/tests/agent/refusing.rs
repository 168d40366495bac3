//! What keeps an agent from starting, each in one line.

use std::fs;
use std::net::TcpListener;

use tepui_agent::{Policy, start};

use crate::master::Master;
use crate::site::{Site, run};

async fn why(site: &Site) -> String {
    match start(site.config.clone()).await {
        Ok(_) => panic!("it started"),
        Err(why) => why.to_string(),
    }
}

#[test]
fn a_work_directory_belongs_to_one_agent() {
    run(async {
        let master = Master::start().await;
        let mut site = Site::new(&master);
        let agent = site.start().await;
        site.config.port = 0;

        let why = why(&site).await;

        assert!(why.contains("is in use by another agent (pid "), "{why}");
        assert!(why.contains("--work_dir"), "{why}");
        agent.shutdown().await;
    });
}

#[test]
fn a_port_in_use_is_named() {
    run(async {
        let master = Master::start().await;
        let mut site = Site::new(&master);
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        site.config.port = taken.local_addr().unwrap().port();

        let why = why(&site).await;

        assert!(why.contains(&format!("address 127.0.0.1:{} is in use", site.config.port)), "{why}");
    });
}

#[test]
fn a_changed_agent_is_told_what_changed_and_what_to_do() {
    run(async {
        let mut master = Master::start().await;
        let mut site = Site::new(&master);
        let agent = site.start().await;
        master.admit().await;
        agent.shutdown().await;

        site.config.resources = Some("cpus:8;mem:1024;disk:1024;ports:[31000-32000]".into());
        let why = why(&site).await;
        assert!(why.contains("the resources were 'cpus:4;") && why.contains("are now 'cpus:8;"), "{why}");
        assert!(why.contains("--reconfiguration_policy=additive"), "{why}");
        assert!(!why.contains('\n'), "{why}");

        site.config.reconfiguration_policy = Policy::Additive;
        let agent = site.start().await;
        assert_eq!(master.readmit().await.slave.resources[0].scalar.unwrap().value, 8.0);
        agent.shutdown().await;
    });
}

#[test]
fn a_damaged_checkpoint_ends_a_strict_start_and_is_left_out_otherwise() {
    run(async {
        let mut master = Master::start().await;
        let mut site = Site::new(&master);
        let agent = site.start().await;
        master.admit().await;
        agent.shutdown().await;
        let framework = site.config.work_dir.join("meta/slaves/m-S0/frameworks/f1");
        fs::create_dir_all(&framework).unwrap();
        fs::write(framework.join("framework.info"), "damaged").unwrap();

        let why = why(&site).await;
        assert!(why.contains("framework.info") && why.contains("--no-strict"), "{why}");

        site.config.strict = false;
        let agent = site.start().await;
        assert!(master.readmit().await.frameworks.is_empty());
        agent.shutdown().await;
    });
}

#[test]
fn an_unusable_master_or_resource_is_named() {
    run(async {
        let master = Master::start().await;
        let mut site = Site::new(&master);
        site.config.resources = Some("cpus=4".into());
        assert!(why(&site).await.starts_with("--resources=cpus=4: "));

        site.config.master = "nowhere".into();
        assert!(why(&site).await.starts_with("--master=nowhere: "));
    });
}
