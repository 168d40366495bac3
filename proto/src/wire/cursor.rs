//! Reads protobuf's wire format, field by field, without knowing the message.

/// How deep groups may nest in fields that nobody knows. Protobuf's own limit for nesting.
const MAX_GROUPS: usize = 100;

/// A position in the bytes of a message.
#[derive(Clone)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
    position: usize,
}

/// What a field carries, as far as the wire tells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
    /// A group: skipped, since no message of Mesos has one.
    Group,
}

/// What is wrong with the bytes.
pub type Fault = &'static str;

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8]) -> Cursor<'a> {
        Cursor { bytes, position: 0 }
    }

    pub fn position(&self) -> usize {
        self.position
    }

    /// The next field's number and value, or none at the end.
    pub fn next_field(&mut self) -> Result<Option<(u32, Value<'a>)>, Fault> {
        if self.position == self.bytes.len() {
            return Ok(None);
        }
        let (number, wire_type) = self.tag()?;
        let value = match wire_type {
            3 => {
                self.skip_group(number)?;
                Value::Group
            }
            4 => return Err("a group ends that has not begun"),
            other => self.value(other)?,
        };
        Ok(Some((number, value)))
    }

    fn tag(&mut self) -> Result<(u32, u8), Fault> {
        let tag = u32::try_from(self.varint()?).map_err(|_| "a field number is too large")?;
        match tag >> 3 {
            0 => Err("a field has number 0"),
            number => Ok((number, (tag & 7) as u8)),
        }
    }

    fn value(&mut self, wire_type: u8) -> Result<Value<'a>, Fault> {
        match wire_type {
            0 => Ok(Value::Varint(self.varint()?)),
            1 => Ok(Value::Fixed64(u64::from_le_bytes(self.array()?))),
            2 => {
                let length = self.varint()?;
                let length = usize::try_from(length).map_err(|_| "a length is too large")?;
                Ok(Value::Bytes(self.take(length)?))
            }
            5 => Ok(Value::Fixed32(u32::from_le_bytes(self.array()?))),
            _ => Err("a field has a wire type that does not exist"),
        }
    }

    /// Skips to the end of a group, without recursion: the stack of open groups is a list of numbers.
    fn skip_group(&mut self, number: u32) -> Result<(), Fault> {
        let mut open = vec![number];
        while let Some(innermost) = open.last() {
            let (number, wire_type) = self.tag()?;
            match wire_type {
                3 if open.len() == MAX_GROUPS => return Err("groups are nested too deep"),
                3 => open.push(number),
                4 if number == *innermost => {
                    open.pop();
                }
                4 => return Err("a group ends with another group's number"),
                other => {
                    self.value(other)?;
                }
            }
        }
        Ok(())
    }

    fn varint(&mut self) -> Result<u64, Fault> {
        let mut value = 0_u64;
        for index in 0..10 {
            let byte = *self.bytes.get(self.position).ok_or("it ends inside a number")?;
            self.position += 1;
            if index == 9 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err("a number takes more than 64 bits")
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let taken = self.take(N)?;
        Ok(taken.try_into().expect("as many bytes were taken"))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Fault> {
        let rest = &self.bytes[self.position..];
        let taken = rest.get(..length).ok_or("it ends inside a field")?;
        self.position += length;
        Ok(taken)
    }
}
