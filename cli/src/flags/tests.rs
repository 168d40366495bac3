//! The tables against Mesos' list, and every way to write a flag.

use std::io;
use std::path::Path;

use expect_test::{Expect, expect};

use super::flag::{Flag, Group, Kind, Treatment};
use super::logging::LOGGING;
use super::tracing::TRACING;
use super::*;

/// Name, default and old name of a flag.
type Row = (&'static str, &'static str, &'static str);

/// Lines of name, default and old name: what Mesos 1.11 has.
fn listed(list: &'static str) -> Vec<Row> {
    list.lines()
        .map(|line| {
            let mut columns = line.split('\t');
            let mut column = || columns.next().unwrap_or_default();
            (column(), column(), column())
        })
        .collect()
}

fn ours(groups: &[&'static Group]) -> Vec<Row> {
    let flags = groups.iter().flat_map(|group| group.flags);
    flags.map(|flag| (flag.name, flag.default, flag.aliases.first().copied().unwrap_or_default())).collect()
}

/// The rows that only one side has: none.
fn same(ours: &[Row], mesos: &[Row]) {
    let lacking: Vec<&Row> = mesos.iter().filter(|row| !ours.contains(row)).collect();
    let foreign: Vec<&Row> = ours.iter().filter(|row| !mesos.contains(row)).collect();
    assert!(lacking.is_empty() && foreign.is_empty(), "lacking {lacking:?}, foreign {foreign:?}");
    assert_eq!(ours.len(), mesos.len(), "a flag stands twice");
}

#[test]
fn every_flag_of_mesos_is_known_with_its_default_and_old_name() {
    let (master, logging, agent) = (
        listed(include_str!("../../tests/flags/master.txt")),
        listed(include_str!("../../tests/flags/logging.txt")),
        listed(include_str!("../../tests/flags/agent.txt")),
    );
    assert_eq!((master.len(), logging.len(), agent.len()), (71, 7, 160));

    let own = |table: &Table| -> Vec<&'static Group> {
        let foreign = [LOGGING.title, TRACING.title];
        table.groups.iter().copied().filter(|group| !foreign.contains(&group.title)).collect()
    };
    same(&ours(&own(&MASTER)), &master);
    same(&ours(&[&LOGGING]), &logging);
    same(&ours(&own(&AGENT)), &agent);
}

#[test]
fn flags_are_honoured_accepted_or_refused() {
    let mut counts = String::new();
    static LOGS: Table = Table { program: "both", groups: &[&LOGGING] };
    for table in [&MASTER, &AGENT, &LOGS] {
        let own = table.groups.iter().filter(|group| table.groups.len() == 1 || group.title != LOGGING.title);
        let flags: Vec<&Flag> = own.flat_map(|group| group.flags).collect();
        let count = |is: fn(&Flag) -> bool| flags.iter().filter(|flag| is(flag)).count();
        counts += &format!(
            "{}: {} done, {} accepted, {} refused\n",
            table.program,
            count(|flag| matches!(flag.treatment, Treatment::Done(_))),
            count(|flag| matches!(flag.treatment, Treatment::Accepted(_))),
            count(|flag| matches!(flag.treatment, Treatment::Refused { .. })),
        );
    }

    expect![[r#"
        tepui master: 47 done, 5 accepted, 20 refused
        tepui agent: 53 done, 60 accepted, 48 refused
        both: 5 done, 2 accepted, 0 refused
    "#]]
    .assert_eq(&counts);
}

/// What Mesos has as security must never be ignored.
#[test]
fn security_flags_are_never_merely_accepted() {
    let words = ["auth", "acl", "credential", "secret", "firewall", "seccomp", "capabilit", "namespace"];
    for table in [&MASTER, &AGENT] {
        for flag in table.flags().filter(|flag| words.iter().any(|word| flag.name.contains(word))) {
            assert!(!matches!(flag.treatment, Treatment::Accepted(_)), "{} {}", table.program, flag.name);
        }
    }
}

#[test]
fn no_text_of_a_table_is_too_long_for_a_line() {
    for flag in MASTER.flags().chain(AGENT.flags()) {
        let (Treatment::Done(text) | Treatment::Accepted(text) | Treatment::Refused { instead: text, .. }) =
            flag.treatment;
        assert!(text.len() <= 110, "{}", flag.name);
        assert!(flag.kind != Kind::Switch || !flag.default.is_empty(), "{} is on or off", flag.name);
    }
}

/// Parses each line, variables written `NAME=value` first, and prints under it what came of it.
fn transcript(table: &Table, lines: &[&str], expected: Expect) {
    let printed: String = lines.iter().map(|line| format!("> {line}\n{}", outcome(table, line))).collect();
    expected.assert_eq(&printed);
}

fn outcome(table: &Table, line: &str) -> String {
    let mut arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    let variables = arguments.iter().take_while(|word| word.starts_with(char::is_uppercase)).count();
    let pair = |word: String| word.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    let environment: Vec<(String, String)> = arguments.drain(..variables).filter_map(pair).collect();
    let read = |path: &Path| match path.to_str() {
        Some("/etc/mesos/master") => Ok("10.0.0.1:5050\n".to_owned()),
        _ => Err(io::Error::from(io::ErrorKind::NotFound)),
    };
    match parse(table, &arguments, &environment, &read) {
        Ok(parsed) => {
            let warnings = parsed.warnings.iter().map(|warning| format!("  warning: {warning}\n"));
            let given = parsed.given().iter().map(|(name, text)| format!("  {name} = {text}\n"));
            warnings.chain(given).collect()
        }
        Err(error) => format!("  error: {error}\n"),
    }
}

#[test]
fn a_flag_has_many_spellings() {
    let lines = [
        "--work_dir=/a",
        "--work-dir=/a",
        "--work_dir /a --port 0",
        "--work_dir=file:///a",
        "--roles=",
        "--hostname=a=b",
    ];

    transcript(
        &MASTER,
        &lines,
        expect![[r#"
        > --work_dir=/a
          work_dir = /a
        > --work-dir=/a
          work_dir = /a
        > --work_dir /a --port 0
          port = 0
          work_dir = /a
        > --work_dir=file:///a
          work_dir = /a
        > --roles=
          roles = 
        > --hostname=a=b
          hostname = a=b
    "#]],
    );
}

#[test]
fn a_switch_is_on_off_or_written_out() {
    let lines = [
        "--hostname_lookup",
        "--no-hostname_lookup",
        "--no-hostname-lookup",
        "--hostname_lookup=0",
        "--hostname_lookup=off",
        "--no-hostname_lookup=true",
        "--no-work_dir",
        "--quiet true",
    ];

    transcript(
        &MASTER,
        &lines,
        expect![[r#"
        > --hostname_lookup
          hostname_lookup = true
        > --no-hostname_lookup
          hostname_lookup = false
        > --no-hostname-lookup
          hostname_lookup = false
        > --hostname_lookup=0
          hostname_lookup = false
        > --hostname_lookup=off
          error: --hostname_lookup: 'off' cannot be read: write true or false
        > --no-hostname_lookup=true
          error: --no-hostname_lookup takes no value
        > --no-work_dir
          error: --no-work_dir says nothing: work_dir is no switch; write --work_dir=VALUE
        > --quiet true
          error: unexpected argument 'true'; flags are written --name=value
    "#]],
    );
}

#[test]
fn the_command_line_wins_over_the_environment() {
    let lines = [
        "MESOS_WORK_DIR=/e MESOS_PORT=1 --port=2",
        "MESOS_QUIET=1 --no-quiet",
        "MESOS_SLAVE_PING_TIMEOUT=3secs",
        "MESOS_AGENT_PING_TIMEOUT=4secs MESOS_SLAVE_PING_TIMEOUT=3secs",
        "MESOS_NATIVE_JAVA_LIBRARY=/x HOME=/h",
        "MESOS_PORT=high",
        "MESOS_ACLS={}",
        "LIBPROCESS_IP=10.0.0.1 LIBPROCESS_PORT=9",
        "LIBPROCESS_IP=10.0.0.1 MESOS_IP=10.0.0.2",
        "LIBPROCESS_SSL_ENABLED=1",
        "LIBPROCESS_NUM_WORKER_THREADS=4",
    ];

    transcript(
        &MASTER,
        &lines,
        expect![[r#"
            > MESOS_WORK_DIR=/e MESOS_PORT=1 --port=2
              port = 2
              work_dir = /e
            > MESOS_QUIET=1 --no-quiet
              quiet = false
            > MESOS_SLAVE_PING_TIMEOUT=3secs
              warning: MESOS_SLAVE_PING_TIMEOUT is an old name; write MESOS_AGENT_PING_TIMEOUT
              agent_ping_timeout = 3secs
            > MESOS_AGENT_PING_TIMEOUT=4secs MESOS_SLAVE_PING_TIMEOUT=3secs
              warning: MESOS_SLAVE_PING_TIMEOUT is an old name; write MESOS_AGENT_PING_TIMEOUT
              agent_ping_timeout = 4secs
            > MESOS_NATIVE_JAVA_LIBRARY=/x HOME=/h
              warning: MESOS_NATIVE_JAVA_LIBRARY is no flag of tepui master; it is ignored
            > MESOS_PORT=high
              error: MESOS_PORT: 'high' cannot be read: write a whole number
            > MESOS_ACLS={}
              error: MESOS_ACLS is refused: whoever is let in may do everything yet; leave it out, and let in only whom you trust
            > LIBPROCESS_IP=10.0.0.1 LIBPROCESS_PORT=9
              ip = 10.0.0.1
            > LIBPROCESS_IP=10.0.0.1 MESOS_IP=10.0.0.2
              ip = 10.0.0.2
            > LIBPROCESS_SSL_ENABLED=1
            > LIBPROCESS_NUM_WORKER_THREADS=4
              warning: LIBPROCESS_NUM_WORKER_THREADS changes nothing: each actor has its thread, and the transport one of its own
        "#]],
    );
}

#[test]
fn a_file_may_hold_the_value() {
    let lines = ["--master=file:///etc/mesos/master", "--master=file:///none"];

    transcript(
        &AGENT,
        &lines,
        expect![[r#"
        > --master=file:///etc/mesos/master
          master = 10.0.0.1:5050
        > --master=file:///none
          error: --master: cannot read /none: entity not found
    "#]],
    );
}

#[test]
fn what_is_no_flag_is_an_error() {
    let lines = [
        "--wrok_dir=/a",
        "--no-quite",
        "--colour",
        "start",
        "-p 5",
        "--port",
        "--port --quiet",
        "--port=1 --port=2",
        "--agent_ping_timeout=4secs --slave_ping_timeout=4secs",
    ];

    transcript(
        &MASTER,
        &lines,
        expect![[r#"
            > --wrok_dir=/a
              error: unknown flag --wrok_dir, did you mean --work_dir? `tepui master --help` lists them all
            > --no-quite
              error: unknown flag --no-quite, did you mean --quiet? `tepui master --help` lists them all
            > --colour
              error: unknown flag --colour; `tepui master --help` lists them all
            > start
              error: unexpected argument 'start'; flags are written --name=value
            > -p 5
              error: unexpected argument '-p'; flags are written --name=value
            > --port
              error: --port needs a value: --port=VALUE
            > --port --quiet
              error: --port needs a value: --port=VALUE
            > --port=1 --port=2
              error: --port is given twice; leave one out
            > --agent_ping_timeout=4secs --slave_ping_timeout=4secs
              error: --agent_ping_timeout is given twice; leave one out
        "#]],
    );
}

#[test]
fn a_value_that_cannot_be_read_says_what_would_be_right() {
    let lines = [
        "--port=high",
        "--allocation_interval=5",
        "--agent_ping_timeout=16mins",
        "--agent_reregister_timeout=1mins",
        "--recovery_agent_removal_limit=101%",
        "--ip=localhost",
        "--allocator_agent_recovery_factor=nan",
        "--offer_constraints_re2_max_mem=much",
    ];

    transcript(
        &MASTER,
        &lines,
        expect![[r#"
        > --port=high
          error: --port: 'high' cannot be read: write a whole number
        > --allocation_interval=5
          error: --allocation_interval: '5' cannot be read: invalid duration '5'; write a number and a unit, such as '10secs'
        > --agent_ping_timeout=16mins
          error: --agent_ping_timeout: '16mins' cannot be read: write between 1secs and 900secs
        > --agent_reregister_timeout=1mins
          error: --agent_reregister_timeout: '1mins' cannot be read: write at least 600secs
        > --recovery_agent_removal_limit=101%
          error: --recovery_agent_removal_limit: '101%' cannot be read: write a percentage, such as 50%
        > --ip=localhost
          error: --ip: 'localhost' cannot be read: write an address, such as 10.0.0.1
        > --allocator_agent_recovery_factor=nan
          error: --allocator_agent_recovery_factor: 'nan' cannot be read: write a number, such as 0.8
        > --offer_constraints_re2_max_mem=much
          error: --offer_constraints_re2_max_mem: 'much' cannot be read: invalid size 'much'; write a whole number and one of B, KB, MB, GB, TB, such as '32MB'
    "#]],
    );
}

#[test]
fn old_names_and_vain_flags_are_warned_about() {
    let lines = ["--slave_ping_timeout=4secs", "--zk_session_timeout=1mins", "--zk_session_timeout=10secs"];

    transcript(
        &MASTER,
        &lines,
        expect![[r#"
        > --slave_ping_timeout=4secs
          warning: --slave_ping_timeout is an old name; write --agent_ping_timeout
          agent_ping_timeout = 4secs
        > --zk_session_timeout=1mins
          warning: --zk_session_timeout changes nothing: there is no ZooKeeper session
          zk_session_timeout = 1mins
        > --zk_session_timeout=10secs
          zk_session_timeout = 10secs
    "#]],
    );
}

#[test]
fn what_cannot_be_honoured_is_refused_by_name() {
    let lines = [
        "--authenticate_frameworks",
        "--authenticate",
        "--no-authenticate_frameworks --authenticate_agents=false --http_authenticators=basic",
        "--quorum=2",
        "--quorum=1 --allocator=HierarchicalDRF",
        "--zk=zk://a:2181/mesos",
        "MESOS_CREDENTIALS=/c",
    ];

    transcript(
        &MASTER,
        &lines,
        expect![[r#"
            > --authenticate_frameworks
              authenticate_frameworks = true
            > --authenticate
              warning: --authenticate is an old name; write --authenticate_frameworks
              authenticate_frameworks = true
            > --no-authenticate_frameworks --authenticate_agents=false --http_authenticators=basic
              authenticate_agents = false
              authenticate_frameworks = false
            > --quorum=2
              error: --quorum is refused: one master keeps its own registry; run one, and leave the flag out
            > --quorum=1 --allocator=HierarchicalDRF
            > --zk=zk://a:2181/mesos
              error: --zk is refused: there is no election yet; run one master, and give agents and frameworks HOST:PORT
            > MESOS_CREDENTIALS=/c
              credentials = /c
        "#]],
    );
}

#[test]
fn an_agent_is_told_what_it_cannot_be() {
    let lines = [
        "--docker_mesos_image=tepui",
        "--containerizers=docker,mesos",
        "--allowed_capabilities={}",
        "--docker_store_dir=/a --no-systemd_enable_support --systemd_runtime_directory=/r",
        "--executor_reregistration_timeout=1mins",
    ];

    transcript(
        &AGENT,
        &lines,
        expect![[r#"
            > --docker_mesos_image=tepui
              error: --docker_mesos_image is refused: an agent in a container keeps its executors there; leave it out
            > --containerizers=docker,mesos
              containerizers = docker,mesos
            > --allowed_capabilities={}
              error: --allowed_capabilities is refused: capabilities are not limited yet; use --switch_user
            > --docker_store_dir=/a --no-systemd_enable_support --systemd_runtime_directory=/r
              warning: --docker_store_dir changes nothing: containers have no images yet, and --image_providers is refused
              warning: --systemd_runtime_directory changes nothing: systemd is not asked for anything
              docker_store_dir = /a
              systemd_enable_support = false
              systemd_runtime_directory = /r
            > --executor_reregistration_timeout=1mins
              error: --executor_reregistration_timeout: '1mins' cannot be read: write at most 15secs
        "#]],
    );
}

#[test]
fn help_lists_what_does_something() {
    expect![[r#"
        usage: tepui master [--FLAG=VALUE …]

        Every flag can also be an environment variable: MESOS_WORK_DIR for --work_dir.
        A value may be file:// and the path of a file that holds it.

        Where the master listens, and what it is called:
          --ip=IP                                       listen on this address
          --port=5050                                   listen on this port; 0 takes a free one, which is printed
          --advertise_ip=IP                             tell others this address instead
          --advertise_port=N                            tell others this port instead
          --ip_discovery_command=TEXT                   run this; it prints the address to listen on
          --hostname=TEXT                               the host name told to others; else the address is looked up
          --[no-]hostname_lookup                        look the host name up; --no-hostname_lookup tells the address (on)
          --cluster=TEXT                                a name of the cluster for people
          --[no-]version                                print the version

        What must survive a restart:
          --work_dir=PATH                               keep the registry here; required unless --registry=in_memory
          --registry=replicated_log                     replicated_log keeps it in a file, in_memory forgets it at the end
          --registry_fetch_timeout=1mins                end when reading the registry takes longer
          --registry_store_timeout=20secs               end when writing the registry takes longer
          --registry_gc_interval=15mins                 drop old unreachable and gone agents this often
          --registry_max_agent_age=2weeks               drop unreachable and gone agents older than this
          --registry_max_agent_count=102400             keep at most so many unreachable and gone agents

        Agents:
          --agent_ping_timeout=15secs                   an agent has this long to answer a ping
          --max_agent_ping_timeouts=5                   unanswered pings that make an agent unreachable
          --agent_reregister_timeout=10mins             an agent may stay away this long after the master's start
          --recovery_agent_removal_limit=100%           end, instead of giving up more of the agents than this after a start
          --whitelist=TEXT                              offer only agents on the hosts that this file names, one a line

        Who is offered what:
          --allocation_interval=1secs                   hand out what is free this often
          --offer_timeout=DURATION                      take an unanswered offer back after this
          --role_sorter=drf                             which role is next: drf by dominant share, random by lot
          --framework_sorter=drf                        which framework of a role is next: drf or random
          --min_allocatable_resources=cpus:0.01|mem:32  offer nothing smaller than one of these
          --fair_sharing_excluded_resource_names=TEXT   resources that do not count for a fair share
          --[no-]filter_gpu_resources                   keep agents with GPUs for frameworks that know GPUs (on)
          --roles=TEXT                                  the only roles there are; deprecated in Mesos
          --weights=TEXT                                role=weight,…: a role with weight 2 gets twice the share; deprecated in Mesos
          --allocator_agent_recovery_factor=0.8         where there is quota, offers wait for this part of the agents after a start
          --allocator_recovery_timeout=10mins           but no longer than this
          --[no-]root_submissions                       let frameworks run tasks as root (on)

        What is remembered:
          --max_completed_frameworks=50                 keep so many ended frameworks
          --max_completed_tasks_per_framework=1000      keep so many ended tasks of each framework
          --max_unreachable_tasks_per_framework=1000    keep so many unreachable tasks of each framework
          --max_operator_event_stream_subscribers=1000  serve so many subscribers of the operator API at a time; of one more, the oldest goes
          --[no-]publish_per_framework_metrics          count what each framework says and is told, under master/frameworks/ (on)

        Security:
          --[no-]authenticate_frameworks                frameworks that are actors or drivers must show who they are
          --[no-]authenticate_agents                    agents must show who they are
          --[no-]authenticate_http_readwrite            whoever changes something over HTTP must show who they are
          --[no-]authenticate_http_readonly             whoever reads over HTTP must show who they are
          --[no-]authenticate_http_frameworks           frameworks over HTTP must show who they are
          --credentials=PATH                            the file of principals and their secrets, JSON or a line for each
          --authentication_v0_timeout=15secs            one attempt to authenticate may take this long
          --rate_limits=TEXT                            how many messages frameworks may send by principal, JSON or a file of it

        Traces (Mesos has none):
          --flight_recorder_size=64MB                   memory for the last messages, which `tepui trace` shows; 64MB hold a million

        Logs:
          --[no-]quiet                                  log nothing; errors that end the daemon are still printed
          --logging_level=INFO                          log this and worse: INFO, WARNING or ERROR; RUST_LOG says it more finely
          --log_dir=PATH                                log to a file in this folder as well
          --external_log_file=PATH                      show this file as the log, which somebody else writes
          --[no-]help                                   print this

        Mesos' other flags are known: one that cannot be honoured is refused or warned about by name.
    "#]].assert_eq(&help(&MASTER));
    expect![[r#"
        usage: tepui agent [--FLAG=VALUE …]

        Every flag can also be an environment variable: MESOS_WORK_DIR for --work_dir.
        A value may be file:// and the path of a file that holds it.

        Where the agent listens, and what it is called:
          --ip=IP                                       listen on this address
          --port=5051                                   listen on this port; 0 takes a free one, which is printed
          --advertise_ip=IP                             tell others this address instead
          --advertise_port=N                            tell others this port instead
          --ip_discovery_command=TEXT                   run this; it prints the address to listen on
          --hostname=TEXT                               the host name told to others; else the address is looked up
          --[no-]hostname_lookup                        look the host name up; --no-hostname_lookup tells the address (on)
          --[no-]version                                print the version

        The master:
          --master=TEXT                                 the master's HOST:PORT, or file:// and a file that holds it; required
          --registration_backoff_factor=1secs           wait about this long, then longer, between registrations

        What the agent offers:
          --resources=TEXT                              such as cpus:4;mem:2048;ports:[31000-32000], or JSON; else what the machine has
          --default_role=*                              the role of resources that name none
          --attributes=TEXT                             such as rack:abc;zone:west

        What must survive a restart:
          --work_dir=PATH                               keep sandboxes and checkpoints here; required
          --runtime_dir=PATH                            keep what a reboot may clear here; else in work_dir
          --recover=reconnect                           reconnect takes live executors back; cleanup ends them and then the agent
          --recovery_timeout=15mins                     executors end by themselves when the agent stays away longer
          --executor_reregistration_timeout=2secs       after a restart, executors have this long to come back
          --reconfiguration_policy=equal                additive: resources and attributes may grow between two starts
          --[no-]strict                                 end when a checkpoint cannot be read; else go on without it (on)
          --max_completed_executors_per_framework=150   show so many ended executors of each framework

        Executors:
          --executor_registration_timeout=1mins         an executor must register within this
          --executor_shutdown_grace_period=5secs        an executor that was told to end has this long
          --executor_environment_variables=TEXT         JSON: the environment of executors, besides Mesos' own
          --[no-]switch_user                            run a task as the user that its framework names (on)
          --frameworks_home=PATH                        the folder below which relative URIs are looked for

        Containers:
          --containerizers=mesos                        what runs tasks: mesos (or native), docker, or both with a comma
          --isolation=posix/cpu,posix/mem               what containers are kept apart in; as root all that is there
          --launcher=TEXT                               linux or posix; as root linux, where it can
          --sandbox_directory=/mnt/mesos/sandbox        where a Docker container finds its sandbox

        Cgroups:
          --cgroups_root=mesos                          the cgroup below which containers have theirs
          --[no-]cgroups_enable_cfs                     hold containers to their CPUs even where more are idle
          --[no-]cgroups_limit_swap                     limit memory and swap together
          --cgroups_destroy_timeout=1mins               a container must be gone within this

        Fetching:
          --fetcher_stall_timeout=1mins                 give a download up that brings nothing for so long

        Disk:
          --gc_delay=1weeks                             remove sandboxes of ended executors after this, sooner on a full disk
          --gc_disk_headroom=0.1                        the share of the disk that collection tries to keep free
          --disk_watch_interval=1mins                   look at the disk this often
          --container_disk_watch_interval=15secs        measure sandboxes this often
          --[no-]enforce_container_disk_quota           kill what fills more disk than it asked for

        Docker:
          --docker_remove_delay=6hrs                    remove a Docker container this long after its task ended
          --[no-]docker_kill_orphans                    after a restart, end Docker containers that belong to no known task (on)
          --docker_socket=/var/run/docker.sock          where the Docker engine listens; else DOCKER_HOST
          --docker_config=TEXT                          docker's config.json, or file:// and its path: credentials for registries

        Security:
          --credential=PATH                             the file of the principal and secret to show the master, JSON or one line
          --authentication_backoff_factor=1secs         pause between attempts to authenticate; doubles
          --authentication_timeout_min=5secs            an attempt to authenticate may take this long
          --authentication_timeout_max=1mins            and, after many, no longer than this
          --http_credentials=PATH                       the file of principals and secrets for HTTP, JSON or a line for each
          --[no-]authenticate_http_readwrite            whoever changes something over HTTP must show who they are
          --[no-]authenticate_http_readonly             whoever reads over HTTP must show who they are

        Modules and the rest:
          --[no-]systemd_enable_support                 warn in a systemd unit: tasks outlive it only with KillMode=process (on)

        Traces (Mesos has none):
          --flight_recorder_size=64MB                   memory for the last messages, which `tepui trace` shows; 64MB hold a million

        Logs:
          --[no-]quiet                                  log nothing; errors that end the daemon are still printed
          --logging_level=INFO                          log this and worse: INFO, WARNING or ERROR; RUST_LOG says it more finely
          --log_dir=PATH                                log to a file in this folder as well
          --external_log_file=PATH                      show this file as the log, which somebody else writes
          --[no-]help                                   print this

        Mesos' other flags are known: one that cannot be honoured is refused or warned about by name.
    "#]].assert_eq(&help(&AGENT));
}
