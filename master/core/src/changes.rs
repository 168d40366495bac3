//! What readers must be told at the end of a step. Agents and frameworks are noted when they change and read once, so that
//! a step that touches one a hundred times makes one value.

use std::collections::BTreeSet;

use crate::changed::{Changed, DrainView};
use crate::cx::Cx;
use crate::effect::Effect;
use crate::maintenance::Machine;
use crate::master::Master;
use crate::names::{AgentHandle, FrameworkHandle};

/// Notes of the step that is under way; empty between steps.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    pub agents: BTreeSet<AgentHandle>,
    pub frameworks: BTreeSet<FrameworkHandle>,
    pub others: Vec<Changed>,
    /// The schedule, or a machine in it.
    pub maintenance: bool,
    /// Machines whose inverse offers were answered, or whose answers are void.
    pub answered: BTreeSet<Machine>,
}

impl Changes {
    pub fn is_empty(&self) -> bool {
        let Changes { agents, frameworks, others, maintenance, answered } = self;
        agents.is_empty() && frameworks.is_empty() && others.is_empty() && !maintenance && answered.is_empty()
    }

    pub fn push(&mut self, changed: Changed) {
        self.others.push(changed);
    }
}

impl Master {
    /// Turns the notes into effects. Answers to requests go behind them: a client that has its answer reads its own writes.
    pub(crate) fn publish(&mut self, cx: &mut Cx, start_of_step: usize) {
        let is_answer = |effect: &mut Effect| matches!(effect, Effect::Answer { .. });
        let answers: Vec<Effect> = cx.effects.extract_if(start_of_step.., is_answer).collect();

        let changes = std::mem::take(&mut self.changes);
        for handle in changes.agents {
            if let Some(agent) = self.agents.registered.get(handle) {
                let deactivated = self.agents.deactivated.contains(&agent.id);
                let drain = self.agents.draining.get(&agent.id);
                let drain = drain.map(|drain| DrainView { info: drain.info, told: drain.told });
                cx.push(Effect::Changed(Changed::Agent(agent.view(handle, deactivated, drain).into())));
            }
        }
        for handle in changes.frameworks {
            if let Some(framework) = self.frameworks.registered.get(handle) {
                cx.push(Effect::Changed(Changed::Framework(framework.view(handle).into())));
            }
        }
        if changes.maintenance {
            cx.push(Effect::Changed(Changed::Maintenance(self.maintenance.clone().into())));
        }
        for machine in changes.answered {
            let answers = self.offers.inverse.answers_on(&machine);
            cx.push(Effect::Changed(Changed::InverseAnswers { machine, answers }));
        }
        cx.effects.extend(changes.others.into_iter().map(Effect::Changed));
        cx.effects.extend(answers);
    }
}
