//! What holds for the messages of one actor to another however often the connection is lost: in order, at most once.

mod cast;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use cast::{Saw, Seen, listener, node, note, soon};
use libactor::{Exit, Node, Pid};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How a connection is cut: after so many bytes to the receiver, which gets the last of them this much later than the sender
/// sees the end. A later connection may overtake them.
#[derive(Clone, Copy, Debug)]
struct Cut {
    bytes: usize,
    late: Duration,
}

fn cuts() -> impl Strategy<Value = Vec<Cut>> {
    let cut = (60_usize..20_000, 0_u64..150);
    let cut = cut.prop_map(|(bytes, late)| Cut { bytes, late: Duration::from_millis(late) });
    prop::collection::vec(cut, 1..5)
}

/// Passes bytes on to `to`. The first connections are cut, one after the other.
async fn proxy(to: SocketAddr, cuts: Vec<Cut>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::task::spawn_local(async move {
        let mut cuts = cuts.into_iter();
        while let Ok((near, _)) = listener.accept().await {
            let (Ok(far), cut) = (TcpStream::connect(to).await, cuts.next()) else { return };
            tokio::task::spawn_local(pass(near, far, cut));
        }
    });
    address
}

async fn pass(near: TcpStream, mut far: TcpStream, cut: Option<Cut>) {
    let (mut near, mut buffer, mut passed) = (near, [0; 4096], 0);
    let late = loop {
        let mut back = [0; 4096];
        tokio::select! {
            read = near.read(&mut buffer) => {
                let Ok(count @ 1..) = read else { return };
                passed += count;
                if let Some(cut) = cut.filter(|cut| passed >= cut.bytes) {
                    break (count, cut.late);
                }
                if far.write_all(&buffer[..count]).await.is_err() {
                    return;
                }
            }
            read = far.read(&mut back) => {
                let Ok(count @ 1..) = read else { return };
                if near.write_all(&back[..count]).await.is_err() {
                    return;
                }
            }
        }
    };
    drop(near);
    tokio::time::sleep(late.1).await;
    let _ = far.write_all(&buffer[..late.0]).await;
    let _ = far.read(&mut buffer).await;
}

/// Tells until the last connection holds, and so long that all cuts happen.
async fn tell_through(here: &Node, to: &Pid, senders: usize, seen: &mut Seen) -> BTreeMap<Pid, Vec<u64>> {
    const ENOUGH: u64 = 200;
    let senders: Vec<Pid> = (0..senders).map(|number| here.pid(&format!("sender({number})"))).collect();
    let mut heard: BTreeMap<Pid, Vec<u64>> = BTreeMap::new();
    let mut next = 0;
    let all_heard = |heard: &BTreeMap<Pid, Vec<u64>>| {
        senders.iter().all(|sender| heard.get(sender).and_then(|numbers| numbers.last()) >= Some(&ENOUGH))
    };
    while !all_heard(&heard) {
        for sender in &senders {
            here.tell(sender, to, note(next));
        }
        next += 1;
        tokio::time::sleep(Duration::from_millis(1)).await;
        while let Some(saw) = seen.try_next() {
            let Saw::Note(from, number) = saw else { panic!("{saw:?}") };
            heard.entry(from).or_default().push(number);
        }
    }
    heard
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(5) })]

    #[test]
    fn messages_arrive_in_order_and_at_most_once_however_connections_are_cut(
        cuts in cuts(),
        senders in 1_usize..4,
    ) {
        let heard = libactor::run(async {
            let (here, there) = (node().await, node().await);
            let (actor, mut seen) = listener();
            there.spawn("listener", actor);
            let through = proxy(there.address(), cuts).await;
            let to = Pid::new("listener", through).unwrap();

            let heard = soon(tell_through(&here, &to, senders, &mut seen)).await;

            here.shutdown().await;
            there.shutdown().await;
            heard
        });

        for (sender, numbers) in heard {
            prop_assert!(numbers.is_sorted_by(|earlier, later| earlier < later), "{sender}: {numbers:?}");
        }
    }

    #[test]
    fn each_watch_ends_once_and_can_be_renewed_until_the_connection_holds(cuts in cuts()) {
        let (lost, why) = libactor::run(async {
            let (here, there) = (node().await, node().await);
            let (actor, mut seen) = listener();
            let watched = there.spawn("listener", actor);
            let through = proxy(there.address(), cuts.clone()).await;
            let (to, me) = (Pid::new("listener", through).unwrap(), here.pid("me"));
            let mut lost = 0;

            let why = soon(async {
                loop {
                    let exited = here.exited(&to);
                    tokio::pin!(exited);
                    let why = loop {
                        // Goes on to be cut, and tells when nothing is left to cut.
                        here.tell(&me, &to, note(0));
                        while seen.try_next().is_some() {}
                        let wait = tokio::time::timeout(Duration::from_millis(1), &mut exited);
                        match wait.await {
                            Ok(why) => break why,
                            Err(_) if lost == cuts.len() => watched.stop(),
                            Err(_) => {}
                        }
                    };
                    match why {
                        Exit::ConnectionLost | Exit::Unreachable => lost += 1,
                        other => return other,
                    }
                }
            })
            .await;

            here.shutdown().await;
            there.shutdown().await;
            (lost, why)
        });

        prop_assert_eq!(lost, cuts.len());
        prop_assert!(matches!(why, Exit::Stopped | Exit::Missing));
    }
}
