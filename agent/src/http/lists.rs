//! JSON of the operator's lists. Mesos writes all their fields, also empty ones, which messages leave out.

use serde::{Serialize, Serializer};
use tepui_proto::json::AsJson;
use tepui_proto::v1;
use tepui_proto::v1::agent::response::{self, get_executors, get_frameworks};

/// A list of messages.
struct List<'a, M>(&'a [M]);

impl<M: tepui_proto::Described> Serialize for List<'_, M> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.0.iter().map(AsJson))
    }
}

#[derive(Serialize)]
struct Tasks<'a> {
    pending_tasks: List<'a, v1::Task>,
    queued_tasks: List<'a, v1::Task>,
    launched_tasks: List<'a, v1::Task>,
    terminated_tasks: List<'a, v1::Task>,
    completed_tasks: List<'a, v1::Task>,
}

#[derive(Serialize)]
struct Executors<'a> {
    executors: List<'a, get_executors::Executor>,
    completed_executors: List<'a, get_executors::Executor>,
}

#[derive(Serialize)]
struct Frameworks<'a> {
    frameworks: List<'a, get_frameworks::Framework>,
    completed_frameworks: List<'a, get_frameworks::Framework>,
}

#[derive(Serialize)]
struct State<'a> {
    get_tasks: Option<Tasks<'a>>,
    get_executors: Option<Executors<'a>>,
    get_frameworks: Option<Frameworks<'a>>,
}

#[derive(Serialize)]
enum Content<'a> {
    #[serde(rename = "get_tasks")]
    Tasks(Tasks<'a>),
    #[serde(rename = "get_executors")]
    Executors(Executors<'a>),
    #[serde(rename = "get_frameworks")]
    Frameworks(Frameworks<'a>),
    #[serde(rename = "get_state")]
    State(State<'a>),
}

#[derive(Serialize)]
struct Response<'a> {
    r#type: &'static str,
    #[serde(flatten)]
    content: Content<'a>,
}

/// The response, if it is one of the lists.
pub(super) fn of(whole: &v1::agent::Response) -> Option<impl Serialize> {
    let content = if let Some(state) = &whole.get_state {
        Content::State(State {
            get_tasks: state.get_tasks.as_deref().map(tasks),
            get_executors: state.get_executors.as_deref().map(executors),
            get_frameworks: state.get_frameworks.as_deref().map(frameworks),
        })
    } else if let Some(list) = &whole.get_tasks {
        Content::Tasks(tasks(list))
    } else if let Some(list) = &whole.get_executors {
        Content::Executors(executors(list))
    } else {
        Content::Frameworks(frameworks(whole.get_frameworks.as_deref()?))
    };
    Some(Response { r#type: whole.r#type().as_str_name(), content })
}

fn tasks(list: &response::GetTasks) -> Tasks<'_> {
    Tasks {
        pending_tasks: List(&list.pending_tasks),
        queued_tasks: List(&list.queued_tasks),
        launched_tasks: List(&list.launched_tasks),
        terminated_tasks: List(&list.terminated_tasks),
        completed_tasks: List(&list.completed_tasks),
    }
}

fn executors(list: &response::GetExecutors) -> Executors<'_> {
    Executors { executors: List(&list.executors), completed_executors: List(&list.completed_executors) }
}

fn frameworks(list: &response::GetFrameworks) -> Frameworks<'_> {
    Frameworks { frameworks: List(&list.frameworks), completed_frameworks: List(&list.completed_frameworks) }
}
