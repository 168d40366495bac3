//! Recorded answers of Apache Mesos, and how ours are held against them.
//!
//! Compared are the status, the headers clients read, texts word by word (ids and addresses apart) and JSON by its
//! shape. A difference fails the test unless it is listed with a reason.

use std::path::Path;

use serde_json::Value;

use crate::cluster::Cluster;
use crate::http::{Answer, Request};
use crate::json::Json;
use crate::shape::differences;

/// Headers that some client reads. `Date`, `Content-Length` and the rest differ from server to server.
const HEADERS: &[&str] =
    &["Content-Type", "Content-Encoding", "Content-Disposition", "Allow", "Location", "WWW-Authenticate"];

/// A difference that stays, and why. `*` stands for any text, in the names of cases and in differences.
#[derive(Clone, Copy, Debug)]
pub struct Allowed {
    pub case: &'static str,
    pub difference: &'static str,
    pub why: &'static str,
}

const BUILD: &str = "who built what from which source is said in our own words";

/// What differs in every answer of that kind.
const EVERYWHERE: &[Allowed] = &[
    Allowed { case: "*", difference: "*git_sha: missing", why: BUILD },
    Allowed { case: "*", difference: "*git_tag: missing", why: BUILD },
    Allowed { case: "*", difference: "*build_date: missing", why: BUILD },
    Allowed { case: "*", difference: "*build_time: missing", why: BUILD },
    Allowed { case: "*", difference: "*build_user: missing", why: BUILD },
    Allowed {
        case: "*",
        difference: "tepui_version: not in the recording",
        why: "`version` is the API's, ours stands beside it",
    },
];

/// One question and the recorded answer to it.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: String,
    pub to_agent: bool,
    request: Request,
    pub status: Option<u16>,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub chunks: Vec<String>,
}

/// The cases of a file, unread.
pub fn values(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("recordings").join(file);
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()));
    let file: Value =
        serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    file["cases"].as_array().expect("a recording has cases").clone()
}

pub fn cases(file: &str) -> Vec<Case> {
    values(file).iter().map(Case::read).collect()
}

fn pairs(value: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    value.as_array().into_iter().flatten().map(|pair| (text(&pair[0]), text(&pair[1]))).collect()
}

/// The only bodies that are no text are a few bytes of broken protobuf and gzip; they are in hexadecimal-free base64.
fn bytes(value: &Value) -> Vec<u8> {
    match (value["body"].as_str(), value["body_base64"].as_str()) {
        (Some(text), _) => text.as_bytes().to_owned(),
        (None, Some(text)) => base64(text),
        (None, None) => Vec::new(),
    }
}

/// Decodes base64. Ours is written here because it is ten lines, and this crate shares nothing with what it tests.
pub fn base64(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let (mut buffer, mut bits) = (0_u32, 0);
    for byte in text.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => break,
        };
        buffer = buffer << 6 | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push((buffer >> bits) as u8);
        }
    }
    out
}

impl Case {
    fn read(value: &Value) -> Self {
        let (request, response) = (&value["request"], &value["response"]);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Case {
            name: text(&value["name"]),
            to_agent: value["to"] == "agent",
            request: Request {
                method: text(&request["method"]),
                path: text(&request["path"]),
                headers: pairs(&request["headers"]),
                body: bytes(request),
            },
            status: response["status"].as_u64().map(|status| status as u16),
            headers: pairs(&response["headers"]),
            body: bytes(response),
            chunks: response["chunks"].as_array().into_iter().flatten().map(text).collect(),
        }
    }

    /// The question, with `${name}` replaced.
    pub fn request(&self, names: &[(&str, &str)]) -> Request {
        let fill = |text: &str| {
            names
                .iter()
                .fold(text.to_owned(), |text, (name, value)| text.replace(&format!("${{{name}}}"), value))
        };
        let mut request = self.request.clone();
        request.path = fill(&request.path);
        request.headers.iter_mut().for_each(|(_, value)| *value = fill(value));
        if let Ok(text) = std::str::from_utf8(&self.request.body) {
            request.body = fill(text).into_bytes();
        }
        request
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// Every way in which `answer` differs from the recorded one.
    pub fn differences(&self, answer: &Answer) -> Vec<String> {
        let mut found = Vec::new();
        if self.status != Some(answer.status()) {
            found.push(format!("status {}, recorded {:?}", answer.status(), self.status));
        }
        for name in HEADERS {
            let (recorded, ours) = (self.header(name).map(without_ids), answer.header(name).map(without_ids));
            if recorded != ours {
                found.push(format!(
                    "header {name}: {}, recorded {}",
                    ours.as_deref().unwrap_or("none"),
                    recorded.as_deref().unwrap_or("none")
                ));
            }
        }
        if found.is_empty() && self.header("Content-Encoding").is_none() {
            found.extend(self.body_differences(answer));
        }
        found
    }

    fn body_differences(&self, answer: &Answer) -> Vec<String> {
        if self.header("Content-Type") == Some("application/json") {
            return json_differences(&self.body, &answer.body);
        }
        let (recorded, ours) =
            (without_ids(&String::from_utf8_lossy(&self.body)), without_ids(&answer.text()));
        if recorded == ours { Vec::new() } else { vec![format!("body {ours:?}, recorded {recorded:?}")] }
    }
}

/// Differences in shape of two JSON texts.
pub fn json_differences(recorded: &[u8], ours: &[u8]) -> Vec<String> {
    let recorded = Json::parse(recorded).expect("the recording says it is JSON");
    match Json::parse(ours) {
        Ok(ours) => differences(&recorded, &ours).iter().map(ToString::to_string).collect(),
        Err(error) => vec![format!("body is not JSON ({error}): {}", String::from_utf8_lossy(ours))],
    }
}

/// The text with ids as `ID` and addresses on this machine as `ADDRESS`.
pub fn without_ids(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let taken = [id_length(rest), address_length(rest)];
        match taken {
            [Some(length), _] => {
                out += "ID";
                rest = &rest[length..];
            }
            [None, Some(length)] => {
                out += "ADDRESS";
                rest = &rest[length..];
            }
            [None, None] => {
                let next = rest.chars().next().expect("it is not empty");
                out.push(next);
                rest = &rest[next.len_utf8()..];
            }
        }
    }
    out
}

/// A uuid, with what Mesos appends to the master's: `-0001`, `-S1`, `-O1`.
fn id_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let uuid = bytes.len() >= 36
        && bytes[..36].iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    if !uuid {
        return None;
    }
    let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    match bytes.get(36..38) {
        Some([b'-', b'S' | b'O']) if digits(38) > 0 => Some(38 + digits(38)),
        Some([b'-', b'0'..=b'9']) => Some(37 + digits(37)),
        _ => Some(36),
    }
}

fn address_length(text: &str) -> Option<usize> {
    let host = ["localhost:", "127.0.0.1:"].iter().find(|host| text.starts_with(**host))?;
    let digits = text[host.len()..].bytes().take_while(u8::is_ascii_digit).count();
    (digits > 0).then_some(host.len() + digits)
}

/// `*` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut rest) = text.strip_prefix(head) else { return false };
    loop {
        if matches(tail, rest) {
            return true;
        }
        let Some(next) = rest.chars().next() else { return false };
        rest = &rest[next.len_utf8()..];
    }
}

/// Collects the differences of many cases, so that a test names all of them at once.
pub struct Comparison {
    allowed: &'static [Allowed],
    compared: usize,
    found: Vec<String>,
}

impl Comparison {
    pub fn new(allowed: &'static [Allowed]) -> Self {
        Comparison { allowed, compared: 0, found: Vec::new() }
    }

    pub fn note(&mut self, case: &str, differences: Vec<String>) {
        self.compared += 1;
        let allowed = |difference: &str| {
            self.allowed
                .iter()
                .chain(EVERYWHERE)
                .any(|a| matches(a.case, case) && matches(a.difference, difference))
        };
        self.found.extend(differences.into_iter().filter(|d| !allowed(d)).map(|d| format!("{case}: {d}")));
    }

    /// Asks and compares every case of a file.
    pub fn ask_all(&mut self, cluster: &Cluster, file: &str, names: &[(&str, &str)]) {
        for case in cases(file) {
            let daemon = if case.to_agent { cluster.agent() } else { &cluster.master };
            let differences = case.differences(&daemon.ask(&case.request(names)));
            self.note(&case.name, differences);
        }
    }

    /// Panics with every difference that is not allowed.
    #[track_caller]
    pub fn finish(self) {
        println!("{} answers compared", self.compared);
        assert!(
            self.found.is_empty(),
            "{} differences from Mesos:\n{}",
            self.found.len(),
            self.found.join("\n")
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_addresses_are_taken_out() {
        let text = "offer 7b007d51-61a6-47f8-8ee8-d72799191c90-O12 of 7b007d51-61a6-47f8-8ee8-d72799191c90-0001 at 127.0.0.1:5050.";

        assert_eq!(without_ids(text), "offer ID of ID at ADDRESS.");
    }

    #[test]
    fn a_star_stands_for_any_text() {
        assert!(matches("GET */flags", "GET /slave(1)/flags"));
        assert!(matches("*", ""));
        assert!(!matches("GET */flags", "GET /state"));
    }

    #[test]
    fn base64_is_read() {
        assert_eq!(base64("aGk="), b"hi");
        assert_eq!(base64("//8="), [255, 255]);
    }
}
