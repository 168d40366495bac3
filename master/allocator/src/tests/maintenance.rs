//! Inverse offers: who is asked to leave an agent, and how often.

use std::time::Duration;

use expect_test::expect;
use tepui_model::Time;

use crate::testing::*;
use crate::{Call, InverseAnswer, InverseOffer, Unavailability};

const HOUR: Duration = Duration::from_secs(3600);

/// A framework that uses one of two agents; that one will be unavailable.
fn in_maintenance() -> Cluster {
    let mut cluster = Cluster::new();
    cluster.add_framework(0, "a").add_framework(1, "b").add_agent(0, "cpus:2").add_agent(1, "cpus:1");
    cluster.run();
    let unavailability = Some(Unavailability { start: Time::from_secs(9000), duration: Some(HOUR) });
    cluster.call(Call::UpdateUnavailability { agent: agent(0), unavailability });
    cluster
}

fn asked(cluster: &mut Cluster) -> String {
    let offers = cluster.allocator.take_inverse_offers();
    offers.iter().map(InverseOffer::to_string).collect::<Vec<_>>().join("\n")
}

fn answer(cluster: &mut Cluster, answer: Option<InverseAnswer>, refused: Option<Duration>) {
    let framework = cluster.allocator.agents[agent(0)].held().keys().copied().next().unwrap();
    cluster.call(Call::AnswerInverseOffer { agent: agent(0), framework, answer, refused });
}

#[test]
fn who_holds_something_there_is_asked_once() {
    let mut cluster = in_maintenance();

    cluster.run();
    expect!["f0 is asked to leave a0, unavailable from 2:30:00 for 1hrs"].assert_eq(&asked(&mut cluster));

    cluster.next_batch();
    expect![""].assert_eq(&asked(&mut cluster));
}

#[test]
fn an_answer_is_kept_and_the_question_repeated_when_its_time_is_over() {
    let mut cluster = in_maintenance();
    cluster.run();
    asked(&mut cluster);
    let accepted = InverseAnswer { accepted: true, at: Time::from_secs(3) };

    answer(&mut cluster, Some(accepted), Some(Duration::from_secs(2)));
    answer(&mut cluster, Some(InverseAnswer { accepted: false, at: Time::from_secs(2) }), None);

    assert_eq!(cluster.allocator.inverse_answers(agent(0)), [(framework(0), accepted)].into());
    let seconds: Vec<String> = (0..4)
        .map(|_| {
            cluster.next_batch();
            asked(&mut cluster)
        })
        .collect();
    assert_eq!(seconds.iter().position(|asked| !asked.is_empty()), Some(2), "{seconds:?}");
}

#[test]
fn a_new_time_asks_anew_and_none_asks_nobody() {
    let mut cluster = in_maintenance();
    cluster.run();
    asked(&mut cluster);

    let unavailability = Some(Unavailability { start: Time::from_secs(9001), duration: None });
    cluster.call(Call::UpdateUnavailability { agent: agent(0), unavailability });
    cluster.run();
    expect!["f0 is asked to leave a0, unavailable from 2:30:01"].assert_eq(&asked(&mut cluster));

    cluster.call(Call::UpdateUnavailability { agent: agent(0), unavailability: None });
    cluster.run();
    expect![""].assert_eq(&asked(&mut cluster));
    assert_eq!(cluster.allocator.inverse_answers(agent(0)), [].into());
}

#[test]
fn a_framework_that_is_gone_is_not_asked() {
    let mut cluster = in_maintenance();
    cluster.call(Call::RemoveFramework(framework(0)));

    cluster.run();

    expect!["f1 is asked to leave a0, unavailable from 2:30:00 for 1hrs"].assert_eq(&asked(&mut cluster));
}
