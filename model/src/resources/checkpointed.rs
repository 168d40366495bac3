//! What an agent must remember of its resources: what was reserved at run time, and the volumes. The rest it is told by its
//! flags each time it starts.

use super::{Metadata, ReservationKind, Resource, Resources};

impl Resource {
    /// Whether an agent keeps it on disk: it was reserved at run time, or is a persistent volume.
    pub fn is_checkpointed(&self) -> bool {
        let is_own = self.metadata().is_none_or(|metadata| metadata.provider_id.is_none());
        let is_dynamic = self.reservation().is_some_and(|last| last.kind == ReservationKind::Dynamic);
        is_own && (is_dynamic || self.is_persistent_volume())
    }
}

impl Resources {
    /// What an agent with these resources keeps on disk.
    pub fn checkpointed(&self) -> Self {
        self.filter(Resource::is_checkpointed)
    }

    /// An agent's resources as its flags say, with what it kept on disk put in the place of what it was made of.
    ///
    /// # Errors
    /// The flags do not give so much (any more), in Mesos' words.
    pub fn with_checkpointed(&self, checkpointed: &Self) -> Result<Self, String> {
        let mut total = self.clone();
        for entry in checkpointed {
            let entry = entry.clone().with_copies(1);
            if !entry.is_checkpointed() {
                return Err(format!("Unexpected checkpointed resources {entry}"));
            }
            let origin = origin(&entry);
            if !total.contains_entry(&origin) {
                return Err(format!("Incompatible agent resources: {total} does not contain {origin}"));
            }
            total -= &origin;
            total += entry;
        }
        Ok(total)
    }
}

/// What the flags must give for it: without volume, and without what was reserved at run time.
fn origin(entry: &Resource) -> Resource {
    let stripped = entry.space();
    let metadata = stripped.metadata_to_change();
    let fixed = metadata.reservations.iter().take(1).filter(|first| first.kind == ReservationKind::Static);
    let reservations = fixed.cloned().collect();
    stripped.with_metadata(Metadata { reservations, ..metadata })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;
    use crate::resources::Reservation;

    #[test]
    fn flags_and_what_was_kept_make_the_total() {
        let web = Role::parse("web").unwrap();
        let refined = Reservation::dynamic(Role::parse("web/a").unwrap(), None);
        let dynamic = Reservation::dynamic(web.clone(), None);
        let flags = Resources::parse("cpus:4;mem(web):1024;ports:[1-9]", &Role::star()).unwrap();
        let push = |resources: &Resources, reservation| resources.push_reservation(reservation).unwrap();
        let cpus = push(&Resources::parse("cpus:1;ports:[2-3]", &Role::star()).unwrap(), &dynamic);
        let mem = push(&Resources::parse("mem:24", &web).unwrap(), &refined);

        let total = flags.with_checkpointed(&(&cpus + &mem)).unwrap();

        assert_eq!(total.checkpointed(), &cpus + &mem);
        assert_eq!(total.quantities(), flags.quantities());
        let less = Resources::parse("cpus:4;mem(web):1024", &Role::star()).unwrap();
        assert_eq!(
            less.with_checkpointed(&cpus).unwrap_err(),
            "Incompatible agent resources: cpus:3; cpus(reservations: [(DYNAMIC,web)]):1; mem(reservations: \
             [(STATIC,web)]):1024 does not contain ports:[2-3]"
        );
    }
}
