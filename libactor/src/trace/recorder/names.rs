//! The names of messages, each once. They never give way: programs have a few hundred.

use std::borrow::Cow;
use std::collections::HashMap;

/// What one name takes in both places, when they have grown by doubling.
const NAME_BYTES: usize = 160;

/// The last number, for names beyond the room.
const NAMES: usize = 1 << 10;

/// More room than this is not used.
pub(super) const MOST_BYTES: usize = NAMES * NAME_BYTES;

/// What stands for a name for which there was no room.
const OTHER: &str = "(a name not kept)";

pub(super) struct Names {
    names: Vec<Cow<'static, str>>,
    numbers: HashMap<Cow<'static, str>, u16>,
    most: usize,
    // What names take that no program of ours has: an outsider makes them up.
    strange: usize,
}

impl Names {
    pub(super) fn new(room: usize) -> Names {
        let most = (room / NAME_BYTES).clamp(2, NAMES);
        Names { names: vec![OTHER.into()], numbers: HashMap::new(), most, strange: 0 }
    }

    /// The number of the name. Names that are not the program's own get a quarter of the room together.
    #[expect(clippy::ptr_arg, reason = "a name that is borrowed lives for ever")]
    pub(super) fn number(&mut self, name: &Cow<'static, str>) -> u16 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        if let Cow::Owned(name) = name {
            // Kept in both places.
            let bytes = 2 * name.len() + NAME_BYTES;
            if self.strange + bytes > self.most * NAME_BYTES / 4 {
                return 0;
            }
            self.strange += bytes;
        }
        if self.names.len() >= self.most {
            return 0;
        }
        let number = self.names.len() as u16;
        self.names.push(name.clone());
        self.numbers.insert(name.clone(), number);
        number
    }

    /// What all of it takes when it is full.
    #[cfg(test)]
    pub(super) fn most_bytes(&self) -> usize {
        self.most * NAME_BYTES
    }

    /// All, by their numbers.
    pub(super) fn all(&self) -> Vec<Cow<'static, str>> {
        self.names.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_names_do_not_take_the_room_of_the_programs_own() {
        let mut names = Names::new(64 * NAME_BYTES);

        let made_up: Vec<u16> =
            (0..1000).map(|n| names.number(&Cow::Owned(format!("made.up.{n}")))).collect();
        let own = names.number(&"mesos.internal.Own".into());

        assert!(made_up[0] > 0 && made_up[999] == 0);
        assert_eq!(made_up[0], names.number(&Cow::Owned("made.up.0".into())));
        assert_eq!(names.all()[usize::from(own)], "mesos.internal.Own");
        assert_eq!(names.all()[0], OTHER);
        assert!(names.all().len() < 20);
    }
}
