//! The names of what this crate counts, and what each means to an operator.

use crate::trace::Outcome;

pub(crate) const ACCEPTS_FAILED: &str = "libactor/accepts_failed";
pub(crate) const ACTORS_PANICKED: &str = "libactor/actors_panicked";
pub(crate) const ACTORS_RESTARTED: &str = "libactor/actors_restarted";
pub(crate) const CONNECTIONS_HALF_OPEN: &str = "libactor/connections_half_open";
pub(crate) const CONNECTIONS_PANICKED: &str = "libactor/connections_panicked";
pub(crate) const CONNECTIONS_SILENT: &str = "libactor/connections_silent";
pub(crate) const DIALS_FAILED: &str = "libactor/dials_failed";
pub(crate) const FRAMES_MALFORMED: &str = "libactor/frames_malformed";
pub(crate) const FRAMES_OVERSIZED: &str = "libactor/frames_oversized";
pub(crate) const HANDSHAKES_FAILED: &str = "libactor/handshakes_failed";
pub(crate) const HTTP_OVERRUN: &str = "libactor/http_connections_overrun";
pub(crate) const LIBPROCESS_REFUSED: &str = "libactor/libprocess_requests_refused";
pub(crate) const LINKS_OVERFLOWED: &str = "libactor/links_overflowed";
pub(crate) const MESSAGES_INCOMPLETE: &str = "libactor/messages_incomplete";
pub(crate) const MESSAGES_LOST: &str = "libactor/messages_lost_with_connection";
pub(crate) const MESSAGES_MALFORMED: &str = "libactor/messages_malformed";
pub(crate) const MESSAGES_NOT_DELIVERED_BY_PEERS: &str = "libactor/messages_not_delivered_by_peers";
pub(crate) const MESSAGES_OF_UNKNOWN_NAME: &str = "libactor/messages_of_unknown_name";
pub(crate) const MESSAGES_TO_UNKNOWN_ACTORS: &str = "libactor/messages_to_unknown_actors";
pub(crate) const MESSAGES_TOO_LARGE: &str = "libactor/messages_too_large";
pub(crate) const REPLIES_DROPPED: &str = "libactor/replies_dropped";
pub(crate) const WAIT_CYCLES: &str = "libactor/wait_cycles";
pub(crate) const TLS_FAILED: &str = "libactor/tls_handshakes_failed";
pub(crate) const TLS_MISMATCHED: &str = "libactor/tls_expected_and_not_spoken";

const ALL: &[(&str, &str)] = &[
    (ACCEPTS_FAILED, "Connections that the system could not give us: look at the limit of open files."),
    (ACTORS_PANICKED, "Actors that ended because a handler or a future of theirs panicked."),
    (ACTORS_RESTARTED, "Supervised actors that were put back after a panic."),
    (CONNECTIONS_HALF_OPEN, "Connections closed because they did not say in time what they are."),
    (CONNECTIONS_PANICKED, "Connections that ended because an HTTP handler panicked."),
    (CONNECTIONS_SILENT, "Connections of peers closed after a silence that means death."),
    (DIALS_FAILED, "Nodes that could not be reached."),
    (
        FRAMES_MALFORMED,
        "Connections of peers closed over a frame that does not decode or does not belong there.",
    ),
    (FRAMES_OVERSIZED, "Connections of peers closed over a frame that is too long."),
    (HANDSHAKES_FAILED, "Connections that began like a peer and do not speak our version of its protocol."),
    (
        HTTP_OVERRUN,
        "HTTP connections closed because their clients sent ever more requests behind an open stream.",
    ),
    (
        LIBPROCESS_REFUSED,
        "Connections of libprocess senders closed over a bad request, which was answered 400.",
    ),
    (LINKS_OVERFLOWED, "Connections to peers given up because too much waited for them."),
    (
        MESSAGES_INCOMPLETE,
        "Connections closed over half a message: the rest came too slowly, or there was no room for it.",
    ),
    (MESSAGES_LOST, "Messages lost with the connection that they waited for."),
    (MESSAGES_MALFORMED, "Messages dropped because the body is not what the name says."),
    (MESSAGES_NOT_DELIVERED_BY_PEERS, "Messages that another node got and could not deliver."),
    (MESSAGES_OF_UNKNOWN_NAME, "Messages dropped because the actor does not receive them."),
    (MESSAGES_TO_UNKNOWN_ACTORS, "Messages dropped because there is no such actor."),
    (MESSAGES_TOO_LARGE, "Messages dropped by their sender because a frame may not be as long."),
    (REPLIES_DROPPED, "Answers dropped because too many waited for a peer that does not read."),
    (WAIT_CYCLES, "Rings of actors that wait for each other: each found once."),
    (
        TLS_FAILED,
        "Connections closed because the TLS handshake failed, or the certificate is not to be trusted.",
    ),
    (TLS_MISMATCHED, "Connections closed because one side speaks TLS and the other does not."),
];

/// Adds one.
pub(crate) fn count(name: &'static str) {
    metrics::counter!(name).increment(1);
}

/// Adds one to the counter of messages that ended like this; not all outcomes have one.
pub(crate) fn count_outcome(outcome: Outcome) {
    match outcome {
        Outcome::NoSuchActor => count(MESSAGES_TO_UNKNOWN_ACTORS),
        Outcome::NoSuchMessage => count(MESSAGES_OF_UNKNOWN_NAME),
        Outcome::Malformed => count(MESSAGES_MALFORMED),
        Outcome::TooLarge => count(MESSAGES_TOO_LARGE),
        Outcome::ConnectionLost
        | Outcome::Unreachable
        | Outcome::Overflow
        | Outcome::Refused
        | Outcome::ShutDown => count(MESSAGES_LOST),
        Outcome::Waiting
        | Outcome::Handling
        | Outcome::Handled
        | Outcome::Panicked
        | Outcome::Sent
        | Outcome::ActorEnded => {}
    }
}

/// Makes every counter visible before the first time it counts.
pub(crate) fn describe() {
    for (name, meaning) in ALL {
        metrics::describe_counter!(*name, *meaning);
        metrics::counter!(*name).absolute(0);
    }
}
