//! Required fields are required, on the wire as in JSON, and errors say which are missing.

use prost::Message;
use tepui_proto::{
    json, mesos, v1,
    wire::{self, DecodeError},
};

fn missing<M: tepui_proto::Described>(bytes: &[u8]) -> Vec<String> {
    match wire::decode::<M>(bytes) {
        Err(DecodeError::Missing { fields, .. }) => fields,
        other => panic!("{:?}", other.err()),
    }
}

/// A length-delimited field.
fn nested(number: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    prost::encoding::encode_varint(content.len() as u64, &mut bytes);
    bytes.extend_from_slice(content);
    bytes
}

#[test]
fn an_empty_message_lacks_its_required_fields_in_order() {
    assert_eq!(missing::<v1::TaskInfo>(b""), ["name", "task_id", "agent_id"]);
    assert_eq!(missing::<v1::FrameworkInfo>(b""), ["user", "name"]);
    assert!(wire::decode::<v1::Filters>(b"").is_ok());
}

#[test]
fn the_path_leads_through_messages_lists_and_maps() {
    // offers.offers[1] is there but empty; its siblings are not complete either.
    let offer = nested(1, &nested(1, b"o"));
    let offers = [nested(1, &offer), nested(1, b"")].concat();
    let event = nested(3, &offers);

    let fields = missing::<v1::scheduler::Event>(&event);
    assert_eq!(
        fields[..3],
        ["offers.offers[0].framework_id", "offers.offers[0].agent_id", "offers.offers[0].hostname"]
    );
    assert_eq!(fields[3], "offers.offers[1].id");

    let guarantee = nested(2, &[nested(1, b"cpus"), nested(2, b"")].concat());
    let config = [nested(1, b"role"), guarantee].concat();
    assert_eq!(missing::<v1::quota::QuotaConfig>(&config), ["guarantees[cpus].value"]);

    // An entry without a value has an empty one.
    let config = [nested(1, b"role"), nested(2, &nested(1, b"mem"))].concat();
    assert_eq!(missing::<v1::quota::QuotaConfig>(&config), ["guarantees[mem].value"]);
}

#[test]
fn the_error_is_worded_as_clients_know_it() {
    let error = wire::decode::<v1::scheduler::Call>(&nested(3, &nested(1, b""))).unwrap_err();

    assert_eq!(
        error.to_string(),
        "Missing required fields: subscribe.framework_info.user, subscribe.framework_info.name"
    );
}

#[test]
fn a_hostile_message_does_not_make_an_endless_error() {
    let tasks: Vec<u8> = (0..1000).flat_map(|_| nested(1, b"")).collect();

    let error = wire::decode::<v1::TaskGroupInfo>(&tasks).unwrap_err();

    let DecodeError::Missing { fields, unlisted, .. } = &error else { panic!("{error:?}") };
    assert_eq!((fields.len(), *unlisted), (16, 2984));
    assert!(error.to_string().ends_with("tasks[5].name, and 2984 more"), "{error}");
}

#[test]
fn a_message_in_two_pieces_is_merged_before_it_is_judged() {
    let pieces = [nested(2, &nested(1, b"")), nested(1, b"unused")].concat();
    assert_eq!(missing::<v1::TaskInfo>(&pieces), ["agent_id"]);

    let start = [0x08, 5];
    let whole = nested(2, &[0x08, 7]);
    let unavailability = [nested(1, &[]), nested(1, &start), whole].concat();
    assert!(wire::decode::<v1::Unavailability>(&unavailability).is_ok());
}

#[test]
fn an_enum_number_that_nobody_knows_leaves_a_required_field_missing() {
    let image = |number| vec![0x08, number];

    assert!(wire::decode::<v1::Image>(&image(2)).is_ok());
    assert_eq!(missing::<v1::Image>(&image(99)), ["type"]);
}

#[test]
fn unknown_fields_and_groups_are_skipped() {
    let group = [0xf3, 0x07, 0x08, 1, 0xfb, 0x07, 0xfc, 0x07, 0xf4, 0x07];
    let unknown =
        [nested(1, b"id"), group.to_vec(), vec![0xa0, 0x06, 1], vec![0xa5, 0x06, 1, 2, 3, 4]].concat();

    assert_eq!(wire::decode::<v1::TaskId>(&unknown).unwrap().value, "id");
    assert_eq!(wire::check("mesos.v1.TaskID", &unknown), Ok(()));
}

#[test]
fn malformed_bytes_are_refused_where_they_stand() {
    let broken: [(&[u8], &str); 8] = [
        (&[0x0a], "it ends inside a number"),
        (&[0x0a, 9, 1], "it ends inside a field"),
        (&[0x0f], "a field has a wire type that does not exist"),
        (&[0x02, 0], "a field has number 0"),
        (&[0x0c], "a group ends that has not begun"),
        (&[0x13, 0x1c], "a group ends with another group's number"),
        (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02], "a number takes more than 64 bits"),
        (&[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], "it ends inside a field"),
    ];
    for (bytes, fault) in broken {
        let error = wire::check("mesos.v1.TaskID", bytes).unwrap_err();
        assert_eq!(error.to_string(), format!("malformed mesos.v1.TaskID: {fault}"));
    }

    let inner = nested(2, &[0x0a, 9]);
    let error = wire::check("mesos.v1.TaskInfo", &inner).unwrap_err();
    assert_eq!(error.to_string(), "malformed mesos.v1.TaskInfo: it ends inside a field in task_id");

    assert!(wire::decode::<v1::TaskId>(&nested(1, b"\xff")).is_err(), "text is UTF-8");
}

#[test]
fn deep_nesting_is_refused() {
    let container = |depth: usize| {
        let mut bytes = nested(1, b"c");
        for _ in 1..depth {
            bytes = [nested(1, b"c"), nested(2, &bytes)].concat();
        }
        bytes
    };

    assert!(wire::decode::<v1::ContainerId>(&container(100)).is_ok());
    let error = wire::check("mesos.v1.ContainerID", &container(101)).unwrap_err();
    assert!(matches!(error, DecodeError::TooDeep { .. }), "{error}");
    assert!(wire::check("mesos.v1.ContainerID", &container(5000)).is_err());

    let groups = vec![0x13; 100_000];
    let error = wire::check("mesos.v1.TaskID", &groups).unwrap_err();
    assert_eq!(error.to_string(), "malformed mesos.v1.TaskID: groups are nested too deep");
}

#[test]
fn messages_are_known_by_their_unversioned_names_too() {
    let update = mesos::scheduler::call::Subscribe {
        framework_info: v1::FrameworkInfo::default(),
        force: Some(true),
        ..Default::default()
    };
    let call = mesos::scheduler::Call { subscribe: Some(Box::new(update)), ..Default::default() };

    assert_eq!(wire::check("mesos.scheduler.Call", &call.encode_to_vec()), Ok(()));
    assert!(wire::check("mesos.SlaveInfo", b"").unwrap_err().to_string().contains("hostname"));
    assert!(wire::check("mesos.executor.Call", b"").unwrap_err().to_string().contains("executor_id"));
    assert!(
        wire::check("mesos.internal.RegisterSlaveMessage", b"").unwrap_err().to_string().contains("slave")
    );
    assert_eq!(wire::check("mesos.internal.PongSlaveMessage", b""), Ok(()));
    assert_eq!(
        wire::check("mesos.internal.Nothing", b""),
        Err(DecodeError::UnknownMessage { name: "mesos.internal.Nothing".to_string() })
    );
}

#[test]
fn json_names_missing_fields_the_same_way() {
    let text =
        br#"{"type": "SUBSCRIBE", "subscribe": {"framework_info": {"name": null}, "suppressed_roles": []}}"#;

    let error = json::from_slice::<v1::scheduler::Call>(text).unwrap_err();

    assert_eq!(
        error.to_string(),
        "Missing required fields: subscribe.framework_info.user, subscribe.framework_info.name"
    );
}

#[test]
fn the_unversioned_scheduler_call_becomes_the_versioned_one() {
    let subscribe = mesos::scheduler::call::Subscribe {
        framework_info: v1::FrameworkInfo { name: "web".into(), ..Default::default() },
        force: Some(false),
        suppressed_roles: vec!["dev".into()],
        offer_constraints: None,
    };
    let call = mesos::scheduler::Call { subscribe: Some(Box::new(subscribe)), ..Default::default() };
    let bytes = call.encode_to_vec();

    let call: v1::scheduler::Call = wire::decode::<mesos::scheduler::Call>(&bytes).unwrap().into();

    let subscribe = call.subscribe.unwrap();
    assert_eq!(subscribe.framework_info.name, "web");
    assert_eq!(subscribe.suppressed_roles, ["dev"]);
}
