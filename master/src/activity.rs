//! What each framework says and is told, counted: `master/frameworks/NAME/ID/…`, as long as readers know the framework.
//!
//! Each framework's counts have a lock of their own, so that a snapshot of ten thousand frameworks holds the master up for none
//! of them longer than that one takes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tepui_master_core::{Changed, FrameworkStanding, FrameworkView, Master};
use tepui_model::FrameworkId;
use tepui_model::about::Kind as _;
use tepui_proto::v1::scheduler::{Call, Event, call};

/// The counts of all frameworks.
#[derive(Clone, Default)]
pub(crate) struct Activity(Arc<Mutex<BTreeMap<FrameworkId, Arc<Mutex<Counts>>>>>);

/// One framework's. What never happened is not in it.
#[derive(Default)]
struct Counts {
    /// `master/frameworks/NAME/ID`.
    prefix: String,
    is_subscribed: bool,
    /// Each role, and whether the framework wants no offers in it.
    roles: BTreeMap<String, bool>,
    calls: BTreeMap<&'static str, u64>,
    events: BTreeMap<&'static str, u64>,
    operations: BTreeMap<&'static str, u64>,
    offers_sent: u64,
    offers_accepted: u64,
    offers_declined: u64,
    offers_rescinded: u64,
}

/// What a call is counted as. Taken before the core has it: afterwards its offers are gone.
pub(crate) struct Said {
    framework: FrameworkId,
    kind: &'static str,
    accepted: u64,
    declined: u64,
    operations: Vec<&'static str>,
}

impl Said {
    /// None for calls that name no framework.
    pub(crate) fn of(call: &Call, core: &Master) -> Option<Said> {
        let framework = FrameworkId::from_wire(call.framework_id.as_ref()?).ok()?;
        let outstanding =
            |ids: &[tepui_proto::v1::OfferId]| ids.iter().filter(|id| core.is_outstanding(id)).count() as u64;
        let kind = |operation: &tepui_proto::v1::offer::Operation| operation.r#type().as_str_name();
        let accept = call.accept.as_ref().filter(|_| call.r#type() == call::Type::Accept);
        let decline = call.decline.as_ref().filter(|_| call.r#type() == call::Type::Decline);
        Some(Said {
            framework,
            kind: call.kind(),
            accepted: accept.map_or(0, |accept| outstanding(&accept.offer_ids)),
            declined: decline.map_or(0, |decline| outstanding(&decline.offer_ids)),
            operations: accept.iter().flat_map(|accept| &accept.operations).map(kind).collect(),
        })
    }
}

impl Activity {
    /// A new value for readers.
    pub(crate) fn changed(&self, change: &Changed) {
        match change {
            Changed::Framework(view) => {
                let counts = self.book().entry(view.id.clone()).or_default().clone();
                lock(&counts).describe(view);
            }
            Changed::FrameworkForgotten(id) => drop(self.book().remove(id)),
            _ => {}
        }
    }

    /// The core has handled a call.
    pub(crate) fn said(&self, said: Said) {
        let Some(counts) = self.of(&said.framework) else { return };
        let mut counts = lock(&counts);
        *counts.calls.entry(said.kind).or_default() += 1;
        for operation in said.operations {
            *counts.operations.entry(operation).or_default() += 1;
        }
        counts.offers_accepted += said.accepted;
        counts.offers_declined += said.declined;
    }

    /// An event goes to the framework.
    pub(crate) fn told(&self, framework: &FrameworkId, event: &Event) {
        let Some(counts) = self.of(framework) else { return };
        let mut counts = lock(&counts);
        *counts.events.entry(event.kind()).or_default() += 1;
        counts.offers_sent += event.offers.as_ref().map_or(0, |offers| offers.offers.len() as u64);
        counts.offers_rescinded += u64::from(event.rescind.is_some());
    }

    /// Everything by its name.
    pub(crate) fn figures(&self) -> Vec<(String, f64)> {
        let all: Vec<_> = self.book().values().cloned().collect();
        let mut figures = Vec::new();
        for counts in all {
            lock(&counts).write(&mut figures);
        }
        figures
    }

    fn of(&self, framework: &FrameworkId) -> Option<Arc<Mutex<Counts>>> {
        self.book().get(framework).cloned()
    }

    fn book(&self) -> MutexGuard<'_, BTreeMap<FrameworkId, Arc<Mutex<Counts>>>> {
        lock(&self.0)
    }
}

impl Counts {
    #[expect(deprecated, reason = "frameworks with one role still say it there")]
    fn describe(&mut self, view: &FrameworkView) {
        self.prefix = format!("master/frameworks/{}/{}", encoded(&view.info.name), view.id);
        self.is_subscribed = match view.standing {
            FrameworkStanding::Active | FrameworkStanding::Inactive => true,
            FrameworkStanding::Disconnected | FrameworkStanding::Recovered | FrameworkStanding::Completed => {
                false
            }
        };
        let one = (view.info.roles.is_empty()).then_some(view.info.role.as_deref().unwrap_or("*"));
        let roles = view.info.roles.iter().map(String::as_str).chain(one);
        let suppressed = |role: &str| view.suppressed_roles.iter().any(|other| other == role);
        self.roles = roles.map(|role| (role.to_owned(), suppressed(role))).collect();
    }

    fn write(&self, figures: &mut Vec<(String, f64)>) {
        let prefix = &self.prefix;
        let mut set = |name: String, value: f64| figures.push((format!("{prefix}/{name}"), value));
        set("subscribed".into(), if self.is_subscribed { 1.0 } else { 0.0 });
        for (role, suppressed) in &self.roles {
            set(format!("roles/{role}/suppressed"), if *suppressed { 1.0 } else { 0.0 });
        }
        for (what, counts) in
            [("calls", &self.calls), ("events", &self.events), ("operations", &self.operations)]
        {
            set(what.into(), counts.values().sum::<u64>() as f64);
            for (kind, count) in counts {
                set(format!("{what}/{}", kind.to_lowercase()), *count as f64);
            }
        }
        set("offers/sent".into(), self.offers_sent as f64);
        set("offers/accepted".into(), self.offers_accepted as f64);
        set("offers/declined".into(), self.offers_declined as f64);
        set("offers/rescinded".into(), self.offers_rescinded as f64);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// As libprocess encodes what stands in a URL.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'$'
            | b'&'
            | b'+'
            | b','
            | b'/'
            | b':'
            | b';'
            | b'='
            | b'?'
            | b'@'
            | b' '
            | b'"'
            | b'<'
            | b'>'
            | b'#'
            | b'%'
            | b'{'
            | b'}'
            | b'|'
            | b'\\'
            | b'^'
            | b'~'
            | b'['
            | b']'
            | b'`'
            | ..=0x1f
            | 0x7f.. => {
                encoded += &format!("%{byte:02X}");
            }
            other => encoded.push(char::from(other)),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_encoded_as_libprocess_does() {
        assert_eq!(encoded("web (v1.2)/é"), "web%20(v1.2)%2F%C3%A9");
    }

    #[test]
    fn what_a_framework_was_told_is_counted_and_forgotten_with_it() {
        let activity = Activity::default();
        let id: FrameworkId = "m-0000".parse().unwrap();
        let counts = Counts { prefix: "master/frameworks/web/m-0000".into(), ..Counts::default() };
        activity.book().insert(id.clone(), Arc::new(Mutex::new(counts)));
        let event = Event {
            r#type: Some(tepui_proto::v1::scheduler::event::Type::Offers as i32),
            offers: Some(tepui_proto::v1::scheduler::event::Offers { offers: vec![Default::default(); 3] }),
            ..Event::default()
        };

        activity.told(&id, &event);
        activity.told(&"other".parse().unwrap(), &event);

        let figures: BTreeMap<String, f64> = activity.figures().into_iter().collect();
        let figure = |name: &str| figures.get(&format!("master/frameworks/web/m-0000/{name}")).copied();
        assert_eq!(figure("offers/sent"), Some(3.0));
        assert_eq!((figure("events"), figure("events/offers")), (Some(1.0), Some(1.0)));
        assert_eq!((figure("calls"), figure("calls/accept")), (Some(0.0), None));
        activity.changed(&Changed::FrameworkForgotten(id));
        assert!(activity.figures().is_empty());
    }
}
