//! An offer, with its resources as quantities one can take from.

use tepui_model::{InvalidResource, Resources};
use tepui_proto::v1;

/// Resources of one agent, offered to one of our roles.
#[derive(Debug, Clone)]
pub struct Offer {
    message: v1::Offer,
    left: Resources,
}

impl Offer {
    /// Reads the master's message.
    ///
    /// # Errors
    /// When a resource is not one; the error names it.
    pub fn new(message: v1::Offer) -> Result<Self, InvalidResource> {
        let left = Resources::from_wire(&message.resources)?;
        Ok(Offer { message, left })
    }

    /// The offer's id.
    #[must_use]
    pub fn id(&self) -> &v1::OfferId {
        &self.message.id
    }

    /// The agent that has the resources.
    #[must_use]
    pub fn agent_id(&self) -> &v1::AgentId {
        &self.message.agent_id
    }

    /// The agent's host name.
    #[must_use]
    pub fn hostname(&self) -> &str {
        &self.message.hostname
    }

    /// What has not been taken yet.
    #[must_use]
    pub fn left(&self) -> &Resources {
        &self.left
    }

    /// The text of the agent's first attribute of this name.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let attribute = self.message.attributes.iter().find(|attribute| attribute.name == name)?;
        Some(attribute.text.as_ref()?.value.as_str())
    }

    /// Everything the master said.
    #[must_use]
    pub fn message(&self) -> &v1::Offer {
        &self.message
    }

    pub(crate) fn take(&mut self, taken: &Resources) {
        self.left -= taken;
    }
}
