//! The digest of a state: equal inputs, equal digests.

use super::world::World;
use tepui_proto::v1::TaskState::TaskRunning;

use super::world::status;

#[test]
fn the_same_inputs_give_the_same_digest_and_other_inputs_another() {
    let mut one = World::running();
    let two = World::running();
    assert_eq!(one.agent.digest(), two.agent.digest());

    one.update("f1", "t1", status("t1", TaskRunning, 1));

    assert_ne!(one.agent.digest(), two.agent.digest());
}
