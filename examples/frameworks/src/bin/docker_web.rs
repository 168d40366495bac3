//! `docker_web --master HOST:PORT --image busybox --servers 3 PAGE`: web servers in containers, replaced one by one by servers of
//! whatever comes as the next line on stdin.

use std::io::BufRead;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Parser;
use tepui_frameworks::{DockerWeb, Site, WebEvent};
use tepui_scheduler::{MasterAddress, Need, Settings, run};

#[derive(Parser)]
#[command(
    about = "Keep web servers running in Docker containers. Each line on stdin is another page, whose servers replace \
                   those of the page before, one by one and each only once it is healthy"
)]
struct Arguments {
    /// The master: host:port, or master@ip:port for actor messages.
    #[arg(long, default_value = "127.0.0.1:5050")]
    master: MasterAddress,
    /// The image: any with a shell and busybox.
    #[arg(long, default_value = "busybox")]
    image: String,
    /// How many servers.
    #[arg(long, default_value_t = 2)]
    servers: usize,
    /// Where servers listen, on the agent's network.
    #[arg(long, default_value = "0.0.0.0")]
    address: String,
    /// What each server needs beside a port.
    #[arg(long, default_value = "cpus:0.1; mem:32")]
    resources: String,
    /// The first page.
    #[arg(default_value = "hello")]
    page: String,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let need: Need = arguments.resources.parse()?;
    let epoch = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let site = Site { image: arguments.image, address: arguments.address, page: arguments.page };
    let mut reads = false;
    let watch = move |event| match event {
        WebEvent::Subscribed(web) if !reads => {
            reads = true;
            std::thread::spawn(move || {
                for page in std::io::stdin().lock().lines().map_while(Result::ok) {
                    web.run(move |web, cx| web.serve(cx, page));
                }
            });
        }
        WebEvent::Subscribed(_) => {}
        WebEvent::Launched { id, generation, at } => {
            println!("{id} of generation {generation} at http://{at}/")
        }
        WebEvent::Server { id, state, healthy, message, serving } => {
            let healthy = match healthy {
                Some(true) => ", healthy",
                Some(false) => ", unhealthy",
                None => "",
            };
            println!("{id} {}{healthy}: {serving} serving. {message}", state.as_str_name());
        }
        WebEvent::Stopping(id) => println!("stopping {id}"),
        WebEvent::Pausing(pause) => println!("starting another server in {} s", pause.as_secs()),
        WebEvent::Done(generation) => println!("all servers are of generation {generation}, and healthy"),
    };
    let web = DockerWeb::new(site, arguments.servers, need, epoch, watch);
    run(Settings::new("docker_web", arguments.master), web)?;
    Ok(())
}
