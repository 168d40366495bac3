//! Where entities are kept: by the caller's handles, or under numbers of the allocator's own. Both are vectors of slots,
//! so that finding one costs nothing, and iterate in the order of slots.

use std::fmt;
use std::ops::{Index, IndexMut};

use crate::{AgentHandle, FrameworkHandle};

/// A slot and its generation.
pub(crate) trait Handle: Copy + PartialEq + fmt::Display {
    fn slot(self) -> usize;
}

impl Handle for AgentHandle {
    fn slot(self) -> usize {
        self.slot as usize
    }
}

impl Handle for FrameworkHandle {
    fn slot(self) -> usize {
        self.slot as usize
    }
}

/// What the caller keeps in slots is kept in the same slots here. A handle that outlived its entity finds nothing.
#[derive(Clone, Debug)]
pub(crate) struct ByHandle<H, T> {
    slots: Vec<Option<(H, T)>>,
}

impl<H: Handle, T> ByHandle<H, T> {
    pub(crate) const fn new() -> Self {
        Self { slots: Vec::new() }
    }

    /// Keeps an entity in its slot, which its predecessor must have left.
    pub(crate) fn insert(&mut self, handle: H, value: T) {
        if self.slots.len() <= handle.slot() {
            self.slots.resize_with(handle.slot() + 1, || None);
        }
        let slot = &mut self.slots[handle.slot()];
        if let Some((there, _)) = slot {
            panic!("{handle} is added once, and after {there} was removed");
        }
        *slot = Some((handle, value));
    }

    pub(crate) fn remove(&mut self, handle: H) -> Option<T> {
        let slot = self.slots.get_mut(handle.slot())?;
        slot.take_if(|(there, _)| *there == handle).map(|(_, value)| value)
    }

    pub(crate) fn get(&self, handle: H) -> Option<&T> {
        let (there, value) = self.slots.get(handle.slot())?.as_ref()?;
        (*there == handle).then_some(value)
    }

    pub(crate) fn get_mut(&mut self, handle: H) -> Option<&mut T> {
        let (there, value) = self.slots.get_mut(handle.slot())?.as_mut()?;
        (*there == handle).then_some(value)
    }

    pub(crate) fn contains(&self, handle: H) -> bool {
        self.get(handle).is_some()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (H, &T)> {
        self.slots.iter().flatten().map(|(handle, value)| (*handle, value))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (H, &mut T)> {
        self.slots.iter_mut().flatten().map(|(handle, value)| (*handle, value))
    }
}

impl<H: Handle, T> Index<H> for ByHandle<H, T> {
    type Output = T;

    fn index(&self, handle: H) -> &T {
        self.get(handle).unwrap_or_else(|| panic!("{handle} is known"))
    }
}

impl<H: Handle, T> IndexMut<H> for ByHandle<H, T> {
    fn index_mut(&mut self, handle: H) -> &mut T {
        self.get_mut(handle).unwrap_or_else(|| panic!("{handle} is known"))
    }
}

/// Entities under numbers that the arena gives; the number of one that was removed is given again.
#[derive(Clone, Debug)]
pub(crate) struct Arena<T> {
    slots: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Arena<T> {
    pub(crate) const fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new() }
    }

    pub(crate) fn insert(&mut self, value: T) -> u32 {
        match self.free.pop() {
            Some(number) => {
                self.slots[number as usize] = Some(value);
                number
            }
            None => {
                self.slots.push(Some(value));
                u32::try_from(self.slots.len() - 1).expect("fewer roles than numbers")
            }
        }
    }

    pub(crate) fn remove(&mut self, number: u32) -> T {
        self.free.push(number);
        self.slots[number as usize].take().expect("it is removed once")
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        let numbered = self.slots.iter().enumerate();
        numbered.filter_map(|(number, slot)| Some((number as u32, slot.as_ref()?)))
    }
}

impl<T> Index<u32> for Arena<T> {
    type Output = T;

    fn index(&self, number: u32) -> &T {
        self.slots[number as usize].as_ref().expect("it is there")
    }
}

impl<T> IndexMut<u32> for Arena<T> {
    fn index_mut(&mut self, number: u32) -> &mut T {
        self.slots[number as usize].as_mut().expect("it is there")
    }
}
