//! What the flight recorder really takes from the machine. Alone in its process, whose every allocation it counts.

mod cast;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use libactor::trace::{Entry, Outcome, Query};
use libactor::{Node, Pid};

struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);

// SAFETY: Everything is the system allocator's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: As the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: As the caller promised.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: As the caller promised.
        unsafe { System.alloc_zeroed(layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Memory of the process that is really there, in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = status.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

/// One test, since others would allocate beside it.
#[test]
fn a_million_headers_take_64_mib_whoever_sends_them_and_a_recorder_at_rest_takes_nothing() {
    libactor::run(async {
        let before = resident();
        let nodes: Vec<Node> =
            futures::future::join_all((0..16).map(|_| async { Node::builder().bind().await.unwrap() })).await;
        let idle = (resident() - before) / nodes.len();
        assert!(idle < 1 << 20, "{idle} bytes for an idle node");

        let held = || HELD.load(Ordering::Relaxed);
        let before = held();
        let without = Node::builder().flight_recorder(0).bind().await.unwrap();
        let of_a_node = held() - before;
        let node = Node::builder().bind().await.unwrap();
        let to = node.pid("agent");
        let client = |number: usize| Pid::new(&format!("http(framework-{number})"), node.address()).unwrap();
        for number in 0..1_000_000 {
            let from = client(number % 1000);
            node.recorder().record(Entry::received(&from, &to, "test.Note", 1).outcome(Outcome::Handled));
        }
        let empty = Query { actor: Some("http(framework-7)".into()), ..Query::default() };
        assert_eq!(node.recorder().query(&empty).len(), 1000);
        for number in 0..200_000 {
            let from = client(number);
            let entry = Entry::received(&from, &to, format!("name.Of.{number}"), 1);
            node.recorder().record(entry.tag("task", &format!("{number}-{}", "x".repeat(200))));
        }
        // Beside the recorder, this thread remembers a few pids.
        let taken = held() - before - 2 * of_a_node;
        assert!(taken > 60 << 20 && taken <= (64 << 20) + (64 << 10), "{taken} bytes");
        let last = Query { limit: Some(10), ..Query::default() };
        let names: Vec<String> =
            node.recorder().query(&last).iter().map(|record| record.header.from.name().to_owned()).collect();
        drop(without);
        assert_eq!(names, (199_990..200_000).map(|n| format!("http(framework-{n})")).collect::<Vec<_>>());
    });
}
