//! Storage for entities that refer to each other by handle: a vector of slots with generations, so that a handle to
//! something that is gone finds nothing instead of its successor. Iterates in slot order.

use serde::{Deserialize, Serialize};

/// A slot and its generation, typed by what lies there.
pub trait Handle: Copy {
    fn at(slot: u32, generation: u32) -> Self;
    fn slot(self) -> u32;
    fn generation(self) -> u32;
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Slot<T> {
    generation: u32,
    value: Option<T>,
}

/// The entities of one kind.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Slab<H, T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    len: usize,
    #[serde(skip)]
    handle: std::marker::PhantomData<H>,
}

impl<H: Handle, T> Slab<H, T> {
    pub fn new() -> Slab<H, T> {
        Slab { slots: Vec::new(), free: Vec::new(), len: 0, handle: std::marker::PhantomData }
    }

    /// The handle that the next [`insert`](Slab::insert) gives.
    pub fn next_handle(&self) -> H {
        match self.free.last() {
            Some(&slot) => H::at(slot, self.slots[slot as usize].generation),
            None => H::at(self.slots.len() as u32, 0),
        }
    }

    pub fn insert(&mut self, value: T) -> H {
        let handle = self.next_handle();
        match self.free.pop() {
            Some(slot) => self.slots[slot as usize].value = Some(value),
            None => self.slots.push(Slot { generation: 0, value: Some(value) }),
        }
        self.len += 1;
        handle
    }

    pub fn get(&self, handle: H) -> Option<&T> {
        let slot = self.slots.get(handle.slot() as usize)?;
        if slot.generation == handle.generation() { slot.value.as_ref() } else { None }
    }

    pub fn get_mut(&mut self, handle: H) -> Option<&mut T> {
        let slot = self.slots.get_mut(handle.slot() as usize)?;
        if slot.generation == handle.generation() { slot.value.as_mut() } else { None }
    }

    pub fn remove(&mut self, handle: H) -> Option<T> {
        let slot = self.slots.get_mut(handle.slot() as usize)?;
        if slot.generation != handle.generation() {
            return None;
        }
        let value = slot.value.take()?;
        slot.generation += 1;
        self.free.push(handle.slot());
        self.len -= 1;
        Some(value)
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn iter(&self) -> impl Iterator<Item = (H, &T)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| {
            let value = slot.value.as_ref()?;
            Some((H::at(index as u32, slot.generation), value))
        })
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (H, &mut T)> {
        self.slots.iter_mut().enumerate().filter_map(|(index, slot)| {
            let value = slot.value.as_mut()?;
            Some((H::at(index as u32, slot.generation), value))
        })
    }

    /// The handles alone, for loops that change what they visit.
    pub fn handles(&self) -> Vec<H> {
        self.iter().map(|(handle, _)| handle).collect()
    }
}

impl<H: Handle, T> std::ops::Index<H> for Slab<H, T> {
    type Output = T;

    fn index(&self, handle: H) -> &T {
        self.get(handle).expect("a handle that the core holds names a living entity")
    }
}

impl<H: Handle, T> std::ops::IndexMut<H> for Slab<H, T> {
    fn index_mut(&mut self, handle: H) -> &mut T {
        self.get_mut(handle).expect("a handle that the core holds names a living entity")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::AgentHandle;

    #[test]
    fn a_handle_never_finds_its_successor() {
        let mut slab: Slab<AgentHandle, &str> = Slab::new();

        let first = slab.insert("first");
        slab.remove(first);
        let second = slab.insert("second");

        assert_eq!(slab.get(first), None);
        assert_eq!(slab.get(second), Some(&"second"));
        assert_eq!(first.slot, second.slot);
        assert_eq!(slab.remove(first), None);
        assert_eq!(slab.len(), 1);
    }
}
