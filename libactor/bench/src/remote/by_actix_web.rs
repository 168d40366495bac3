//! The same requests to actix-web. A sender that never waits is more than it can serve (it closes the connection after some thousand
//! requests), so this one writes 64 and waits for their answers.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use actix_web::web::{Bytes, Data, Path, post};
use actix_web::{App, HttpResponse, HttpServer};
use anyhow::{Context, Result, ensure};
use prost::Message;
use tepui_bench::{Figures, Other, rate};

use super::libprocess::request;
use super::{Load, address};

const POSTED: u64 = 192_000;
const WARM: u64 = 19_200;
const BATCH: u64 = 64;

pub fn play(_: &[String]) -> Result<()> {
    actix_rt::System::new().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        Other::say(listener.local_addr()?);
        let handled = Data::from(Arc::new(AtomicU64::new(0)));
        let app = move || App::new().app_data(handled.clone()).route("/{actor}/{message}", post().to(handle));
        HttpServer::new(app).workers(1).listen(listener)?.run().await.context("serve")
    })
}

async fn handle(path: Path<(String, String)>, body: Bytes, handled: Data<AtomicU64>) -> HttpResponse {
    std::hint::black_box(path.into_inner());
    match Load::decode(body) {
        Ok(load) => {
            std::hint::black_box(load.payload);
            handled.fetch_add(1, Ordering::Relaxed);
            HttpResponse::Accepted().finish()
        }
        Err(_) => HttpResponse::BadRequest().finish(),
    }
}

pub fn receive() -> Result<Figures> {
    let mut other = Other::start("actix-web receiver", &[])?;
    let receiver = address(&mut other)?;
    let mut stream = TcpStream::connect(receiver)?;
    stream.set_nodelay(true)?;
    post_all(&mut stream, receiver, WARM)?;
    let started = Instant::now();
    post_all(&mut stream, receiver, POSTED)?;
    Ok(rate(POSTED, started.elapsed()))
}

fn post_all(stream: &mut TcpStream, receiver: SocketAddr, count: u64) -> Result<()> {
    let batch: Vec<u8> = (0..BATCH).flat_map(|number| request(receiver, number)).collect();
    let mut answers = vec![0; 64 << 10];
    for _ in 0..count / BATCH {
        stream.write_all(&batch)?;
        let mut answered = 0;
        let mut ends = 0;
        while answered < BATCH {
            let read = stream.read(&mut answers)?;
            ensure!(read > 0, "actix-web closed the connection");
            // A head that ends is an answer, for they have no bodies; one may be cut anywhere.
            for byte in &answers[..read] {
                ends = match (byte, ends) {
                    (b'\r', 0 | 2) | (b'\n', 1 | 3) => ends + 1,
                    (b'\r', _) => 1,
                    _ => 0,
                };
                if ends == 4 {
                    answered += 1;
                    ends = 0;
                }
            }
        }
    }
    Ok(())
}
