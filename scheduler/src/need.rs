//! What a task needs, matched against offers with a reason when it does not fit.

use std::fmt;

use tepui_model::{InvalidResources, Ranges, Resource, ResourceName, Resources, Role, Value};

use crate::Offer;

/// Resources, a number of ports, and attributes of the agent that a task needs.
///
/// ```
/// # use tepui_scheduler::Need;
/// let need: Need = "cpus:0.5; mem:128".parse()?;
/// let need = need.ports(1).attribute("rack", "a");
/// # Ok::<(), tepui_scheduler::InvalidResources>(())
/// ```
#[derive(Debug, Clone)]
pub struct Need {
    resources: Resources,
    ports: u64,
    attributes: Vec<(String, String)>,
}

/// Why an offer does not fit a need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Misfit {
    /// The offer has too little; the text is what is missing and what is left.
    Resources {
        /// What the offer lacks.
        missing: String,
        /// What it has.
        left: String,
    },
    /// The offer has fewer ports than needed.
    Ports {
        /// How many are needed.
        needed: u64,
        /// How many there are.
        left: u64,
    },
    /// The agent's attribute is different or absent.
    Attribute {
        /// The attribute.
        name: String,
        /// Its needed value.
        needed: String,
        /// The agent's value.
        found: Option<String>,
    },
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Misfit::Resources { missing, left } => write!(f, "{missing} missing: the offer has {left} left"),
            Misfit::Ports { needed, left } => write!(f, "{needed} ports needed: the offer has {left} left"),
            Misfit::Attribute { name, needed, found: None } => {
                write!(f, "attribute {name}:{needed} needed: the agent has no {name}")
            }
            Misfit::Attribute { name, needed, found: Some(found) } => {
                write!(f, "attribute {name}:{needed} needed: the agent has {name}:{found}")
            }
        }
    }
}

impl std::error::Error for Misfit {}

impl std::str::FromStr for Need {
    type Err = InvalidResources;

    /// Reads `name:value; …` as Mesos' `--resources` flag does.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let resources = Resources::parse(text, &Role::star())?;
        Ok(Need { resources, ports: 0, attributes: Vec::new() })
    }
}

impl Need {
    /// Needs this many ports, whichever they are.
    #[must_use]
    pub fn ports(mut self, count: u64) -> Self {
        self.ports = count;
        self
    }

    /// Needs an agent with this text attribute.
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.attributes.push((name.into(), value.into()));
        self
    }

    /// Takes what is needed out of an offer, reserved resources first.
    ///
    /// # Errors
    /// Why the offer does not fit; the offer is then unchanged.
    pub fn take(&self, offer: &mut Offer) -> Result<Resources, Misfit> {
        self.check_attributes(offer)?;
        let found = offer.left().find(&self.wanted(offer.left())?).map_err(|missing| Misfit::Resources {
            missing: missing.to_string(),
            left: offer.left().unallocated().to_string(),
        })?;
        offer.take(&found);
        Ok(found)
    }

    fn check_attributes(&self, offer: &Offer) -> Result<(), Misfit> {
        for (name, needed) in &self.attributes {
            let found = offer.attribute(name);
            if found != Some(needed) {
                let found = found.map(str::to_string);
                return Err(Misfit::Attribute { name: name.clone(), needed: needed.clone(), found });
            }
        }
        Ok(())
    }

    /// The resources with any ports made particular ones.
    fn wanted(&self, left: &Resources) -> Result<Resources, Misfit> {
        let mut wanted = self.resources.clone();
        if self.ports > 0 {
            // Ports named by the need itself are not free to be any port.
            let mut free: Ranges = left.ports();
            free.subtract(&wanted.ports());
            let misfit = || Misfit::Ports { needed: self.ports, left: free.count() };
            let chosen = free.smallest(self.ports).ok_or_else(misfit)?;
            wanted += Resource::new(ResourceName::Ports, Value::Ranges(chosen));
        }
        Ok(wanted)
    }
}

#[cfg(test)]
mod tests {
    use tepui_proto::v1;

    use super::*;

    fn offer(resources: &str) -> Offer {
        let mut resources = Resources::parse(resources, &Role::star()).unwrap();
        resources.allocate(&Role::star());
        let text = Some(v1::value::Text { value: "a".into() });
        let rack = v1::Attribute { name: "rack".into(), text, ..Default::default() };
        Offer::new(v1::Offer { resources: (&resources).into(), attributes: vec![rack], ..Default::default() })
            .unwrap()
    }

    fn need(text: &str) -> Need {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_taken_is_no_longer_left() {
        let mut offer = offer("cpus:1; mem:100; ports:[10-12]");

        let first = need("cpus:0.6; mem:10").ports(2).take(&mut offer).unwrap();
        let second = need("cpus:0.6").take(&mut offer).unwrap_err();

        assert_eq!(first.unallocated().to_string(), "cpus:0.6; mem:10; ports:[10-11]");
        assert_eq!(
            second.to_string(),
            "cpus:0.2 missing: the offer has cpus:0.4; mem:90; ports:[12-12] left"
        );
    }

    #[test]
    fn reserved_resources_are_taken_first_and_keep_their_reservation() {
        let mut offer = offer("cpus(web):1; cpus:1; mem:10");

        let taken = need("cpus:1.5").take(&mut offer).unwrap();

        assert_eq!(taken.reserved().cpus().as_f64(), 1.0);
        assert_eq!(taken.unreserved().cpus().as_f64(), 0.5);
    }

    #[test]
    fn a_misfit_says_why() {
        let mut offer = offer("cpus:1; mem:10; ports:[10-12]");
        let mut why = |need: Need| need.take(&mut offer).unwrap_err().to_string();

        assert_eq!(why(need("cpus:1").ports(4)), "4 ports needed: the offer has 3 left");
        assert_eq!(
            why(need("cpus:1").attribute("rack", "b")),
            "attribute rack:b needed: the agent has rack:a"
        );
        assert_eq!(
            why(need("cpus:1").attribute("zone", "b")),
            "attribute zone:b needed: the agent has no zone"
        );
    }
}
