//! UPDATE_FRAMEWORK: the call with an answer.

use expect_test::expect;
use tepui_proto::v1::framework_info::capability::Type as Capability;
use tepui_proto::v1::scheduler::call;
use tepui_proto::v1::{FrameworkId, FrameworkInfo};

use crate::cluster::{Cluster, capability, cluster};

fn update(cluster: &mut Cluster, name: &str, info: FrameworkInfo, suppressed: &[&str]) {
    let suppressed_roles = suppressed.iter().map(ToString::to_string).collect();
    cluster.call(name, call::Type::UpdateFramework, |call| {
        let update =
            call::UpdateFramework { framework_info: info, suppressed_roles, offer_constraints: None };
        call.update_framework = Some(Box::new(update));
    });
}

fn of_roles(roles: &[&str]) -> impl FnOnce(&mut FrameworkInfo) {
    move |info| {
        info.capabilities = vec![capability(Capability::MultiRole)];
        info.roles = roles.iter().map(ToString::to_string).collect();
    }
}

#[test]
fn a_changed_description_reaches_allocator_and_agents() {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024").framework("web");

    let renamed = FrameworkInfo { name: "renamed".into(), ..cluster.scheduler("web").info.clone() };
    update(&mut cluster, "web", renamed.clone(), &[]);
    update(&mut cluster, "web", renamed, &[]);

    expect![[r#"
        allocator <- update f0 m-0000 as *
        slave(1)@10.0.0.1:5051 <- UpdateFramework m-0000
        request 2 <- 200
        allocator <- update f0 m-0000 as *
        request 3 <- 200
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn offers_in_a_role_that_is_left_are_rescinded_and_in_a_suppressed_one_kept() {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024").framework_like("web", of_roles(&["a", "b"]));
    cluster.allocate();
    cluster.forget();

    let mut info = cluster.scheduler("web").info.clone();
    update(&mut cluster, "web", info.clone(), &["a", "b"]);
    info.roles = vec!["b".into()];
    update(&mut cluster, "web", info, &[]);

    expect![[r#"
        allocator <- update f0 m-0000 as a (suppressed) b (suppressed)
        request 2 <- 200
        allocator <- update f0 m-0000 as b
        stream 1 <- RESCIND m-O0
        allocator <- recovered offered cpus(allocated: a):4; mem(allocated: a):1024 on a0 from f0
        slave(1)@10.0.0.1:5051 <- UpdateFramework m-0000
        request 3 <- 200
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn what_cannot_change_is_refused_and_nothing_changes() {
    let mut cluster = cluster().framework("web");
    let known = cluster.scheduler("web").info.clone();
    let id = Some(FrameworkId { value: "other".into() });

    let changed = [
        FrameworkInfo { user: "other".into(), ..known.clone() },
        FrameworkInfo { checkpoint: Some(true), ..known.clone() },
        FrameworkInfo { principal: Some("p".into()), ..known.clone() },
        FrameworkInfo { roles: vec!["a".into()], ..known.clone() },
        FrameworkInfo { id, ..known.clone() },
    ];
    for info in changed {
        update(&mut cluster, "web", info, &[]);
    }
    update(&mut cluster, "web", known, &["nobody's"]);

    expect![[r#"
        request 2 <- 400 FrameworkInfo update is not valid: Updating 'FrameworkInfo.user' is unsupported; attempted to update from 'nobody' to 'other'
        request 3 <- 400 FrameworkInfo update is not valid: Updating 'FrameworkInfo.checkpoint' is unsupported; attempted to update from 'false' to 'true'
        request 4 <- 400 FrameworkInfo update is not valid: Changing framework's principal is not allowed.
        request 5 <- 400 Supplied FrameworkInfo is not valid: 'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable
        request 6 <- 400 Failed to validate scheduler::Call: 'framework_id' differs from 'update_framework.framework_info.id'
        request 7 <- 400 'UpdateFramework' call is not valid: Suppressed roles { nobody's } are not contained in the set of roles
    "#]].assert_eq(&cluster.effects());
}

#[test]
fn an_actor_is_told_of_a_refused_update_by_an_error() {
    let mut cluster = cluster().actor_framework("web");

    let other_user = FrameworkInfo { user: "other".into(), ..cluster.scheduler("web").info.clone() };
    update(&mut cluster, "web", other_user, &[]);

    expect![[r#"
        scheduler@10.1.0.1:7000 <- ERROR FrameworkInfo update is not valid: Updating 'FrameworkInfo.user' is unsupported; attempted to update from 'nobody' to 'other'
    "#]].assert_eq(&cluster.effects());
}
