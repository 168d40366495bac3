//! `google.protobuf.Duration` as text: operators write `"600s"` for a drain's grace period.

use prost::Message as _;
use prost_types::Duration;

pub const NAME: &str = "google.protobuf.Duration";

/// Seconds with up to nine decimals, then an `s`. Answers the encoded duration.
pub fn parse(text: &str) -> Option<Vec<u8>> {
    let number = text.trim().strip_suffix('s')?;
    let (negative, digits) = match number.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, number),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits(whole) || !all_digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let seconds: i64 = whole.parse().ok()?;
    let nanos: i32 = format!("{fraction:0<9}").parse().ok()?;
    let sign = if negative { -1 } else { 1 };
    Some(Duration { seconds: seconds * i64::from(sign), nanos: nanos * sign }.encode_to_vec())
}
