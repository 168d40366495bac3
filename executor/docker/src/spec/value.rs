//! The little languages of `docker run`'s options, as its documentation has them.

use super::SpecError;

/// What is wrong with an option's value. The option is named by whoever asked for it.
pub(super) type Parsed<T> = Result<T, String>;

/// `64m`, `1.5g`, `1024`: bytes, with binary units.
pub(super) fn bytes(text: &str) -> Parsed<i64> {
    let lower = text.trim().to_ascii_lowercase();
    let number = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match lower[number.len()..].trim_end_matches("ib").trim_end_matches('b') {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        "p" => 50,
        _ => return Err(format!("'{text}' is not a size such as 64m")),
    };
    let value: f64 = number.trim().parse().map_err(|_| format!("'{text}' is not a size such as 64m"))?;
    let bytes = value * f64::from(1_u32 << (unit % 32)) * if unit >= 32 { 4_294_967_296.0 } else { 1.0 };
    if !(0.0..9e18).contains(&bytes) {
        return Err(format!("'{text}' is not a size that memory can have"));
    }
    #[expect(clippy::cast_possible_truncation, reason = "checked above")]
    Ok(bytes as i64)
}

/// Bytes, or -1 for no limit.
pub(super) fn bytes_or_unlimited(text: &str) -> Parsed<i64> {
    if text == "-1" { Ok(-1) } else { bytes(text) }
}

/// `1h30m`, `500ms`: nanoseconds, as Go prints durations.
pub(super) fn nanoseconds(text: &str) -> Parsed<i64> {
    let wrong = || format!("'{text}' is not a duration such as 1m30s");
    let mut rest = text;
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
        let letters = rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |at| digits + at);
        let unit = match &rest[digits..letters] {
            "ns" => 1.0,
            "us" | "µs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3_600e9,
            _ => return Err(wrong()),
        };
        total += rest[..digits].parse::<f64>().map_err(|_| wrong())? * unit;
        rest = &rest[letters..];
    }
    if text.is_empty() || !(0.0..9e18).contains(&total) {
        return Err(wrong());
    }
    #[expect(clippy::cast_possible_truncation, reason = "checked above")]
    Ok(total as i64)
}

pub(super) fn integer<T: std::str::FromStr>(text: &str) -> Parsed<T> {
    text.trim().parse().map_err(|_| format!("'{text}' is not a number that it takes"))
}

/// What Go's flag package takes for a boolean; an empty value switches on, as `--flag` does.
pub(super) fn boolean(text: &str) -> Parsed<bool> {
    match text {
        "" | "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(format!("'{text}' is neither true nor false")),
    }
}

/// `key=value`; a key alone has an empty value.
pub(super) fn pair(text: &str) -> (String, String) {
    let (key, value) = text.split_once('=').unwrap_or((text, ""));
    (key.to_owned(), value.to_owned())
}

/// `a=b,c=d`.
pub(super) fn pairs(text: &str) -> Vec<(String, String)> {
    text.split(',').filter(|part| !part.is_empty()).map(pair).collect()
}

/// `1.5` processors as the engine counts them.
pub(super) fn nano_cpus(text: &str) -> Parsed<i64> {
    let cpus: f64 = integer(text)?;
    if !(0.0..1e6).contains(&cpus) {
        return Err(format!("'{text}' is not a number of processors"));
    }
    #[expect(clippy::cast_possible_truncation, reason = "checked above")]
    Ok((cpus * 1e9).round() as i64)
}

/// Names the option.
pub(super) fn of<T>(key: &str, parsed: Parsed<T>) -> Result<T, SpecError> {
    parsed.map_err(|why| SpecError::Parameter { key: key.to_owned(), why })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_docker_reads_them() {
        assert_eq!(bytes("1024"), Ok(1024));
        assert_eq!(bytes("64m"), Ok(64 << 20));
        assert_eq!(bytes("1.5G"), Ok(3 << 29));
        assert_eq!(bytes("2KiB"), Ok(2048));
        assert_eq!(bytes("1tb"), Ok(1 << 40));
        assert_eq!(bytes_or_unlimited("-1"), Ok(-1));
        assert!(
            bytes("much").is_err()
                && bytes("-5m").is_err()
                && bytes("1x").is_err()
                && bytes("9999999p").is_err()
        );
    }

    #[test]
    fn durations_read_as_go_reads_them() {
        assert_eq!(nanoseconds("1m30s"), Ok(90_000_000_000));
        assert_eq!(nanoseconds("1.5ms"), Ok(1_500_000));
        assert!(nanoseconds("").is_err() && nanoseconds("5").is_err() && nanoseconds("5 days").is_err());
    }

    #[test]
    fn processors_are_counted_in_billionths() {
        assert_eq!(nano_cpus("1.5"), Ok(1_500_000_000));
        assert!(nano_cpus("-1").is_err() && nano_cpus("NaN").is_err());
    }
}
