//! The outstanding offers.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tepui_model::{OfferId, Resources, Role};
use tepui_proto::v1;

use crate::inverse_offers::InverseOffers;
use crate::names::{AgentHandle, FrameworkHandle, OfferHandle, Timer};
use crate::slab::Slab;

/// Resources of one agent that one framework may use in one role.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Offer {
    pub id: OfferId,
    pub framework: FrameworkHandle,
    pub agent: AgentHandle,
    pub role: Role,
    /// Allocated to the role.
    pub resources: Resources,
    /// As it was made, with `allocation_info`.
    pub message: Arc<v1::Offer>,
    /// Rescinds it; only with `--offer_timeout`.
    pub timeout: Option<Timer>,
}

/// All outstanding offers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Offers {
    pub outstanding: Slab<OfferHandle, Offer>,
    pub by_id: BTreeMap<OfferId, OfferHandle>,
    /// What frameworks were asked to leave.
    pub inverse: InverseOffers,
    /// The number of the next offer id, for both kinds.
    pub next_id: u64,
}

impl Offers {
    pub fn new() -> Offers {
        Offers {
            outstanding: Slab::new(),
            by_id: BTreeMap::new(),
            inverse: InverseOffers::default(),
            next_id: 0,
        }
    }

    /// The outstanding offer that a call names.
    pub fn find(&self, id: &v1::OfferId) -> Option<OfferHandle> {
        self.by_id.get(&OfferId::from_wire(id).ok()?).copied()
    }
}
