//! Ends an HTTP connection that only burns time.
//!
//! actix-http polls a connection again and again while its read buffer is full, which a client brings about by sending more requests
//! behind a stream that is still open.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures::future::LocalBoxFuture;

/// Polls in a row in which a connection neither tries to read nor to write. One that makes sense has a few: those of an
/// answer that is being computed.
const IDLE_POLLS: u32 = 10_000;

/// Set by a connection whenever it tries to read or write.
#[derive(Clone, Default)]
pub(crate) struct Activity(Rc<Cell<bool>>);

impl Activity {
    pub(crate) fn note(&self) {
        self.0.set(true);
    }
}

/// Ready with false if the connection had to be ended.
pub(crate) struct Watched {
    connection: LocalBoxFuture<'static, ()>,
    activity: Activity,
    idle: u32,
}

impl Watched {
    pub(crate) fn new(connection: LocalBoxFuture<'static, ()>, activity: Activity) -> Watched {
        Watched { connection, activity, idle: 0 }
    }
}

impl Future for Watched {
    type Output = bool;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<bool> {
        let done = self.connection.as_mut().poll(cx);
        let active = self.activity.0.take();
        self.idle = if active { 0 } else { self.idle + 1 };
        match done {
            Poll::Ready(()) => Poll::Ready(true),
            Poll::Pending if self.idle >= IDLE_POLLS => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    }
}
