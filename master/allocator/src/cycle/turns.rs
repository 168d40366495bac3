//! Whose turn it is on one agent: everybody in order, or those of them who are awake.

use crate::attention::Attention;
use crate::roles::RoleId;
use crate::sorter::Walk;
use crate::{Allocator, FrameworkHandle};

/// Roles, or the frameworks of one.
pub(super) enum Turns<K> {
    Everybody(Walk<K>),
    Some(std::vec::IntoIter<K>),
}

impl Allocator {
    pub(super) fn role_turns(&mut self, attention: &Attention) -> Turns<RoleId> {
        match attention {
            Attention::Settled => Turns::Some(Vec::new().into_iter()),
            Attention::For(awake) => {
                let roles = self.role_sorter.in_order(awake.roles(), &self.totals, &mut self.random);
                Turns::Some(roles.into_iter())
            }
            Attention::ForEverybody => Turns::Everybody(self.role_sorter.walk(&self.totals)),
        }
    }

    pub(super) fn next_role(&mut self, turns: &mut Turns<RoleId>) -> Option<RoleId> {
        match turns {
            Turns::Everybody(walk) => self.role_sorter.next(walk, &mut self.random),
            Turns::Some(roles) => roles.next(),
        }
    }

    pub(super) fn framework_turns(&mut self, role: RoleId, attention: &Attention) -> Turns<FrameworkHandle> {
        let sorter = &mut self.roles.member_mut(role).sorter;
        let some = match attention {
            Attention::For(awake) => awake.frameworks(role),
            Attention::Settled | Attention::ForEverybody => None,
        };
        match some {
            Some(some) => {
                let frameworks = sorter.in_order(some.iter().copied(), &self.totals, &mut self.random);
                Turns::Some(frameworks.into_iter())
            }
            None => Turns::Everybody(sorter.walk(&self.totals)),
        }
    }

    pub(super) fn next_framework(
        &mut self,
        role: RoleId,
        turns: &mut Turns<FrameworkHandle>,
    ) -> Option<FrameworkHandle> {
        match turns {
            Turns::Everybody(walk) => self.roles.member_mut(role).sorter.next(walk, &mut self.random),
            Turns::Some(frameworks) => frameworks.next(),
        }
    }
}
