//! A resource message as its sender wrote it, right or wrong, for errors.

use tepui_proto::v1::{self, value};

/// Name, allocation and value; what is special about it is left out.
pub(super) fn text(wire: &v1::Resource) -> String {
    let allocation = wire.allocation_info.as_ref().and_then(|info| info.role.as_ref());
    let allocation = allocation.map(|role| format!("(allocated: {role})")).unwrap_or_default();
    let amount = match wire.r#type() {
        value::Type::Scalar => number(wire.scalar.unwrap_or_default().value),
        value::Type::Ranges => {
            let ranges = wire.ranges.as_deref().map(|ranges| ranges.range.as_slice()).unwrap_or_default();
            let ranges: Vec<_> =
                ranges.iter().map(|range| format!("{}-{}", range.begin, range.end)).collect();
            format!("[{}]", ranges.join(", "))
        }
        value::Type::Set => {
            let items = wire.set.as_deref().map(|set| set.item.as_slice()).unwrap_or_default();
            format!("{{{}}}", items.join(", "))
        }
        value::Type::Text => "<text>".to_owned(),
    };
    format!("{}{allocation}:{amount}", wire.name)
}

/// Three decimals are all that counts.
fn number(value: f64) -> String {
    // Adding zero makes a negative zero positive.
    ((value * 1000.0).round() / 1000.0 + 0.0).to_string()
}
