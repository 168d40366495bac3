//! Answers that are written while they are read: a list of pieces, made at once from the values there are, and written one after
//! the other when the reader wants more. It holds the values of the moment of the question, whatever changes meanwhile.

use std::sync::Arc;

use super::cluster::{KeptAgent, KeptTask};
use super::entities;
use super::kept::Form;

/// What is left to write of an answer.
pub(crate) struct Body {
    form: Form,
    pieces: std::vec::IntoIter<Piece>,
    /// Of protobuf the lengths of messages stand before them: those are known.
    measured: bool,
}

struct Piece {
    lead: Lead,
    what: What,
}

/// What stands before a piece.
#[derive(Clone, Copy)]
enum Lead {
    Nothing,
    /// JSON: another element of its list.
    Comma,
    /// Protobuf: it is a field of this number, and its length comes first.
    Field(u8),
}

/// A piece of an answer.
pub(super) enum What {
    Text(Box<[u8]>),
    Task(KeptTask),
    Agent(KeptAgent),
    /// Written when it is wanted, and not kept.
    Late(Late),
    /// Protobuf: what follows, up to the `Close`, is a message that is a field of this number.
    Open(u8),
    Close,
}

/// Writes a piece.
pub(super) type Late = Box<dyn FnOnce(&mut Vec<u8>) + Send>;

impl Body {
    /// An answer that is written already.
    pub(super) fn of(text: Vec<u8>) -> Body {
        let pieces = vec![Piece::plain(What::Text(text.into()))].into_iter();
        Body { form: Form::Legacy, pieces, measured: true }
    }

    /// Puts text around it, as JSONP does.
    pub(crate) fn between(self, before: String, after: &'static str) -> Body {
        let plain = |text: &str| Piece::plain(What::Text(text.as_bytes().into()));
        let pieces: Vec<Piece> =
            std::iter::once(plain(&before)).chain(self.pieces).chain([plain(after)]).collect();
        Body { pieces: pieces.into_iter(), ..self }
    }

    /// Writes until there are about so many bytes; false after the end.
    pub(crate) fn write(&mut self, out: &mut Vec<u8>, enough: usize) -> bool {
        if !self.measured {
            let mut pieces: Vec<Piece> = std::mem::take(&mut self.pieces).collect();
            measure(&mut pieces);
            self.pieces = pieces.into_iter();
            self.measured = true;
        }
        while out.len() < enough {
            let Some(piece) = self.pieces.next() else { return false };
            piece.write(self.form, out);
        }
        self.pieces.len() > 0
    }

    /// All of it.
    #[cfg(test)]
    pub(super) fn whole(mut self) -> Vec<u8> {
        let mut out = Vec::new();
        while self.write(&mut out, usize::MAX) {}
        out
    }
}

impl Piece {
    fn plain(what: What) -> Piece {
        Piece { lead: Lead::Nothing, what }
    }

    fn write(self, form: Form, out: &mut Vec<u8>) {
        let kept = match &self.what {
            What::Task(task) => entities::task_text(task, form),
            What::Agent(agent) => entities::agent_text(agent, form),
            What::Text(text) => text,
            What::Late(_) | What::Open(_) | What::Close => &[],
        };
        match self.lead {
            Lead::Nothing => {}
            Lead::Comma => out.push(b','),
            Lead::Field(number) => field(number, kept.len(), out),
        }
        out.extend_from_slice(kept);
        if let What::Late(write) = self.what {
            write(out);
        }
    }

    /// How many bytes it is, once it is as it will be written.
    fn length(&self) -> usize {
        let kept = match &self.what {
            What::Task(task) => entities::task_text(task, Form::Protobuf),
            What::Agent(agent) => entities::agent_text(agent, Form::Protobuf),
            What::Text(text) => text,
            What::Late(_) | What::Open(_) | What::Close => &[],
        };
        match self.lead {
            Lead::Nothing | Lead::Comma => kept.len(),
            Lead::Field(_) => 1 + prost::length_delimiter_len(kept.len()) + kept.len(),
        }
    }
}

/// The beginning of a field that is a message of this length. Numbers below 16 take one byte, and those of answers are.
fn field(number: u8, length: usize, out: &mut Vec<u8>) {
    /// Of protobuf's wire types that of messages.
    const LENGTH_DELIMITED: u8 = 2;
    out.push(number << 3 | LENGTH_DELIMITED);
    prost::encode_length_delimiter(length, out).expect("a vector takes all bytes");
}

/// An answer that is being put together.
pub(super) struct Draft {
    form: Form,
    pieces: Vec<Piece>,
    /// What comes next in JSON has something before it.
    comma: bool,
}

impl Draft {
    pub(super) fn new(form: Form) -> Draft {
        Draft { form, pieces: Vec::new(), comma: false }
    }

    /// The beginning of an object that is no element of anything.
    pub(super) fn begin(&mut self) {
        self.text("{");
        self.comma = false;
    }

    /// Text as it is; the next element or key follows something.
    pub(super) fn text(&mut self, text: impl Into<Vec<u8>>) {
        self.pieces.push(Piece::plain(What::Text(text.into().into())));
        self.comma = true;
    }

    /// A message that is a field of the one around it, which `fill` fills.
    pub(super) fn message(&mut self, name: &str, number: u8, fill: impl FnOnce(&mut Draft)) {
        if self.form == Form::Protobuf {
            self.pieces.push(Piece::plain(What::Open(number)));
            fill(self);
            return self.pieces.push(Piece::plain(What::Close));
        }
        self.key(name, '{');
        fill(self);
        self.text("}");
    }

    /// A list: JSON has it even when it is empty.
    pub(super) fn list(&mut self, name: &str, number: u8, items: impl Iterator<Item = What>) {
        if self.form == Form::Protobuf {
            return self.pieces.extend(items.map(|what| Piece { lead: Lead::Field(number), what }));
        }
        self.key(name, '[');
        for what in items {
            self.element(what);
        }
        self.text("]");
    }

    /// A list in JSON whose elements are put together in turn; each begins with [`element`](Draft::element).
    pub(super) fn list_of<T>(
        &mut self,
        name: &str,
        items: impl Iterator<Item = T>,
        mut put: impl FnMut(&mut Draft, T),
    ) {
        self.key(name, '[');
        for item in items {
            put(self, item);
        }
        self.text("]");
    }

    /// An element of a JSON list, or its beginning.
    pub(super) fn element(&mut self, what: What) {
        let lead = if self.comma { Lead::Comma } else { Lead::Nothing };
        self.pieces.push(Piece { lead, what });
        self.comma = true;
    }

    /// The rest of an element that was begun.
    pub(super) fn rest(&mut self, what: What) {
        self.pieces.push(Piece::plain(what));
        self.comma = true;
    }

    fn key(&mut self, name: &str, bracket: char) {
        let comma = if self.comma { "," } else { "" };
        self.text(format!("{comma}\"{name}\":{bracket}"));
        self.comma = false;
    }

    /// The answer.
    pub(super) fn finish(self) -> Body {
        let measured = self.form != Form::Protobuf;
        Body { form: self.form, pieces: self.pieces.into_iter(), measured }
    }
}

/// Puts the lengths of messages before them: all is written for it that is not kept.
fn measure(pieces: &mut [Piece]) {
    let mut lengths = vec![0];
    for piece in pieces.iter_mut().rev() {
        match &mut piece.what {
            What::Close => {
                lengths.push(0);
                continue;
            }
            What::Open(number) => {
                let length = lengths.pop().expect("what is closed was opened");
                let mut head = Vec::new();
                field(*number, length, &mut head);
                *lengths.last_mut().expect("the answer is around it") += length;
                piece.what = What::Text(head.into());
            }
            What::Late(write) => {
                let write = std::mem::replace(write, Box::new(|_| ()));
                let mut text = Vec::new();
                write(&mut text);
                piece.what = What::Text(text.into());
            }
            What::Text(_) | What::Task(_) | What::Agent(_) => {}
        }
        *lengths.last_mut().expect("the answer is around it") += piece.length();
    }
}

/// Writes a value that is shared, when it is wanted.
pub(super) fn late<V: Send + Sync + 'static>(value: &Arc<V>, write: fn(&V, &mut Vec<u8>)) -> What {
    let value = value.clone();
    What::Late(Box::new(move |out| write(&value, out)))
}
