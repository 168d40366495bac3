//! How a cause crosses what is not ours: HTTP requests, as W3C trace context says, and streams of protobuf messages.

use super::{Cause, MessageId, TraceId};

/// The numbers of two fields that no schema has: readers that do not look for them skip them, as protobuf wants it.
const TRACE_FIELD: u64 = 536_870_910;
const MESSAGE_FIELD: u64 = 536_870_911;
/// A key of five bytes and a number of eight, twice.
const SUFFIX: usize = 26;
/// A number of eight bytes.
const FIXED64: u64 = 1;

impl Cause {
    /// As the value of the header `traceparent`; none if there is nothing to follow from. Our trace ids are the lower half of
    /// those of the standard.
    pub fn to_traceparent(self) -> Option<String> {
        let is_cause = self.trace.0 != 0 && self.message.0 != 0;
        is_cause.then(|| format!("00-{:032x}-{}-01", self.trace.0, self.message))
    }

    /// From the value of the header `traceparent`. None if it is not of the standard's form, which asks to ignore it then.
    pub fn from_traceparent(text: &str) -> Option<Cause> {
        let mut parts = text.trim().split('-');
        let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        // Later versions may append parts; this one has none.
        let is_whole = version != "00" || parts.next().is_none();
        let is_hex = |text: &str, digits: usize| {
            text.len() == digits && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        };
        let is_form = is_hex(version, 2) && is_hex(trace, 32) && is_hex(parent, 16) && is_hex(flags, 2);
        if !is_whole || !is_form || version == "ff" {
            return None;
        }
        let trace = u64::from_str_radix(&trace[16..], 16).ok()?;
        let message = u64::from_str_radix(parent, 16).ok()?;
        (trace != 0 && message != 0).then_some(Cause { trace: TraceId(trace), message: MessageId(message) })
    }

    /// Adds itself to an encoded protobuf message, for a reader that asked for it.
    pub fn append_to(self, body: &mut Vec<u8>) {
        for (field, value) in [(TRACE_FIELD, self.trace.0), (MESSAGE_FIELD, self.message.0)] {
            body.extend(key(field));
            body.extend(value.to_le_bytes());
        }
    }

    /// What [`append_to`](Cause::append_to) added.
    pub fn at_end_of(body: &[u8]) -> Option<Cause> {
        let suffix = &body[body.len().checked_sub(SUFFIX)?..];
        let (trace, message) = suffix.split_at(SUFFIX / 2);
        let value = |field: &[u8], number: u64| {
            let value = field.strip_prefix(&key(number))?;
            Some(u64::from_le_bytes(value.try_into().ok()?))
        };
        let trace = TraceId(value(trace, TRACE_FIELD)?);
        Some(Cause { trace, message: MessageId(value(message, MESSAGE_FIELD)?) })
    }
}

/// The varint before a field's value.
fn key(field: u64) -> [u8; 5] {
    let key = (field << 3) | FIXED64;
    let mut bytes = [0; 5];
    for (place, byte) in bytes.iter_mut().enumerate() {
        let more = if place < 4 { 0x80 } else { 0 };
        *byte = ((key >> (7 * place)) & 0x7f) as u8 | more;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAUSE: Cause = Cause { trace: TraceId(0xc0ffee), message: MessageId(0xb7ad6b7169203331) };

    #[test]
    fn a_cause_is_a_traceparent_and_back() {
        let text = CAUSE.to_traceparent().expect("a header");

        assert_eq!(text, "00-00000000000000000000000000c0ffee-b7ad6b7169203331-01");
        assert_eq!(Cause::from_traceparent(&text), Some(CAUSE));
        assert_eq!(Cause::default().to_traceparent(), None);
    }

    #[test]
    fn other_versions_are_read_and_nonsense_is_ignored() {
        let later = "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-more";
        assert_eq!(
            Cause::from_traceparent(later).map(|cause| cause.trace),
            Some(TraceId(0x8448eb211c80319c))
        );
        for nonsense in [
            "",
            "00",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-é-b7ad6b7169203331-01",
        ] {
            assert_eq!(Cause::from_traceparent(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn a_cause_at_the_end_of_a_message_is_found_there_and_skipped_by_others() {
        #[derive(Clone, PartialEq, prost::Message)]
        struct Text {
            #[prost(string, tag = "1")]
            text: String,
        }
        let message = Text { text: "hello".into() };
        let mut body = prost::Message::encode_to_vec(&message);
        assert_eq!(Cause::at_end_of(&body), None);

        CAUSE.append_to(&mut body);

        assert_eq!(Cause::at_end_of(&body), Some(CAUSE));
        assert_eq!(<Text as prost::Message>::decode(&body[..]), Ok(message));
    }
}
