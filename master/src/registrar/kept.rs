//! The registrar's copy of the registry, and the record that is written of it. Agents that are admitted are written behind those that
//! are written already: when all of a large cluster come at once, each is encoded once, and not with every batch.

use prost::Message as _;
use tepui_master_core::{Places, RegistryOperation};
use tepui_proto::internal;
use tepui_proto::internal::registry::Slaves;

/// See the module.
pub(super) struct Kept {
    registry: internal::Registry,
    places: Places,
    /// The encoded list of the first agents of it.
    encoded: Vec<u8>,
    /// How many those are.
    agents: usize,
}

/// The number of the list of agents, `Registry.slaves`.
const SLAVES: u32 = 2;

impl Kept {
    pub(super) fn new(registry: internal::Registry) -> Kept {
        Kept { places: Places::of(&registry), registry, encoded: Vec::new(), agents: 0 }
    }

    pub(super) fn apply(&mut self, operation: &RegistryOperation) {
        let before = self.count();
        operation.apply_at(&mut self.registry, &mut self.places);
        let admits =
            matches!(operation, RegistryOperation::AdmitAgent(_) | RegistryOperation::MarkReachable(_));
        if !(admits && self.count() == before + 1) {
            self.encoded.clear();
            self.agents = 0;
        }
    }

    pub(super) fn registry(&self) -> &internal::Registry {
        &self.registry
    }

    fn count(&self) -> usize {
        self.registry.slaves.as_ref().map_or(0, |slaves| slaves.slaves.len())
    }

    /// The registry as a message: the fields in no order, which means the same.
    pub(super) fn record(&mut self) -> Vec<u8> {
        let slaves = self.registry.slaves.take();
        let mut record = self.registry.encode_to_vec();
        if let Some(slaves) = &slaves {
            let new = Slaves { slaves: slaves.slaves[self.agents..].to_vec() };
            new.encode(&mut self.encoded).expect("a vector takes all bytes");
            self.agents = slaves.slaves.len();
            prost::encoding::encode_key(SLAVES, prost::encoding::WireType::LengthDelimited, &mut record);
            prost::encoding::encode_varint(self.encoded.len() as u64, &mut record);
            record.extend_from_slice(&self.encoded);
        }
        self.registry.slaves = slaves;
        record
    }
}

#[cfg(test)]
mod tests {
    use tepui_model::{AgentId, Time};

    use super::super::tests::admit;
    use super::*;

    #[test]
    fn the_record_is_the_registry_whatever_comes_after_what() {
        let id = |name: &str| AgentId::parse(name).unwrap();
        let again = |name: &str| match admit(name) {
            RegistryOperation::AdmitAgent(info) => RegistryOperation::MarkReachable(info),
            other => other,
        };
        let operations = [
            admit("a1"),
            admit("a2"),
            admit("a1"),
            RegistryOperation::Deactivate(id("a2")),
            admit("a3"),
            RegistryOperation::MarkUnreachable { agent: id("a1"), at: Time::from_secs(1) },
            admit("a4"),
            again("a1"),
            RegistryOperation::RemoveAgent(id("a3")),
            again("a5"),
            RegistryOperation::MarkGone { agent: id("a4"), at: Time::from_secs(2) },
        ];
        let (mut registry, mut kept) =
            (internal::Registry::default(), Kept::new(internal::Registry::default()));
        assert_eq!(internal::Registry::decode(&kept.record()[..]).unwrap(), registry);

        for operation in operations {
            operation.apply(&mut registry);
            kept.apply(&operation);

            assert_eq!(internal::Registry::decode(&kept.record()[..]).unwrap(), registry, "{operation}");
        }
    }
}
