//! UPDATE_WEIGHTS: how much of what is shared roles get beside each other.

use std::collections::BTreeSet;

use tepui_allocator::Call;
use tepui_model::Role;
use tepui_proto::v1::WeightInfo;

use super::Refused;
use crate::changed::Changed;
use crate::cx::Cx;
use crate::effect::{Answer, Effect};
use crate::fact::Fact;
use crate::frameworks::Framework;
use crate::limits;
use crate::master::{Master, Pending};
use crate::names::RequestId;
use crate::registry::RegistryOperation;

impl Master {
    pub(crate) fn update_weights(
        &mut self,
        cx: &mut Cx,
        request: RequestId,
        infos: &[WeightInfo],
    ) -> Result<(), Refused> {
        let too_many = || {
            let most = limits::ROLES_WITH_WEIGHT;
            Answer::refused(400, format!("at most {most} roles may have a weight"))
        };
        if infos.len() > limits::ROLES_WITH_WEIGHT {
            return Err(too_many());
        }
        let mut weights = Vec::new();
        for info in infos {
            let refused = |why: String| {
                Answer::refused(400, format!("Failed to validate update weights request JSON{why}"))
            };
            let name = info.role().trim();
            let role = Role::parse(name).map_err(|why| refused(format!(": Invalid role '{name}': {why}")))?;
            if !self.is_whitelisted_role(name) {
                return Err(refused(format!(": Unknown role '{name}'")));
            }
            if !(info.weight > 0.0 && info.weight.is_finite()) {
                let why = format!("Invalid weight '{}': Weights must be positive", info.weight);
                return Err(refused(format!(" for role '{name}': {why}")));
            }
            weights.push((role, info.weight));
        }
        let asked = self.pending().filter_map(|pending| match pending {
            Pending::Weights { weights, .. } => Some(weights),
            _ => None,
        });
        let new = asked.flatten().chain(&weights).map(|(role, _)| role);
        let new: BTreeSet<&Role> = new.filter(|role| !self.weights.contains_key(role)).collect();
        if self.weights.len() + new.len() > limits::ROLES_WITH_WEIGHT {
            return Err(too_many());
        }
        self.write_weights(cx, Some(request), weights);
        Ok(())
    }

    /// Without a request for what the operator gave on the command line.
    pub(crate) fn write_weights(
        &mut self,
        cx: &mut Cx,
        request: Option<RequestId>,
        weights: Vec<(Role, f64)>,
    ) {
        let operation = RegistryOperation::UpdateWeights(weights.clone());
        self.persist(cx, operation, Pending::Weights { request, weights });
    }

    /// The registry holds the weights now. If one of the roles is in use, all offers go back: they were made by other weights.
    pub(crate) fn weights_written(
        &mut self,
        cx: &mut Cx,
        request: Option<RequestId>,
        weights: Vec<(Role, f64)>,
    ) {
        let changed: BTreeSet<&Role> = weights.iter().map(|(role, _)| role).collect();
        let uses_one = |framework: &Framework| framework.roles.iter().any(|role| changed.contains(role));
        let are_used = self.frameworks.registered.iter().any(|(_, framework)| uses_one(framework));
        cx.log(Fact::info("weights updated").with("roles", weights.len()));
        self.set_weights(cx, weights);
        if are_used {
            for offer in self.offers.outstanding.handles() {
                self.rescind_offer(cx, offer);
            }
        }
        if let Some(request) = request {
            cx.answer(request, Answer::ok());
        }
    }

    pub(crate) fn set_weights(&mut self, cx: &mut Cx, weights: Vec<(Role, f64)>) {
        for (role, weight) in &weights {
            self.weights.insert(role.clone(), *weight);
            self.changes.push(Changed::Weight { role: role.clone(), weight: *weight });
        }
        cx.push(Effect::Allocator(Call::UpdateWeights(weights)));
    }
}
