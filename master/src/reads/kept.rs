//! A value together with the texts that it was written as. Answers about whole clusters are put together from these, and only
//! what changed since somebody last asked is written anew.

use std::sync::OnceLock;

/// The ways in which entities are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The JSON of endpoints that are older than the v1 API.
    Legacy,
    /// The v1 API's JSON.
    Json,
    /// The v1 API's protobuf.
    Protobuf,
}

/// How many forms there are.
const FORMS: usize = 3;

/// A value that does not change; a newer one comes in a `Kept` of its own, without texts.
pub(super) struct Kept<V> {
    pub(super) value: V,
    // Behind one pointer: most values are never asked for.
    texts: OnceLock<Box<[Text; FORMS]>>,
}

type Text = OnceLock<Box<[u8]>>;

impl<V> Kept<V> {
    pub(super) fn new(value: V) -> Kept<V> {
        Kept { value, texts: OnceLock::new() }
    }

    /// The text of the value; `write` makes it for the first who asks.
    pub(super) fn text(&self, form: Form, write: impl FnOnce(&V, &mut Vec<u8>)) -> &[u8] {
        self.texts.get_or_init(Box::default)[form as usize].get_or_init(|| {
            let mut text = Vec::new();
            write(&self.value, &mut text);
            text.into_boxed_slice()
        })
    }

    /// Whether any text is kept.
    pub(super) fn has_texts(&self) -> bool {
        self.texts.get().is_some()
    }
}
