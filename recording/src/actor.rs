//! What an actor that lets its core be recorded handles: one reader at a time, over HTTP.

use futures::StreamExt as _;
use libactor::web::http::Method;
use libactor::web::http::header::{ALLOW, CONTENT_TYPE};
use libactor::web::{HttpRequest, HttpResponse};
use libactor::{Actor, ActorRef, AskError, Context, Handler, Message};
use tepui_model::Time;
use tepui_model::recorded::Core;

use crate::file::Why;
use crate::tape::{Busy, Limits, Records, Tape};

/// The media type of a recording.
const MEDIA_TYPE: &str = "application/x-tepui-recording";

/// An actor with a core and a tape. It notes every input on the tape, right before its core takes it, and handles
/// [`Begin`] and [`Finish`] with the methods of this trait.
pub trait Recorded: Actor + Handler<Begin> + Handler<Finish> {
    /// What is recorded.
    type Core: Core;

    /// The tape, and the core as it is between two steps.
    fn taped(&mut self) -> (&mut Tape, &Self::Core);

    /// Begins a recording, and sees to it that it ends in time.
    ///
    /// # Errors
    ///
    /// Somebody else records.
    fn begin(&mut self, cx: &mut Context<Self>, Begin(limits): Begin) -> Result<Records, Busy> {
        let now = Time::from_nanos(cx.now().as_nanos());
        let (tape, core) = self.taped();
        let records = tape.begin(core, &cx.me().to_string(), now, limits)?;
        tracing::info!(seconds = limits.time.as_secs(), "a recording begins");
        cx.after(limits.time, Finish(Which::Numbered(records.number)));
        Ok(records)
    }

    /// Ends the recording that is meant, if it is still under way.
    fn finish(&mut self, Finish(which): Finish) {
        let (tape, core) = self.taped();
        match which {
            Which::Any => tape.end(core, Why::Asked),
            Which::Numbered(number) => tape.time_is_up(core, number),
        }
    }
}

/// Begin a recording.
#[derive(Clone, Copy, Debug)]
pub struct Begin(Limits);

/// End a recording.
#[derive(Clone, Copy, Debug)]
pub struct Finish(Which);

#[derive(Clone, Copy, Debug)]
enum Which {
    /// The one under way, because somebody asks.
    Any,
    /// This one, because its time is up.
    Numbered(u64),
}

impl Message for Begin {
    type Reply = Result<Records, Busy>;
}
impl Message for Finish {
    type Reply = ();
}

/// Answers a request: GET records until the limits of its query, its reader's end or a DELETE.
///
/// # Errors
///
/// The actor does not answer.
pub async fn serve<A: Recorded>(
    request: &HttpRequest,
    actor: &ActorRef<A>,
) -> Result<HttpResponse, AskError> {
    match *request.method() {
        Method::GET => begin(request.query_string(), actor).await,
        Method::DELETE => actor.ask(Finish(Which::Any)).await.map(|()| HttpResponse::Accepted().finish()),
        _ => Ok(HttpResponse::MethodNotAllowed().insert_header((ALLOW, "GET, DELETE")).finish()),
    }
}

async fn begin<A: Recorded>(query: &str, actor: &ActorRef<A>) -> Result<HttpResponse, AskError> {
    const TEXT: &str = "text/plain; charset=utf-8";
    let limits = match Limits::of_query(query) {
        Ok(limits) => limits,
        Err(why) => return Ok(HttpResponse::BadRequest().content_type(TEXT).body(why)),
    };
    Ok(match actor.ask(Begin(limits)).await? {
        Ok(records) => HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, MEDIA_TYPE))
            .streaming(records.map(Ok::<_, std::convert::Infallible>)),
        Err(busy) => HttpResponse::Conflict().content_type(TEXT).body(busy.to_string()),
    })
}
