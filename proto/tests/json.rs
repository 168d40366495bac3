//! Mesos' JSON: what it looks like, and what it forgives.

use bytes::Bytes;
use std::collections::BTreeMap;
use tepui_proto::{
    Described, internal,
    json::{self, AsJson, FromJson},
    prost_types, v1,
};

fn read<M: Described>(text: &str) -> M {
    json::from_slice(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn refused<M: Described>(text: &str) -> String {
    match json::from_slice::<M>(text.as_bytes()) {
        Ok(_) => panic!("accepted: {text}"),
        Err(error) => error.to_string(),
    }
}

mod output {
    use super::*;

    #[test]
    fn fields_are_in_the_order_of_declaration_and_deprecated_defaults_are_left_out() {
        let resource = v1::Resource {
            name: "cpus".into(),
            r#type: v1::value::Type::Scalar as i32,
            scalar: Some(v1::value::Scalar { value: 1.0 }),
            ..Default::default()
        };
        let framework = v1::FrameworkInfo { user: "root".into(), name: "web".into(), ..Default::default() };

        // `role` of both would be "*" by default, but is deprecated.
        assert_eq!(json::to_string(&resource), r#"{"name":"cpus","type":"SCALAR","scalar":{"value":1.0}}"#);
        assert_eq!(
            json::to_string(&framework),
            r#"{"user":"root","name":"web","failover_timeout":0.0,"checkpoint":false}"#
        );
    }

    #[test]
    fn declared_defaults_are_printed_while_unset() {
        assert_eq!(json::to_string(&v1::Filters::default()), r#"{"refuse_seconds":5.0}"#);
        assert_eq!(json::to_string(&v1::CommandInfo::default()), r#"{"shell":true}"#);
        assert_eq!(json::to_string(&v1::Label { key: "k".into(), value: None }), r#"{"key":"k"}"#);
        assert_eq!(json::to_string(&internal::PongSlaveMessage {}), "{}");
    }

    #[test]
    fn doubles_keep_their_point_and_integers_have_none() {
        let subscribed = v1::scheduler::event::Subscribed {
            framework_id: v1::FrameworkId { value: "f".into() },
            heartbeat_interval_seconds: Some(15.0),
            master_info: None,
        };
        assert_eq!(
            json::to_string(&subscribed),
            r#"{"framework_id":{"value":"f"},"heartbeat_interval_seconds":15.0}"#
        );
        let texts = [0.1, 5.0, 0.0, -2.5, 1e-7, 123456789.25, 4294967295.0]
            .map(|value| json::to_string(&v1::value::Scalar { value }));
        assert_eq!(texts[0], r#"{"value":0.1}"#);
        assert_eq!(texts[1], r#"{"value":5.0}"#);
        assert_eq!(texts[2], r#"{"value":0.0}"#);
        assert_eq!(texts[3], r#"{"value":-2.5}"#);
        assert_eq!(texts[4], r#"{"value":1e-7}"#);
        assert_eq!(texts[5], r#"{"value":123456789.25}"#);
        assert_eq!(texts[6], r#"{"value":4294967295.0}"#);
        let largest = v1::value::Range { begin: 0, end: u64::MAX };
        assert_eq!(json::to_string(&largest), r#"{"begin":0,"end":18446744073709551615}"#);
    }

    #[test]
    fn what_is_no_finite_number_is_a_word() {
        let text = |value| json::to_string(&v1::value::Scalar { value });

        assert_eq!(text(f64::INFINITY), r#"{"value":"Infinity"}"#);
        assert_eq!(text(f64::NEG_INFINITY), r#"{"value":"-Infinity"}"#);
        assert_eq!(text(f64::NAN), r#"{"value":"NaN"}"#);
        assert!(read::<v1::value::Scalar>(&text(f64::NAN)).value.is_nan());
    }

    #[test]
    fn bytes_are_base64_and_maps_are_objects() {
        let status = v1::TaskStatus { uuid: Some(Bytes::from_static(b"\x00\xff\x10")), ..Default::default() };
        assert_eq!(
            json::to_string(&status),
            r#"{"task_id":{"value":""},"state":"TASK_STAGING","uuid":"AP8Q"}"#
        );

        let limits = BTreeMap::from([
            ("cpus".to_string(), v1::value::Scalar { value: 0.0 }),
            ("mem".to_string(), v1::value::Scalar { value: f64::INFINITY }),
        ]);
        let config = v1::quota::QuotaConfig { role: "dev".into(), limits, ..Default::default() };
        assert_eq!(
            json::to_string(&config),
            r#"{"role":"dev","limits":{"cpus":{"value":0.0},"mem":{"value":"Infinity"}}}"#
        );
    }

    #[test]
    fn an_enum_number_that_nobody_knows_is_not_shown() {
        // A newer peer may have more capabilities than we know.
        let capabilities = [
            v1::agent_info::Capability {
                r#type: Some(v1::agent_info::capability::Type::AgentDraining as i32),
            },
            v1::agent_info::Capability { r#type: Some(77) },
        ];
        assert_eq!(json::to_string(&capabilities[0]), r#"{"type":"AGENT_DRAINING"}"#);
        assert_eq!(json::to_string(&capabilities[1]), "{}");
    }

    #[test]
    fn only_the_chosen_member_of_a_choice_is_shown() {
        use v1::scheduler::attribute_constraint::{Predicate, predicate};
        let chosen = predicate::Predicate::TextEquals(predicate::TextEquals { value: "r1".into() });

        assert_eq!(
            json::to_string(&Predicate { predicate: Some(chosen) }),
            r#"{"text_equals":{"value":"r1"}}"#
        );
    }

    #[test]
    fn a_message_can_be_part_of_something_bigger() {
        #[derive(serde::Serialize)]
        struct Answer<'a> {
            count: u32,
            ids: Vec<AsJson<'a, v1::TaskId>>,
        }
        let id = v1::TaskId { value: "t\"1".into() };
        let answer = Answer { count: 1, ids: vec![AsJson(&id)] };

        assert_eq!(serde_json::to_string(&answer).unwrap(), r#"{"count":1,"ids":[{"value":"t\"1"}]}"#);

        #[derive(serde::Deserialize)]
        struct Config {
            id: FromJson<v1::TaskId>,
        }
        let config: Config = serde_json::from_str(r#"{"id": {"value": "t1"}}"#).unwrap();
        assert_eq!(config.id.0.value, "t1");
        assert!(serde_json::from_str::<Config>(r#"{"id": {}}"#).is_err());
    }
}

mod input {
    use super::*;

    #[test]
    fn unknown_fields_are_skipped_whatever_they_hold() {
        let id: v1::TaskId = read(
            r#"{"slave_id": {"value": ["x", {"y": null}]}, "value": "t1", "more": [[], {}, 1.5e3, true]}"#,
        );

        assert_eq!(id.value, "t1");
    }

    #[test]
    fn null_is_an_unset_field() {
        let task: v1::CommandInfo =
            read(r#"{"uris": null, "environment": null, "value": null, "arguments": [null]}"#);

        assert_eq!(task, v1::CommandInfo { ..Default::default() });
        assert_eq!(refused::<v1::TaskId>(r#"{"value": null}"#), "Missing required fields: value");
    }

    #[test]
    fn one_value_stands_for_a_list_of_one() {
        let framework: v1::FrameworkInfo = read(r#"{"user": "", "name": "toil", "roles": "cactus"}"#);
        assert_eq!(framework.roles, ["cactus"]);

        let container: v1::ContainerInfo = read(r#"{"type": "MESOS", "network_infos": {}}"#);
        assert_eq!(container.network_infos.len(), 1);

        let launch: internal::RunTaskMessage = {
            let text = r#"{"framework": {"user": "", "name": ""}, "task": {"name": "", "task_id": {"value": ""},
                "agent_id": {"value": ""}, "resources": {"name": "cpus", "type": "SCALAR", "scalar": {"value": 2}}}}"#;
            read(text)
        };
        assert_eq!(launch.task.resources[0].scalar.unwrap().value, 2.0);
    }

    #[test]
    fn numbers_and_booleans_may_be_strings() {
        let command: v1::CommandInfo = read(r#"{"shell": "true"}"#);
        assert_eq!(command.shell, Some(true));

        let range: v1::value::Range = read(r#"{"begin": "31000", "end": "18446744073709551615"}"#);
        assert_eq!((range.begin, range.end), (31000, u64::MAX));

        let numbers = ["\"-1.5\"", "\" 2e3\"", "\"Infinity\"", "\"-Infinity\"", "7"];
        let numbers = numbers.map(|text| read::<v1::value::Scalar>(&format!(r#"{{"value": {text}}}"#)).value);
        assert_eq!(numbers, [-1.5, 2000.0, f64::INFINITY, f64::NEG_INFINITY, 7.0]);

        for text in ["\"inf\"", "\"+1\"", "\".5\"", "\"0x10\"", "\"\"", "\"1e400\"", "true", "[]", "{}"] {
            refused::<v1::value::Scalar>(&format!(r#"{{"value": {text}}}"#));
        }
        refused::<v1::CommandInfo>(r#"{"shell": "yes"}"#);
        refused::<v1::CommandInfo>(r#"{"shell": 1}"#);
    }

    #[test]
    fn floats_become_integers_and_never_wrap() {
        let port = |text: &str| json::from_slice::<v1::Port>(format!(r#"{{"number": {text}}}"#).as_bytes());

        assert_eq!(port("8080.0").unwrap().number, 8080);
        assert_eq!(port("8080.9").unwrap().number, 8080);
        assert_eq!(port("\"80\"").unwrap().number, 80);
        assert_eq!(port("4294967295").unwrap().number, u32::MAX);
        for text in ["4294967296", "4294967296.0", "-1", "-1.0", "\"-1\"", "1e300", "\"Infinity\"", "\"NaN\""]
        {
            assert!(port(text).is_err(), "{text}");
        }
        assert_eq!(
            port("-1").unwrap_err().to_string(),
            "mesos.v1.Port: a number out of range for a uint32 at line 1 column 13, in number"
        );

        let time =
            |text: &str| json::from_slice::<v1::TimeInfo>(format!(r#"{{"nanoseconds": {text}}}"#).as_bytes());
        assert_eq!(time("-9223372036854775808").unwrap().nanoseconds, i64::MIN);
        assert_eq!(time("-9223372036854775808.0").unwrap().nanoseconds, i64::MIN);
        assert!(time("9223372036854775808").is_err());
        assert!(time("9223372036854775808.0").is_err());
        assert!(time("-9223372036854777856.0").is_err());
    }

    #[test]
    fn an_unknown_enum_name_leaves_an_optional_field_unset() {
        let call: v1::scheduler::Call = read(r#"{"type": "DANCE"}"#);
        assert_eq!(call.r#type, None);

        let info: v1::CapabilityInfo = read(r#"{"capabilities": ["CHOWN", "FLY", "KILL"]}"#);
        assert_eq!(info.capabilities.len(), 2);

        let error = refused::<v1::Image>(r#"{"type": "TARBALL"}"#);
        assert_eq!(error, "mesos.v1.Image: Failed to find enum for 'TARBALL' at line 1 column 18, in type");
        refused::<v1::Image>(r#"{"type": 1}"#);
    }

    #[test]
    fn of_equal_keys_the_last_one_counts() {
        let task: v1::TaskInfo = read(
            r#"{"name": "a", "labels": {"labels": [{"key": "x"}]}, "task_id": {"value": "1"}, "data": "QQ==",
                "agent_id": {"value": "s"}, "name": "b", "labels": {"labels": {"key": "y"}}, "data": null}"#,
        );

        assert_eq!(task.name, "b");
        assert_eq!(task.labels.unwrap().labels.iter().map(|label| &label.key[..]).collect::<Vec<_>>(), ["y"]);
        assert_eq!(task.data, None);
        assert_eq!(task.agent_id.value, "s");

        let config: v1::quota::QuotaConfig =
            read(r#"{"role": "r", "limits": {"cpus": {"value": 1}, "cpus": {"value": 2}}}"#);
        assert_eq!(config.limits["cpus"].value, 2.0);
    }

    #[test]
    fn bytes_are_base64_with_or_without_padding() {
        for text in ["aGk=", "aGk"] {
            let message: v1::Uuid = read(&format!(r#"{{"value": "{text}"}}"#));
            assert_eq!(&message.value[..], b"hi");
        }
        assert!(refused::<v1::Uuid>(r#"{"value": "*"}"#).contains("no Base64"));
    }

    #[test]
    fn a_drain_may_be_given_its_time_as_text() {
        let grace = |text: &str| {
            let text = format!(r#"{{"agent_id": {{"value": "a"}}, "max_grace_period": {text}}}"#);
            json::from_slice::<v1::master::call::DrainAgent>(text.as_bytes())
                .map(|call| call.max_grace_period)
        };
        let duration = |seconds, nanos| Some(prost_types::Duration { seconds, nanos });

        assert_eq!(grace("\"600s\"").unwrap(), duration(600, 0));
        assert_eq!(grace("\"1.5s\"").unwrap(), duration(1, 500_000_000));
        assert_eq!(grace("\"-0.000000001s\"").unwrap(), duration(0, -1));
        assert_eq!(grace(r#"{"seconds": 600}"#).unwrap(), duration(600, 0));
        assert_eq!(grace(r#"{"seconds": "5", "nanos": 7}"#).unwrap(), duration(5, 7));
        for text in ["\"600\"", "\"10mins\"", "\"s\"", "\"1.s\"", "\"+1s\"", "\"99999999999999999999s\"", "5"]
        {
            assert!(grace(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_wrong_type_is_refused_by_its_path() {
        let error = refused::<v1::scheduler::Call>(
            r#"{"type": "ACCEPT", "accept": {"offer_ids": [{"value": "o1"}, {"value": 5}]}}"#,
        );
        assert_eq!(
            error,
            "mesos.v1.scheduler.Call: a number where a string is expected at line 1 column 72, \
             in accept.offer_ids[1].value"
        );
        assert!(refused::<v1::TaskInfo>(r#"{"resources": [[]]}"#).contains("an array where"));
        assert!(refused::<v1::TaskId>(r#"{"value": ["x"]}"#).contains("an array where a string is expected"));
        assert!(refused::<v1::TaskInfo>(r#"{"task_id": "t"}"#).contains("an object (mesos.v1.TaskID)"));
    }

    #[test]
    fn the_whole_text_is_one_object() {
        for text in [
            "",
            "null",
            "[]",
            "\"x\"",
            "5",
            "{",
            "{} {}",
            "{\"value\":\"x\"",
            "{\"value\":\"\\ud800\"}",
            "\u{0}",
        ] {
            refused::<v1::TaskId>(text);
        }
        assert!(json::from_slice::<v1::TaskId>(b"{\"value\":\"\xff\"}").is_err());
        assert_eq!(read::<v1::TaskId>(" \r\n\t{\n  \"value\": \"x\"\n}\n").value, "x");
    }

    #[test]
    fn deep_nesting_is_refused_in_known_fields_and_in_unknown_ones() {
        let deep = 100_000;
        let texts = [
            "{\"parent\":".repeat(deep),
            format!("{}{}", "{\"value\":\"\",\"parent\":".repeat(deep), "{}".repeat(deep)),
            format!("{{\"unknown\":{}", "[".repeat(deep)),
            format!("{{\"unknown\":{}", "{\"a\":".repeat(deep)),
            format!("{{\"unknown\":{}{}}}", "[".repeat(deep), "]".repeat(deep)),
            "[".repeat(deep),
        ];
        for text in texts {
            refused::<v1::ContainerId>(&text);
        }

        let nested = |depth: usize| {
            format!(
                "{}{}",
                "{\"value\":\"\",\"parent\":".repeat(depth),
                "null".to_string() + &"}".repeat(depth)
            )
        };
        assert!(json::from_slice::<v1::ContainerId>(nested(100).as_bytes()).is_ok());
        assert!(refused::<v1::ContainerId>(&nested(101)).contains("nested too deep"));
        let skipped =
            |depth: usize| format!("{{\"value\":\"\",\"x\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(json::from_slice::<v1::ContainerId>(skipped(99).as_bytes()).is_ok());
        assert!(refused::<v1::ContainerId>(&skipped(100)).contains("nested too deep"));
    }

    #[test]
    fn many_equal_keys_cost_no_more_than_their_length() {
        let big = "x".repeat(100_000);
        let again = r#""name":"a","data":"QQ==","#.repeat(20_000);
        let text = format!(
            r#"{{{again}"labels":{{"labels":[{{"key":"{big}"}}]}},{again}"task_id":{{"value":""}},"agent_id":{{"value":""}}}}"#
        );

        let task: v1::TaskInfo = read(&text);

        assert_eq!(task.name, "a");
    }
}

#[test]
fn what_old_clients_send_is_understood() {
    // As Toil, taskproc and the AVENTER frameworks send it: indented, with fields that no longer exist.
    let call: v1::scheduler::Call = read(
        r#"{
 "type": "ACCEPT",
 "framework_id": {"value": "f-1"},
 "accept": {
  "offer_ids": [{"value": "o-1"}],
  "operations": [{
   "type": "LAUNCH",
   "launch": {"task_infos": [{
     "name": "job", "task_id": {"value": "1"}, "agent_id": {"value": "a"}, "slave_id": {"value": "a"},
     "credentials": [], "resources": [{"name": "mem", "type": "SCALAR", "role": "*", "scalar": {"value": "64"}}],
     "command": {"shell": "false", "value": "true", "environment": {"variables": [{"name": "A", "value": "1"}]}},
     "container": {"type": "DOCKER", "docker": {"image": "x", "parameters": [], "privileged": null}}
   }]}
  }],
  "filters": {"refuse_seconds": 4294967295}
 }
}"#,
    );

    let accept = call.accept.unwrap();
    assert_eq!(accept.filters.unwrap().refuse_seconds, Some(4_294_967_295.0));
    let task = &accept.operations[0].launch.as_ref().unwrap().task_infos[0];
    assert_eq!(task.resources[0].scalar.unwrap().value, 64.0);
    assert_eq!(task.command.as_ref().unwrap().shell, Some(false));
}
