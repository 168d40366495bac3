//! A tail as its client reads it: a line, or a length and a protobuf message, for each message that was tapped.

use std::collections::BTreeSet;

use bytes::{Bytes, BytesMut};
use prost::Message as _;
use tokio::sync::mpsc;

use crate::limits::TRACED_NODES;
use crate::trace::http::PROTOBUF;
use crate::trace::wire::{Message, Messages, Nodes, TailItem, Tapped};

#[derive(Clone, Copy)]
pub(crate) enum Format {
    Json,
    Protobuf,
}

pub(crate) struct Stream {
    tapped: mpsc::Receiver<Tapped>,
    format: Format,
    // Messages that are still shown.
    left: u64,
    asked: BTreeSet<String>,
    answered: BTreeSet<String>,
    ended: bool,
}

impl Format {
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Format::Json => "application/x-ndjson",
            Format::Protobuf => PROTOBUF,
        }
    }

    fn write(self, item: &TailItem, to: &mut BytesMut) {
        match self {
            Format::Json => {
                if let Ok(line) = serde_json::to_vec(item) {
                    to.extend_from_slice(&line);
                    to.extend_from_slice(b"\n");
                }
            }
            Format::Protobuf => to.extend_from_slice(&item.encode_length_delimited_to_vec()),
        }
    }
}

impl Stream {
    pub(crate) fn new(tapped: mpsc::Receiver<Tapped>, most: u64, format: Format) -> Stream {
        let (asked, answered) = (BTreeSet::new(), BTreeSet::new());
        Stream { tapped, format, left: most, asked, answered, ended: false }
    }

    /// Dropped with the client's connection, which closes the tap everywhere.
    pub(crate) fn items(self) -> impl futures::Stream<Item = Result<Bytes, actix_web::Error>> {
        futures::stream::unfold(self, |mut stream| async move {
            let bytes = stream.next().await?;
            Some((Ok(bytes), stream))
        })
    }

    async fn next(&mut self) -> Option<Bytes> {
        while !self.ended {
            let mut bytes = BytesMut::new();
            match self.tapped.recv().await {
                Some(batch) => self.write(batch, &mut bytes),
                None => self.end("its time is over", &mut bytes),
            }
            if !bytes.is_empty() {
                return Some(bytes.freeze());
            }
        }
        None
    }

    fn write(&mut self, batch: Tapped, to: &mut BytesMut) {
        self.takes_part(&batch);
        let mut left_out = batch.left_out;
        // Peers are other programs: what does not decode is counted like what did not fit.
        let Ok(Messages { messages, .. }) = Messages::decode(batch.messages) else {
            left_out += u64::from(batch.count);
            return self.count(left_out, to);
        };
        for message in messages {
            if self.left == 0 {
                left_out += 1;
                continue;
            }
            self.left -= 1;
            self.format.write(&of(message), to);
        }
        self.count(left_out, to);
        if self.left == 0 {
            self.end("as many messages as were wanted are shown", to);
        }
    }

    fn takes_part(&mut self, batch: &Tapped) {
        if !batch.node.is_empty() && self.answered.len() < TRACED_NODES {
            self.answered.insert(batch.node.clone());
        }
        for node in &batch.asked {
            if self.asked.len() < TRACED_NODES {
                self.asked.insert(node.clone());
            }
        }
    }

    fn count(&mut self, left_out: u64, to: &mut BytesMut) {
        if left_out > 0 {
            self.format.write(&TailItem { left_out, ..TailItem::default() }, to);
        }
    }

    fn end(&mut self, why: &str, to: &mut BytesMut) {
        self.ended = true;
        self.tapped.close();
        let silent: Vec<String> = self.asked.difference(&self.answered).cloned().collect();
        let answered = self.answered.len() as u64;
        let nodes = Nodes { asked: answered + silent.len() as u64, answered, silent, not_asked: 0 };
        let end = Some(why.to_owned());
        // What was left out has been said; here it would be counted twice by who adds.
        self.format.write(&TailItem { message: None, left_out: 0, end, nodes: Some(nodes) }, to);
    }
}

fn of(message: Message) -> TailItem {
    TailItem { message: Some(message), ..TailItem::default() }
}
