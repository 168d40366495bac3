//! Messages stay small while empty: what is rarely set is behind a pointer.

use std::mem::size_of;
use tepui_proto::{internal, v1};

#[track_caller]
fn at_most<M>(bytes: usize) {
    let size = size_of::<M>();
    assert!(size <= bytes, "{} takes {size} bytes, more than {bytes}", std::any::type_name::<M>());
}

#[test]
fn messages_that_come_in_thousands_are_small() {
    at_most::<v1::Resource>(160);
    at_most::<v1::TaskInfo>(264);
    at_most::<v1::Task>(336);
    at_most::<v1::TaskStatus>(288);
    at_most::<v1::ExecutorInfo>(232);
    at_most::<v1::CommandInfo>(136);
    at_most::<v1::Offer>(248);
    at_most::<v1::offer::Operation>(184);
    at_most::<v1::Operation>(128);
    at_most::<v1::OperationStatus>(144);
    at_most::<v1::FrameworkInfo>(296);
    at_most::<v1::AgentInfo>(128);
}

#[test]
fn envelopes_are_small() {
    at_most::<v1::scheduler::Event>(176);
    at_most::<v1::scheduler::Call>(248);
    at_most::<v1::executor::Event>(104);
    at_most::<v1::executor::Call>(88);
    at_most::<v1::master::Call>(376);
    at_most::<v1::master::Event>(112);
    at_most::<v1::master::Response>(280);
    at_most::<v1::agent::Call>(272);
    at_most::<v1::agent::Response>(272);
    at_most::<internal::Registry>(240);
    at_most::<internal::ReregisterSlaveMessage>(304);
}
