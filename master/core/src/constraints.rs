//! A framework's offer constraints, as it gave them and as the allocator keeps them. Reading them compiles their patterns, which
//! is done once.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tepui_model::{OfferConstraints, Role};
use tepui_proto::v1::scheduler::OfferConstraints as WireConstraints;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Arc<WireConstraints>", into = "Arc<WireConstraints>")]
pub struct Constraints {
    /// For readers.
    pub given: Arc<WireConstraints>,
    /// For the allocator.
    pub kept: Arc<OfferConstraints>,
}

impl Constraints {
    /// They must be about the framework's roles, and such that the allocator can keep them.
    pub fn checked(roles: &BTreeSet<Role>, given: WireConstraints) -> Result<Constraints, String> {
        for role in given.role_constraints.keys() {
            if !roles.iter().any(|own| own.as_str() == role) {
                return Err(format!(
                    "Offer constraints specify `role_constraints` for a role '{role}'not contained in the set of roles"
                ));
            }
        }
        Constraints::try_from(Arc::new(given))
            .map_err(|why| format!("Offer constraints are not valid: {why}"))
    }
}

impl TryFrom<Arc<WireConstraints>> for Constraints {
    type Error = String;

    fn try_from(given: Arc<WireConstraints>) -> Result<Constraints, String> {
        let kept = Arc::new(OfferConstraints::from_wire(&given)?);
        Ok(Constraints { given, kept })
    }
}

impl From<Constraints> for Arc<WireConstraints> {
    fn from(constraints: Constraints) -> Arc<WireConstraints> {
        constraints.given
    }
}
