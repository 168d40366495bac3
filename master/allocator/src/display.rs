//! How calls and allocations read.

use std::collections::BTreeSet;
use std::fmt;

use tepui_model::{Role, duration};

use crate::{Allocation, Call, Held};

impl fmt::Display for Allocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { framework, role, agent, resources } = self;
        write!(f, "{framework} as {role} <- {} on {agent}", resources.unallocated())
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddFramework { framework, description, active } => {
                let state = if *active { "" } else { ", inactive" };
                write!(f, "add {framework} {description}{state}")
            }
            Self::UpdateFramework { framework, description } => write!(f, "update {framework} {description}"),
            Self::ActivateFramework(framework) => write!(f, "activate {framework}"),
            Self::DeactivateFramework(framework) => write!(f, "deactivate {framework}"),
            Self::RemoveFramework(framework) => write!(f, "remove {framework}"),
            Self::AddAgent { agent, description, active, used } => {
                let state = if *active { "" } else { ", inactive" };
                write!(f, "add {agent} {}{state}", description.total)?;
                used.iter().try_for_each(|(framework, resources)| write!(f, ", {framework} uses {resources}"))
            }
            Self::UpdateAgent { agent, description } => write!(f, "update {agent} {}", description.total),
            Self::AddUsed { agent, framework, resources } => {
                write!(f, "{framework} uses {resources} on {agent}")
            }
            Self::ActivateAgent(agent) => write!(f, "activate {agent}"),
            Self::DeactivateAgent(agent) => write!(f, "deactivate {agent}"),
            Self::RemoveAgent(agent) => write!(f, "remove {agent}"),
            Self::Launch { agent, framework, resources } => {
                write!(f, "{framework} launched {resources} on {agent}")
            }
            Self::Convert { agent, framework, conversions } => {
                write!(f, "{framework} converted on {agent}")?;
                let mut each = conversions.iter();
                each.try_for_each(|conversion| {
                    write!(f, ", {} to {}", conversion.consumed, conversion.converted)
                })
            }
            Self::Recover { agent, framework, resources, held, refused } => {
                let held = match held {
                    Held::Offered => "offered",
                    Held::Used => "used",
                };
                write!(f, "recovered {held} {resources} on {agent} from {framework}")?;
                match refused {
                    Some(refused) => write!(f, ", refused for {}", duration::print(*refused)),
                    None => Ok(()),
                }
            }
            Self::Suppress { framework, roles } => write!(f, "suppress {framework}{}", in_roles(roles)),
            Self::Revive { framework, roles } => write!(f, "revive {framework}{}", in_roles(roles)),
            Self::UpdateWeights(weights) => {
                f.write_str("weights")?;
                weights.iter().try_for_each(|(role, weight)| write!(f, " {role}={weight}"))
            }
            Self::UpdateQuota { role, quota } => write!(f, "quota of {role}: {quota}"),
            Self::AwaitAgents(expected) => write!(f, "await {expected} agents"),
            Self::SetWhitelist(None) => f.write_str("no whitelist"),
            Self::SetWhitelist(Some(hosts)) => {
                write!(f, "whitelist {}", hosts.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
            }
            Self::UpdateUnavailability { agent, unavailability: None } => {
                write!(f, "{agent} stays available")
            }
            Self::UpdateUnavailability { agent, unavailability: Some(unavailability) } => {
                write!(f, "{agent} is unavailable {unavailability}")
            }
            Self::AnswerInverseOffer { agent, framework, answer, .. } => match answer {
                Some(answer) if answer.accepted => write!(f, "{framework} will leave {agent}"),
                Some(_) => write!(f, "{framework} will not leave {agent}"),
                None => write!(f, "{framework} is not asked to leave {agent} any more"),
            },
        }
    }
}

fn in_roles(roles: &BTreeSet<Role>) -> String {
    if roles.is_empty() {
        return String::new();
    }
    format!(" in {}", roles.iter().map(Role::as_str).collect::<Vec<_>>().join(", "))
}
