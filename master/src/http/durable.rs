//! `/registrar(1)/registry` and `/allocator/offer_constraints_debug`: what two threads of the master hold, for operators who look into
//! something. Each answer may be large and slow to make, so they are made one after the other, where nobody waits.

use libactor::web::{HttpRequest, HttpResponse};
use tepui_proto::internal::Registry;
use tepui_proto::json::AsJson;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::routing::Route;
use super::{Site, answer, legacy};

/// One of all masters in this process: both are for people, who can wait for each other.
static ONE_AT_A_TIME: Semaphore = Semaphore::const_new(1);

pub(super) async fn serve(request: &HttpRequest, route: Route, site: &Site) -> HttpResponse {
    let Ok(turn) = ONE_AT_A_TIME.acquire().await else { return answer::recovering() };
    let body = if route == Route::Registry {
        let registry = site.registry.clone();
        background(turn, move || registry.read().and_then(|registry| in_order(&registry))).await
    } else {
        let Some(constrained) = site.reads.constrained().await else { return answer::recovering() };
        background(turn, move || Ok(constrained.write())).await
    };
    match body {
        Ok(body) => answer::json(request, legacy::parameters(request).get("jsonp").map(String::as_str), body),
        Err(why) => answer::text(500, why),
    }
}

/// Its keys in the order of the alphabet, as Mesos' registrar writes them.
fn in_order(registry: &Registry) -> Result<Vec<u8>, String> {
    let value = serde_json::to_value(AsJson(registry)).map_err(|why| why.to_string())?;
    serde_json::to_vec(&value).map_err(|why| why.to_string())
}

/// The turn is over when the work is done, also for who does not wait for it any more.
async fn background(
    turn: SemaphorePermit<'static>,
    work: impl FnOnce() -> Result<Vec<u8>, String> + Send + 'static,
) -> Result<Vec<u8>, String> {
    let work = move || {
        let done = work();
        drop(turn);
        done
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|why| Err(why.to_string()))
}
