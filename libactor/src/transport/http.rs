//! HTTP through actix-web, connection by connection.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use actix_http::{HttpService, KeepAlive};
use actix_service::{IntoServiceFactory, Service, ServiceFactory, map_config};
use actix_web::dev::AppConfig;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{App, HttpResponse};
use futures::future::LocalBoxFuture;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::actor_ref::ActorRef;
use crate::counters;
use crate::limits::{HTTP_HEAD, HTTP_KEEP_ALIVE, HTTP_LINGER};
use crate::node::Node;
use crate::trace;
use crate::trace::service::TraceService;
use crate::transport::libprocess::posted::Posted;
use crate::transport::stream::Rewound;
use crate::transport::watchdog::Watched;

/// What answers that are being written get to finish when the node is shut down. Streams do not finish.
const LAST_WORDS: Duration = Duration::from_millis(50);

/// The node's routes. Lives on the transport's thread.
#[derive(Clone)]
pub(crate) struct Http(Rc<Connect>);

type Connect = dyn Fn(Rewound, SocketAddr) -> LocalBoxFuture<'static, ()>;

impl Http {
    /// None if the routes are wrong, which the log says.
    pub(crate) async fn start(
        node: &Node,
        tracing: ActorRef<TraceService>,
        routes: impl FnOnce(&mut ServiceConfig),
    ) -> Option<Http> {
        let (posted, data) = (Posted::new(node), Data::new(node.clone()));
        let node = node.clone();
        // What is registered first wins: the daemon may have more metrics than we know, and keep strangers out.
        let app = App::new()
            .configure(routes)
            .configure(|config| own_routes(config, data.clone()))
            .configure(|config| crate::trace::http::routes(config, tracing))
            .service(web::resource("/metrics/snapshot").get(snapshot))
            .service(web::resource("/metrics").get(prometheus))
            .wrap_fn(move |request, service| node.new_trace().carry(service.call(request)))
            .wrap_fn(move |request, service| posted.clone().take_or(request, service));
        let app = map_config(app.into_factory(), |()| AppConfig::default());
        let service = HttpService::build()
            .keep_alive(KeepAlive::Timeout(HTTP_KEEP_ALIVE))
            .client_request_timeout(HTTP_HEAD)
            // A client that is refused before its body was read gets to read why.
            .client_disconnect_timeout(HTTP_LINGER)
            // A client that closes its side is gone: streams to it must end, also while they have nothing to send.
            .h1_allow_half_closed(false)
            .h1(app)
            .new_service(())
            .await;
        let service = service.inspect_err(|()| tracing::error!("set up the http routes")).ok()?;
        let service = Rc::new(service);
        Some(Http(Rc::new(move |stream, remote| {
            let service = service.clone();
            Box::pin(async move {
                let activity = stream.activity.clone();
                let connection = async move {
                    if let Err(error) = service.call((stream, Some(remote))).await {
                        tracing::debug!(%remote, %error, "http connection ended");
                    }
                };
                if !Watched::new(Box::pin(connection), activity).await {
                    tracing::warn!(%remote, "http connection closed: it sends requests behind an open stream");
                    counters::count(counters::HTTP_OVERRUN);
                }
            })
        })))
    }

    /// Until the connection ends, or the node is shut down.
    pub(crate) async fn serve_until(&self, stream: Rewound, remote: SocketAddr, closing: CancellationToken) {
        let closed = async {
            closing.cancelled().await;
            tokio::time::sleep(LAST_WORDS).await;
        };
        tokio::select! {
            () = (self.0)(stream, remote) => {}
            () = closed => {}
        }
    }
}

fn own_routes(config: &mut ServiceConfig, node: Data<Node>) {
    let of_node = |path: &str| web::resource(path).app_data(node.clone());
    config.service(of_node("/__processes__").get(processes));
}

#[derive(Serialize)]
struct Process {
    id: String,
    events: [(); 0],
}

/// The actors here, as libprocess lists its processes, without the node's own.
async fn processes(node: Data<Node>) -> HttpResponse {
    let names = node.inner().registry.names();
    let names = names.iter().filter(|name| ***name != *trace::service::NAME);
    let processes: Vec<_> = names.map(|name| Process { id: name.to_string(), events: [] }).collect();
    HttpResponse::Ok().json(processes)
}

async fn prometheus() -> HttpResponse {
    HttpResponse::Ok().content_type(crate::metrics::PROMETHEUS).body(crate::metrics::prometheus([]))
}

async fn snapshot() -> HttpResponse {
    HttpResponse::Ok().json(crate::metrics::snapshot())
}
