//! What callers of the older endpoints send: forms, and lists in JSON.

use libactor::web::web::Query;
use tepui_daemon::Parameters;
use tepui_proto::json;
use tepui_proto::schema::Described;

/// A list of messages in JSON.
pub(super) fn list<M: Described>(text: &[u8]) -> Result<Vec<M>, String> {
    let values: Vec<serde_json::Value> = serde_json::from_slice(text).map_err(|why| why.to_string())?;
    let read = |value: &serde_json::Value| json::from_slice(value.to_string().as_bytes());
    values.iter().map(read).collect::<Result<_, _>>().map_err(|why| why.to_string())
}

/// The fields of a form.
pub(super) struct Form(Parameters);

impl Form {
    pub(super) fn read(text: &[u8]) -> Result<Form, String> {
        let failed = |why: &dyn std::fmt::Display| format!("Unable to decode query string: {why}");
        let text = std::str::from_utf8(text).map_err(|why| failed(&why))?;
        let form = Query::<Parameters>::from_query(text).map_err(|why| failed(&why))?;
        Ok(Form(form.into_inner()))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(super) fn field(&self, name: &str) -> Result<&str, String> {
        let value = self.0.get(name).map(String::as_str);
        value.ok_or_else(|| format!("Missing '{name}' query parameter in the request body"))
    }
}
