//! The agent's HTTP side: from a request to a question for the agent's actor, and back.

mod answer;
pub(crate) mod door;
mod executor;
mod files;
mod lists;
mod metrics;
mod negotiate;
mod operator;
mod routing;
mod state;
mod statistics;

use std::sync::Arc;

use libactor::http::{percent_decode, read_body};
use libactor::web::http::Method;
use libactor::web::{self, HttpRequest, HttpResponse};
use libactor::{ActorRef, AskError, Clock};
use tepui_daemon::{Verbosity, machine};

use crate::actor::{AgentActor, Look};
use crate::world::World;
use answer::Refusal;
pub(crate) use negotiate::Encoding;
use routing::Route;

/// What handlers need. One per node.
#[derive(Clone)]
pub(crate) struct Site {
    pub agent: ActorRef<AgentActor>,
    pub world: Arc<World>,
    pub clock: Clock,
}

/// The largest request body: what executors send is far smaller, except for messages, which the core bounds at 16 MiB and
/// base64 makes a third bigger.
const MAX_BODY: usize = 32 << 20;

/// Installs the routes.
pub(crate) fn install(site: Site, config: &mut web::ServiceConfig) {
    let door = site.world.config.door.clone();
    config
        .app_data(web::Data::new(site))
        // Before what the node serves itself: who may not read the state may not read messages either.
        .service(web::resource(["/metrics", "/{own:__.*}"]).guard(door::keeps_out(door)).to(door::keep_out))
        // Instead of libactor's own, which know nothing of agents.
        .service(web::resource("/metrics/snapshot").to(serve))
        .service(web::resource("/metrics").get(metrics::prometheus))
        .default_service(web::to(serve));
}

async fn serve(request: HttpRequest, body: web::Payload, site: web::Data<Site>) -> HttpResponse {
    let Some(path) = percent_decode(request.path()) else {
        return answer::text(400, "the path is not percent-encoded UTF-8");
    };
    let Some(route) = routing::find(&path) else { return answer::not_found() };
    if let Some(refused) = door::refusal(&site.world.config.door, &request, route) {
        return refused;
    }
    let answer = match route {
        Route::Executor | Route::Operator if request.method() != Method::POST => {
            return answer::not_post(&request);
        }
        Route::Executor => match read_body(&request, body, MAX_BODY).await {
            Ok(body) => executor::serve(&request, &body, &site).await,
            Err(refused) => return refused,
        },
        Route::Operator => match read_body(&request, body, MAX_BODY).await {
            Ok(body) => operator::serve(&request, body, &site).await,
            Err(refused) => return refused,
        },
        Route::Record => tepui_recording::serve(&request, &site.agent).await,
        Route::Health => Ok(HttpResponse::Ok().finish()),
        Route::Version => Ok(answer::json(&request, &state::version())),
        Route::State => state::serve(&request, &site).await,
        Route::Flags => Ok(answer::json(&request, &state::flags(&site))),
        Route::Containers => statistics::containers(&request, &site).await,
        Route::Statistics => statistics::statistics(&request, &site).await,
        Route::Metrics => metrics::serve(&request, &site).await,
        Route::Browse => Ok(files::browse(&request, &site).await.unwrap_or_else(Refusal::answer)),
        Route::Read => Ok(files::read(&request, &site).await.unwrap_or_else(Refusal::answer)),
        Route::Download => Ok(files::download(&request, &site).await.unwrap_or_else(Refusal::answer)),
        Route::FilesDebug => Ok(files::debug(&request, &site)),
        Route::LoggingLevel => Ok(toggle(&request, &site)),
        Route::Machine => Ok(answer::json(&request, &machine::statistics())),
    };
    answer.unwrap_or_else(|_ended| answer::ending())
}

/// `/logging/toggle`: how much more than usual is logged, and for how long.
fn toggle(request: &HttpRequest, site: &Site) -> HttpResponse {
    match Verbosity::of_process().toggle(&files::parameters(request), &site.clock) {
        Ok(level) => answer::text(200, level),
        Err(refused) => Refusal::from(refused).answer(),
    }
}

impl Site {
    /// Looks at the agent. What `look` gives is made on the actor's thread: encoding it is for later.
    pub async fn look<R: Send + 'static>(
        &self,
        look: impl FnOnce(&AgentActor) -> R + Send + 'static,
    ) -> Result<R, AskError> {
        self.agent.ask(Look(Box::new(look))).await
    }
}
