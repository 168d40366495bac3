//! The words that people read, and the cases that laws do not name.

use expect_test::expect;
use tepui_proto::v1;
use v1::resource::disk_info::{Persistence as WirePersistence, Source};
use v1::resource::{DiskInfo as WireDiskInfo, ReservationInfo, RevocableInfo, SharedInfo};

use super::*;
use crate::Role;

fn role(text: &str) -> Role {
    Role::parse(text).unwrap()
}

fn parse(text: &str) -> Resources {
    Resources::parse(text, &Role::star()).unwrap()
}

fn scalar(name: &str, value: f64) -> v1::Resource {
    v1::Resource { name: name.to_owned(), scalar: Some(v1::value::Scalar { value }), ..Default::default() }
}

fn pre_format(mut resource: v1::Resource, role: &str) -> v1::Resource {
    wire::set_role(&mut resource, role);
    resource
}

fn reserved(mut resource: v1::Resource, stack: &[(i32, &str)]) -> v1::Resource {
    let info = |&(kind, role): &(i32, &str)| ReservationInfo {
        r#type: Some(kind),
        role: Some(role.to_owned()),
        ..Default::default()
    };
    resource.reservations = stack.iter().map(info).collect();
    resource
}

fn volume(id: &str, mb: f64) -> v1::Resource {
    let persistence = WirePersistence { id: id.to_owned(), principal: None };
    let disk = WireDiskInfo { persistence: Some(Box::new(persistence)), ..Default::default() };
    reserved(v1::Resource { disk: Some(Box::new(disk)), ..scalar("disk", mb) }, &[(1, "eng")])
}

fn mount(mb: f64) -> v1::Resource {
    let mut source = Source::default();
    source.set_type(v1::resource::disk_info::source::Type::Mount);
    source.mount = Some(v1::resource::disk_info::source::Mount { root: Some("/mnt".to_owned()) });
    let disk = WireDiskInfo { source: Some(Box::new(source)), ..Default::default() };
    v1::Resource { disk: Some(Box::new(disk)), ..scalar("disk", mb) }
}

fn sum(wire: &[v1::Resource]) -> Resources {
    Resources::from_wire(wire).unwrap()
}

#[test]
fn resources_print_as_mesos_prints_them() {
    let eng = parse("cpus(eng):1; mem:512");
    let shared = sum(&[v1::Resource { shared: Some(SharedInfo {}), ..volume("v", 64.0) }]);
    let revocable = sum(&[v1::Resource { revocable: Some(RevocableInfo {}), ..scalar("cpus", 0.5) }]);
    let refined = sum(&[reserved(scalar("cpus", 1.0), &[(1, "a"), (2, "a/b")])]);
    let lines = [
        parse("ports:[31000-32000];mem:1024;cpus:4;set:{b, a}"),
        eng.clone(),
        eng.allocated_to(&role("eng")),
        shared.clone() + &shared,
        revocable,
        refined,
        sum(&[mount(10.0)]),
        Resources::new(),
    ];

    let text: Vec<_> = lines.iter().map(Resources::to_string).collect();
    expect![[r#"
        cpus:4; mem:1024; ports:[31000-32000]; set:{a, b}
        cpus(reservations: [(STATIC,eng)]):1; mem:512
        cpus(allocated: eng)(reservations: [(STATIC,eng)]):1; mem(allocated: eng):512
        disk(reservations: [(STATIC,eng)])[v]<SHARED>:64<2>
        cpus{REV}:0.5
        cpus(reservations: [(STATIC,a),(DYNAMIC,a/b)]):1
        disk[MOUNT:/mnt]:10
        {}"#]]
    .assert_eq(&text.join("\n"));
}

#[test]
fn an_invalid_resource_is_refused_in_the_words_of_mesos() {
    let ranges = |list: &[(u64, u64)]| {
        let range = list.iter().map(|&(begin, end)| v1::value::Range { begin, end }).collect();
        v1::Resource {
            name: "ports".to_owned(),
            r#type: v1::value::Type::Ranges.into(),
            ranges: Some(Box::new(v1::value::Ranges { range })),
            ..Default::default()
        }
    };
    let set = v1::value::Set { item: vec!["a".to_owned(), "a".to_owned()] };
    let dynamic = |resource: v1::Resource, info: ReservationInfo| v1::Resource {
        reservation: Some(Box::new(info)),
        ..resource
    };
    let disk = volume("v", 1.0).disk;
    let bad = [
        scalar("", 1.0),
        scalar("cpus", -1.0),
        scalar("cpus", 0.0001),
        scalar("cpus", f64::NAN),
        scalar("cpus", 1e300),
        v1::Resource { scalar: None, ..scalar("cpus", 1.0) },
        v1::Resource { r#type: v1::value::Type::Text.into(), ..scalar("cpus", 1.0) },
        v1::Resource { r#type: 77, ..scalar("cpus", 1.0) },
        ranges(&[(2, 1)]),
        ranges(&[(1, 5), (5, 6)]),
        v1::Resource {
            r#type: v1::value::Type::Set.into(),
            scalar: None,
            set: Some(Box::new(set)),
            ..scalar("names", 1.0)
        },
        v1::Resource { disk: disk.clone(), ..scalar("cpus", 1.0) },
        pre_format(scalar("cpus", 0.1), "a b"),
        dynamic(scalar("cpus", 0.1), ReservationInfo::default()),
        dynamic(
            pre_format(scalar("cpus", 0.1), "eng"),
            ReservationInfo { r#type: Some(2), ..Default::default() },
        ),
        reserved(scalar("cpus", 0.1), &[(1, "*")]),
        reserved(scalar("cpus", 0.1), &[(0, "a")]),
        reserved(scalar("cpus", 0.1), &[(1, "a"), (1, "a/b")]),
        reserved(scalar("cpus", 0.1), &[(1, "a"), (2, "b")]),
        pre_format(reserved(scalar("cpus", 0.1), &[(1, "a")]), "b"),
        pre_format(reserved(scalar("cpus", 0.1), &[(2, "a")]), "a"),
        pre_format(reserved(scalar("cpus", 0.1), &[(1, "a"), (2, "a/b")]), "a"),
        v1::Resource { shared: Some(SharedInfo {}), ..scalar("cpus", 0.1) },
        v1::Resource { shared: Some(SharedInfo {}), ..scalar("disk", 0.1) },
        v1::Resource { revocable: Some(RevocableInfo {}), ..volume("v", 1.0) },
    ];

    let why: Vec<_> = bad.iter().map(|wire| Resource::from_wire(wire).unwrap_err().to_string()).collect();
    expect![[r#"
        Resource ':1' is invalid: Empty resource name
        Resource 'cpus:-1' is invalid: Invalid scalar resource: value <= 0
        Resource 'cpus:0' is invalid: Invalid scalar resource: value <= 0
        Resource 'cpus:NaN' is invalid: Invalid scalar resource: value is not a number
        Resource 'cpus:1000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000' is invalid: Invalid scalar resource: value > 9007199254740
        Resource 'cpus:0' is invalid: Invalid scalar resource
        Resource 'cpus:<text>' is invalid: Unsupported resource type
        Resource 'cpus:1' is invalid: Invalid resource type
        Resource 'ports:[2-1]' is invalid: Invalid ranges resource: begin > end
        Resource 'ports:[1-5, 5-6]' is invalid: Invalid ranges resource: overlapping ranges
        Resource 'names:{a, a}' is invalid: Invalid set resource: duplicated elements
        Resource 'cpus:1' is invalid: DiskInfo should not be set for cpus resource
        Resource 'cpus:0.1' is invalid: Role component 'a b' is invalid because it contains backspace or whitespace
        Resource 'cpus:0.1' is invalid: Invalid reservation: role "*" cannot be dynamically reserved
        Resource 'cpus:0.1' is invalid: 'Resource.ReservationInfo.type' must not be set for the 'Resource.reservation' field
        Resource 'cpus:0.1' is invalid: Invalid reservation: role "*" cannot be reserved
        Resource 'cpus:0.1' is invalid: Unsupported 'Resource.ReservationInfo.Type'
        Resource 'cpus:0.1' is invalid: Invalid refined reservation: A refined reservation cannot be STATIC
        Resource 'cpus:0.1' is invalid: Invalid refined reservation: role 'b' is not a refinement of 'a'
        Resource 'cpus:0.1' is invalid: Invalid resource format: 'Resource.role' field with 'b' does not match the role 'a' in 'Resource.reservations'
        Resource 'cpus:0.1' is invalid: Invalid resource format: 'Resource.role' and 'Resource.reservation' must either be both set or both not set if the single reservation in 'Resource.reservations' is DYNAMIC
        Resource 'cpus:0.1' is invalid: Invalid resource format: 'Resource.role' must not be set if there is more than one reservation in 'Resource.reservations'
        Resource 'cpus:0.1' is invalid: Resource cpus cannot be shared
        Resource 'disk:0.1' is invalid: Only persistent volumes can be shared
        Resource 'disk:1' is invalid: Revocable resources cannot be reserved or made into a persistent volume"#]]
    .assert_eq(&why.join("\n"));
}

#[test]
fn a_bad_flag_names_the_offending_part() {
    let why = |text: &str| Resources::parse(text, &Role::star()).unwrap_err().to_string();
    let bad = [
        "cpus",
        "cpus:1:2",
        "cpus(eng:1",
        "cpus)x(:1",
        "cpus(a b):1",
        "cpus:many",
        "cpus:[1-2",
        "ports:[9-2]",
        ":4",
        "cpus:1;cpus:[1-2]",
        "[{\"name\":\"cpus\"}]",
        "[{",
        r#"[{"name":"cpus","type":"SCALAR","scalar":{"value":-1}}]"#,
        r#"[{"name":"cpus","type":"SCALAR","scalar":{"value":1},"revocable":{}}]"#,
        r#"[{"name":"cpus","type":"SCALAR","scalar":{"value":1},"role":"eng","reservation":{}}]"#,
    ];

    let text: Vec<_> = bad.iter().map(|flag| why(flag)).collect();
    expect![[r#"
        bad value for resources, missing or extra ':' in 'cpus'; write name:value, such as cpus:4
        bad value for resources, missing or extra ':' in 'cpus:1:2'; write name:value, such as cpus:4
        bad value for resources, mismatched parentheses in 'cpus(eng:1'; write name(role):value, such as cpus(web):4
        bad value for resources, mismatched parentheses in 'cpus)x(:1'; write name(role):value, such as cpus(web):4
        bad role in 'cpus(a b):1': Role component 'a b' is invalid because it contains backspace or whitespace
        bad type for resource cpus: 'many' is neither a number, nor [ranges], nor a {set}
        failed to parse resource cpus value '[1-2': mismatched brackets
        failed to parse resource ports value '[9-2]': range '9-2' ends before it begins
        empty resource name in ':4'
        resources with the same name ('cpus') but different types are not allowed
        some JSON resources were not formatted properly: element 0: Missing required fields: type
        some JSON resources were not formatted properly: EOF while parsing an object at line 1 column 2
        Resource 'cpus:-1' is invalid: Invalid scalar resource: value <= 0
        'cpus{REV}:1' cannot be specified at the command line: revocable resources come about at run time only
        'cpus(reservations: [(DYNAMIC,eng)]):1' cannot be specified at the command line: dynamic reservations come about at run time only"#]].assert_eq(&text.join("\n"));
}

#[test]
fn a_flag_without_roles_is_reserved_to_the_default_role() {
    let web = role("web");
    let text = Resources::parse("cpus:1;mem(eng):64;ports(*):[1-2]", &web).unwrap();
    let json = Resources::parse(
        r#"[{"name":"cpus","type":"SCALAR","scalar":{"value":1}},
            {"name":"mem","type":"SCALAR","scalar":{"value":64},"role":"eng"},
            {"name":"ports","type":"RANGES","ranges":{"range":[{"begin":1,"end":2}]},"role":"*"}]"#,
        &web,
    );

    assert_eq!(json.unwrap(), text);
    assert_eq!(text.reserved_to(&web).cpus(), Scalar::from_units(1));
    assert_eq!(text.unreserved(), parse("ports:[1-2]"));
}

#[test]
fn exclusive_disks_and_volumes_are_taken_whole_or_not_at_all() {
    let disks = sum(&[mount(10.0), mount(10.0), volume("v", 5.0)]);

    assert_eq!(disks.iter().count(), 3);
    assert!(disks.contains(&sum(&[mount(10.0), mount(10.0)])));
    assert!(!disks.contains(&sum(&[mount(10.0), mount(10.0), mount(10.0)])));
    assert!(!disks.contains(&sum(&[mount(4.0)])));
    assert!(!disks.contains(&sum(&[volume("v", 4.0)])));
    assert_eq!(&disks - &sum(&[mount(4.0)]), disks);
    assert_eq!(&disks - &sum(&[mount(10.0)]), sum(&[mount(10.0), volume("v", 5.0)]));
    assert_eq!(disks.shrink(&ResourceQuantities::parse("disk:14").unwrap()), sum(&[mount(10.0)]));
}

#[test]
fn a_shared_volume_counts_its_takers_but_its_space_once() {
    let shared = sum(&[v1::Resource { shared: Some(SharedInfo {}), ..volume("v", 5.0) }]);
    let twice = &shared + &shared;

    assert_eq!(twice.iter().next().unwrap().copies(), 2);
    assert_eq!(twice.disk(), Scalar::from_units(5));
    assert!(twice.contains(&shared) && !shared.contains(&twice));
    assert_eq!(&twice - &shared, shared);
    assert_eq!(twice.to_wire().len(), 2);
}

#[test]
fn finding_prefers_what_is_reserved_and_tells_what_is_missing() {
    let offer = parse("cpus(eng):1;cpus:3;mem:128;ports:[5-9]").allocated_to(&role("eng"));

    let found = offer.find(&parse("cpus:2;mem:32;ports:[6-7]")).unwrap();

    assert_eq!(found, parse("cpus(eng):1;cpus:1;mem:32;ports:[6-7]").allocated_to(&role("eng")));
    assert_eq!(offer.find(&parse("cpus:5;mem:32;ports:[9-10]")), Err(parse("cpus:1;ports:[10-10]")));
}

#[test]
fn a_conversion_needs_what_it_consumes() {
    let total = parse("cpus:4");
    let reserve = |text: &str| Conversion {
        consumed: parse(text),
        converted: parse(text).push_reservation(&Reservation::dynamic(role("eng"), None)).unwrap(),
    };

    assert_eq!(
        total.apply(&reserve("cpus:1")).unwrap().to_string(),
        "cpus:3; cpus(reservations: [(DYNAMIC,eng)]):1"
    );
    assert_eq!(total.apply(&reserve("cpus:5")).unwrap_err().to_string(), "cpus:4 does not contain cpus:5");
}

#[test]
fn formats_differ_in_how_they_tell_reservations() {
    let wire = |resources: &Resources, format| {
        let list = resources.to_wire_as(format).unwrap();
        let list = list.iter().map(tepui_proto::json::to_string);
        list.collect::<Vec<_>>().join("\n")
    };
    let eng = Reservation::dynamic(role("eng"), Some("ops".to_owned()));
    let all = parse("cpus:1;mem(eng):2") + &parse("disk:3").push_reservation(&eng).unwrap();

    let text =
        [Format::PostRefinement, Format::PreRefinement, Format::Endpoint].map(|format| wire(&all, format));
    expect![[r#"
        {"name":"cpus","type":"SCALAR","scalar":{"value":1.0}}
        {"name":"mem","type":"SCALAR","scalar":{"value":2.0},"reservations":[{"type":"STATIC","role":"eng"}]}
        {"name":"disk","type":"SCALAR","scalar":{"value":3.0},"reservations":[{"type":"DYNAMIC","role":"eng","principal":"ops"}]}

        {"name":"cpus","type":"SCALAR","scalar":{"value":1.0},"role":"*"}
        {"name":"mem","type":"SCALAR","scalar":{"value":2.0},"role":"eng"}
        {"name":"disk","type":"SCALAR","scalar":{"value":3.0},"role":"eng","reservation":{"principal":"ops"}}

        {"name":"cpus","type":"SCALAR","scalar":{"value":1.0},"role":"*"}
        {"name":"mem","type":"SCALAR","scalar":{"value":2.0},"role":"eng","reservations":[{"type":"STATIC","role":"eng"}]}
        {"name":"disk","type":"SCALAR","scalar":{"value":3.0},"role":"eng","reservation":{"principal":"ops"},"reservations":[{"type":"DYNAMIC","role":"eng","principal":"ops"}]}"#]].assert_eq(&text.join("\n\n"));

    let refined = sum(&[reserved(scalar("cpus", 1.0), &[(1, "a"), (2, "a/b")])]);
    let refused = refined.to_wire_as(Format::PreRefinement).unwrap_err().to_string();
    assert!(refused.ends_with("which the pre-reservation-refinement format cannot tell"), "{refused}");
}

#[test]
fn quantities_are_read_and_limits_leave_room() {
    let min = ResourceQuantities::parse_alternatives("cpus:0.01|mem:32").unwrap();
    assert_eq!(min.iter().map(ToString::to_string).collect::<Vec<_>>(), ["cpus:0.01", "mem:32"]);
    assert!(parse("mem:32").contains_quantities(&min[1]) && !parse("mem:32").contains_quantities(&min[0]));
    assert!(parse("ports:[1-3]").contains_quantities(&ResourceQuantities::parse("ports:3").unwrap()));
    assert_eq!(
        ResourceQuantities::parse("ports:[1-2]").unwrap_err().to_string(),
        "failed to parse 'ports:[1-2]': only scalar values are allowed"
    );

    let limits: ResourceLimits = [(ResourceName::Cpus, Scalar::from_units(4))].into_iter().collect();
    let used = ResourceQuantities::parse("cpus:3;mem:10").unwrap();
    assert!(limits.contains(&used));
    assert_eq!(limits.remaining(&used).to_string(), "cpus:1");
    assert_eq!(limits.get(&ResourceName::Mem), None);
}

#[test]
fn an_entry_stays_small() {
    // Tens of thousands of agents and hundreds of thousands of tasks hold a handful of entries each.
    assert!(size_of::<Resource>() <= 88, "{}", size_of::<Resource>());
}

#[test]
fn no_sender_can_make_sums_slow() {
    let alike: Vec<_> = (1..=10_000).map(|mb| mount(f64::from(mb))).collect();
    assert_eq!(sum(&alike).iter().count(), 10_000);

    let many = vec![scalar("cpus", 1.0); 10_001];
    let refused = Resources::from_wire(&many).unwrap_err().to_string();
    assert_eq!(refused, "Resource 'cpus:1' is invalid: more than 10000 resources in one message");

    let downwards: Ranges = (0..500_000_u64).rev().map(|n| (2 * n, 2 * n)).collect();
    let mut upwards = downwards.clone();
    upwards.subtract(&downwards);
    assert!(upwards.is_empty());
}
