//! Every bound on what an outsider can make this process hold, in one place, each with its reason.

use std::time::Duration;

/// Longest name of an actor. Names travel in every message; the longest real ones hold two UUIDs.
pub const ACTOR_NAME_BYTES: usize = 1024;

/// Longest name of a message on the wire: the longest protobuf name in use has about 60 bytes.
pub const MESSAGE_NAME_BYTES: usize = 512;

/// Largest frame of the peer protocol unless the builder says otherwise. A re-registering agent with a
/// hundred thousand finished tasks sends about 30 MiB. Beyond it a sender drops the message, a receiver
/// refuses the connection.
pub const FRAME_BYTES: usize = 64 << 20;

/// What may wait to be written to one peer unless the builder says otherwise. Beyond it the connection
/// is closed: whoever watches through it hears `Exited` and starts over, instead of missing a message in the middle.
pub const OUTBOUND_BYTES: usize = 128 << 20;

/// Received from one peer, but not yet handled. Beyond it the socket is not read, so that the sender waits.
/// Room for several large messages; small ones count as [`MESSAGE_OVERHEAD`].
pub const INTAKE_BYTES: usize = 16 << 20;

/// Bytes of messages that have not come in whole, over all connections of a node, unless the builder says otherwise: several of
/// the largest frames at a time. Beyond it connections with half a message are not read, and closed if that lasts
/// [`SILENCE`]. The memory behind these bytes is up to twice as much, because buffers double.
pub const INCOMPLETE_BYTES: usize = 256 << 20;

/// What each connection may hold besides: what a sender that says little has on its way. [`CONNECTIONS`] of them
/// hold 64 MiB.
pub const INCOMPLETE_FREE: usize = 4 << 10;

/// Bytes a second that a message must come in with, on top of a first [`SILENCE`]: 64 MiB have 84 seconds. Beyond it the
/// connection is closed, so that who sends a byte now and then does not hold half a message for ever.
pub const INCOMPLETE_RATE: usize = 1 << 20;

/// What a queued message costs besides its body.
pub const MESSAGE_OVERHEAD: usize = 256;

/// Actors that one peer may watch through one connection: a master with every executor of its agents.
/// Beyond it the connection is refused.
pub const WATCHES_PER_CONNECTION: usize = 100_000;

/// Notes about undelivered messages that may wait to be written back to their sender. Beyond it they are only counted.
pub const NOTES_PER_CONNECTION: usize = 1_024;

/// Connections that one node serves at a time, of every kind. Beyond it new ones wait in the kernel's backlog.
pub const CONNECTIONS: usize = 16_384;

/// One in so many of those connections may say nothing for as long as it likes, at its beginning or between messages, which is how
/// programs of the libprocess kind watch a node. Beyond it, who says nothing is closed after [`HANDSHAKE`], and between messages after
/// [`HTTP_KEEP_ALIVE`].
pub const SILENT_SHARE: usize = 2;

/// Request line and headers of an HTTP request that are looked at to find out who speaks.
pub const REQUEST_HEAD_BYTES: usize = 64 << 10;

/// How long a new connection may take to say what it is, and a peer to finish its handshake.
pub const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long dialling another node may take.
pub const DIAL: Duration = Duration::from_secs(5);

/// A side that has nothing else to send says so this often.
pub const HEARTBEAT: Duration = Duration::from_secs(5);

/// A peer that was silent this long is dead: four heartbeats were lost.
pub const SILENCE: Duration = Duration::from_secs(20);

/// How long an idle HTTP connection is kept for its next request. Pools of well-behaved clients keep theirs 60 to 90 seconds
/// and must not meet a closed one.
pub const HTTP_KEEP_ALIVE: Duration = Duration::from_secs(300);

/// How long an HTTP client may take to send the head of its request.
pub const HTTP_HEAD: Duration = Duration::from_secs(15);

/// How long a connection that this node closes may take to end: what its client still sends is ignored meanwhile.
pub const HTTP_LINGER: Duration = Duration::from_secs(2);

/// Bytes that an HTTP client does not take for this long mean that it, or its machine, is gone. A client that is stopped in a
/// debugger gets this long too.
pub const HTTP_UNACKNOWLEDGED: Duration = Duration::from_secs(120);

/// Memory of a flight recorder unless the builder says otherwise: a million headers of 64 bytes, and 3 MiB for what they name
/// and are tagged with. Used only as it fills. Beyond it the oldest give way.
pub const RECORDER_BYTES: usize = 64 << 20;

/// The smallest flight recorder: 15,000 headers, and texts of which each may be as long as the longest.
pub const SMALLEST_RECORDER: usize = 1 << 20;

/// The largest flight recorder: beyond it the number of a pid could stand for another one in a header.
pub const LARGEST_RECORDER: usize = 2 << 30;

/// Longest key and longest value of a tag. Longer ones are cut.
pub const TAG_BYTES: usize = 256;

/// How far another node's clock may run ahead before its times are ignored in the hybrid logical clock.
pub const CLOCK_SKEW: Duration = Duration::from_secs(300);

/// Messages that an actor handles before every other task of its thread gets a turn.
pub const MESSAGES_PER_TURN: u32 = 128;

/// Addresses that are remembered for having sent messages in the libprocess wire: more than a master has agents and
/// frameworks. Beyond it the one heard first is forgotten, until it is heard again.
pub const LIBPROCESS_SPEAKERS: usize = 65_536;

/// Size line and trailer lines of a chunked body. Nobody sends extensions.
pub const CHUNK_LINE_BYTES: usize = 1024;

/// The first wait before a node is dialled again whose connection failed; it doubles with each failure in a row. Short,
/// because most failures are a restart.
pub const REDIAL_FIRST: Duration = Duration::from_millis(50);

/// The longest wait before a node is dialled again. A master that came back is found within it by all its agents, which their
/// jitter spreads over half of it.
pub const REDIAL_LAST: Duration = Duration::from_secs(2);

/// Addresses whose failures are remembered. Beyond it those are forgotten whose wait is over.
pub const REDIALS: usize = 65_536;

/// Messages that one answer of the trace service holds unless the caller asks for another number.
pub const TRACED_MESSAGES: usize = 1_000;

/// The largest number that a caller may ask for, and what a tree is made of. Some 3 MiB on the wire. Beyond it the oldest are
/// left out and counted.
pub const MOST_TRACED_MESSAGES: usize = 10_000;

/// Traces that are followed for one tag, the newest. A task has a few.
pub const TRACES_OF_A_TAG: usize = 256;

/// Nodes that one answer of the trace service names. Beyond it they are only counted.
pub const TRACED_NODES: usize = 16_384;

/// Peers that a node passes one trace query on to: more than a master has agents. Beyond it the others are counted as not asked.
pub const TRACED_PEERS: usize = 12_288;

/// How often a trace query is passed on at most: a framework, its master, an agent and an executor are three steps apart.
pub const TRACE_HOPS: u32 = 8;

/// How long a trace query may take unless the caller says otherwise: a silent node costs as much.
pub const TRACE_BUDGET: Duration = Duration::from_millis(800);

/// The longest that a caller may ask for.
pub const LONGEST_TRACE_BUDGET: Duration = Duration::from_secs(30);

/// Trace queries of HTTP clients that a node works on at a time. Others wait, at most as long as they may take.
pub const TRACE_QUERIES: usize = 16;

/// Trace queries of peers that a node works on at a time. Beyond it they are not answered, and the node counts as silent.
pub const RELAYED_TRACE_QUERIES: usize = 256;

/// Trace queries that a node remembers, so that it answers each once. Beyond it the oldest are forgotten.
pub const REMEMBERED_TRACE_QUERIES: usize = 16_384;

/// Searches of the flight recorder at a time: each takes a processor for up to a tenth of a second.
pub const TRACE_SEARCHES: usize = 2;

/// Answers of peers that wait to be merged, of all trace queries together. Beyond it they are dropped, and their senders count
/// as silent.
pub const TRACE_ANSWER_BYTES: usize = 64 << 20;

/// Longest name of an actor or a message in a trace query, with an address. Longer ones match nothing.
pub const TRACE_FILTER_BYTES: usize = 2048;

/// Unanswered questions that one answer about actors holds, the oldest.
pub const MOST_WAITS: usize = 10_000;

/// Taps that a node has at a time. Beyond it new ones are refused.
pub const TAPS: usize = 16;

/// Messages that a tap shows in a second unless the caller asks for another number; others are counted.
pub const TAP_RATE: u32 = 100;

/// The highest rate that a caller may ask for.
pub const HIGHEST_TAP_RATE: u32 = 10_000;

/// How long a tap stays open unless the caller asks for another time.
pub const TAP_LENGTH: Duration = Duration::from_secs(60);

/// The longest time that a caller may ask for.
pub const LONGEST_TAP: Duration = Duration::from_secs(3600);

/// Messages after which a tap ends unless the caller asks for another number.
pub const TAPPED_MESSAGES: u64 = 10_000;

/// The largest number that a caller may ask for.
pub const MOST_TAPPED_MESSAGES: u64 = 1_000_000;

/// Messages that passed a tap and were not yet taken from it. Beyond it they are counted as left out.
pub const TAP_QUEUE: usize = 1024;

/// Largest body that a tap shows; of larger ones it shows the size.
pub const TAPPED_BODY_BYTES: usize = 64 << 10;

/// Bodies that a node keeps for its taps until their messages are handled. Beyond it only sizes are shown.
pub const TAPPED_BODIES_BYTES: usize = 16 << 20;

/// Questions of one peer that may wait for their answers: more than a master has agents. Beyond it a question is
/// answered at once, with an error.
pub const QUESTIONS_PER_CONNECTION: usize = 100_000;

/// What may wait for a peer beyond the limit for messages, as watches and withdrawals: some 400,000 of either.
pub const CONTROL_BYTES: usize = 16 << 20;

/// Characters of a text of a peer that go to the log: a reason is shorter, and a frame could fill the disk.
pub const LOGGED_CHARACTERS: usize = 256;

/// How often somebody looks at what the actors are busy with, and at who waits for whom: often enough to tell of a deadlock within
/// a second.
pub const LOOK_EVERY: Duration = Duration::from_millis(250);

/// An actor that is in the same handler for this long is called stuck: a thousand times longer than one should take.
pub const STUCK_AFTER: Duration = Duration::from_secs(1);
