//! The protobuf messages that reach an actor by name.

use std::any::{Any, TypeId};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::actor::{Actor, Answer, Receive, Request, WireMessage};
use crate::context::Context;
use crate::envelope::Receipt;
use crate::host::Passed;
use crate::mailbox::Mailbox;
use crate::pid::Pid;
use crate::responder::{ReplyTo, Responder};

/// The table that [`Actor::install`] fills.
pub struct Routes<A: Actor> {
    by_name: HashMap<&'static str, Route<A>>,
    by_type: TypeMap<Route<A>>,
}

/// How a message of one type reaches actors of one type.
pub(crate) struct Route<A: Actor> {
    pub(crate) name: &'static str,
    /// The full protobuf name of the type, by which a body is checked.
    pub(crate) type_name: &'static str,
    pub(crate) decode: Decode<A>,
    /// The same for a small body that was told, at once.
    pub(crate) receive: ReceiveNow<A>,
    /// Takes a Rust value of the same node; None if only encoded messages are taken.
    pub(crate) pass: Option<Pass<A>>,
    /// Somebody who asks gets an answer.
    pub(crate) answers: bool,
    type_id: TypeId,
    actor: PhantomData<fn(A)>,
}

/// What belongs to a type; looked up for every message.
type TypeMap<V> = HashMap<TypeId, V, BuildHasherDefault<TypeHasher>>;

/// A type's id is a good hash itself.
#[derive(Default)]
struct TypeHasher(u64);

impl Hasher for TypeHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Puts a Rust value into a mailbox.
pub(crate) type Pass<A> = fn(&Mailbox<A>, &mut dyn Any, Receipt);

/// Decodes a body, then gives the call that hands it to the actor.
pub(crate) type Decode<A> = fn(Bytes) -> Result<Deliver<A>, prost::DecodeError>;
pub(crate) type Deliver<A> = Box<dyn FnOnce(&mut A, &mut Context<A>, &Pid, Option<ReplyTo>)>;

/// Decodes a body and hands it to the actor. It keeps nothing of the bytes.
pub(crate) type ReceiveNow<A> = fn(&[u8], &mut A, &mut Context<A>, &Pid) -> Result<(), prost::DecodeError>;

impl<A: Actor> Clone for Route<A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A: Actor> Copy for Route<A> {}

impl<A: Actor> Routes<A> {
    /// The actor receives messages of type `M`, by their full protobuf name.
    ///
    /// # Panics
    /// Two messages of one actor have the same name.
    pub fn message<M: WireMessage>(&mut self) -> &mut Self
    where
        A: Receive<M>,
    {
        self.message_as::<M>(wire_name::<M>())
    }

    /// The actor receives messages of type `M` that others call `name`: programs of the libprocess kind have names of their
    /// own, such as `mesos.scheduler.Call` or the bare `PING`. Only that name is installed; [`message`](Routes::message)
    /// installs the type's own as well.
    ///
    /// # Panics
    /// Two messages of one actor have the same name.
    pub fn message_as<M: WireMessage>(&mut self, name: &'static str) -> &mut Self
    where
        A: Receive<M>,
    {
        let (type_id, type_name) = (TypeId::of::<M>(), wire_name::<M>());
        self.install(Route {
            name,
            type_name,
            decode: decode::<A, M>,
            receive: receive::<A, M>,
            pass: Some(pass::<A, M>),
            answers: false,
            type_id,
            actor: PhantomData,
        })
    }

    /// The actor answers messages of type `M`, by their full protobuf name.
    ///
    /// # Panics
    /// Two messages of one actor have the same name.
    pub fn request<M: Request>(&mut self) -> &mut Self
    where
        A: Answer<M>,
    {
        let (type_id, name) = (TypeId::of::<M>(), wire_name::<M>());
        self.install(Route {
            name,
            type_name: name,
            decode: decode_request::<A, M>,
            receive: receive_request::<A, M>,
            pass: None,
            answers: true,
            type_id,
            actor: PhantomData,
        })
    }

    fn install(&mut self, route: Route<A>) -> &mut Self {
        let Route { name, type_id, .. } = route;
        let earlier = self.by_name.insert(name, route);
        assert!(earlier.is_none(), "message {name} is installed twice");
        self.by_type.entry(type_id).or_insert(route);
        self
    }

    /// One table for all actors of the type.
    pub(crate) fn of_actor() -> Arc<Routes<A>> {
        static TABLES: Mutex<BTreeMap<TypeId, Arc<dyn Any + Send + Sync>>> = Mutex::new(BTreeMap::new());
        let tables = || TABLES.lock().unwrap_or_else(PoisonError::into_inner);
        let known = tables().get(&TypeId::of::<A>()).cloned();
        if let Some(known) = known.and_then(|known| known.downcast().ok()) {
            return known;
        }
        let mut routes = Routes { by_name: HashMap::new(), by_type: TypeMap::default() };
        A::install(&mut routes);
        let routes = Arc::new(routes);
        tables().insert(TypeId::of::<A>(), routes.clone());
        routes
    }

    pub(crate) fn by_name(&self, name: &str) -> Option<Route<A>> {
        self.by_name.get(name).copied()
    }

    pub(crate) fn by_type(&self, type_id: TypeId) -> Option<Route<A>> {
        self.by_type.get(&type_id).copied()
    }
}

fn decode<A: Receive<M>, M: WireMessage>(body: Bytes) -> Result<Deliver<A>, prost::DecodeError> {
    let message = M::decode(body)?;
    Ok(Box::new(move |actor, cx, from, _| actor.receive(cx, from, message)))
}

fn decode_request<A: Answer<M>, M: Request>(body: Bytes) -> Result<Deliver<A>, prost::DecodeError> {
    let message = M::decode(body)?;
    Ok(Box::new(move |actor, cx, from, reply| actor.answer(cx, from, message, Responder::to(reply))))
}

fn receive<A: Receive<M>, M: WireMessage>(
    body: &[u8],
    actor: &mut A,
    cx: &mut Context<A>,
    from: &Pid,
) -> Result<(), prost::DecodeError> {
    let message = M::decode(body)?;
    actor.receive(cx, from, message);
    Ok(())
}

/// Nobody gets the answer to a question that was told.
fn receive_request<A: Answer<M>, M: Request>(
    body: &[u8],
    actor: &mut A,
    cx: &mut Context<A>,
    from: &Pid,
) -> Result<(), prost::DecodeError> {
    let message = M::decode(body)?;
    actor.answer(cx, from, message, Responder::to(None));
    Ok(())
}

fn pass<A: Receive<M>, M: WireMessage>(mailbox: &Mailbox<A>, message: &mut dyn Any, receipt: Receipt) {
    let message = message.downcast_mut::<Option<M>>().and_then(Option::take);
    let message = message.expect("routes are looked up by the type of the message");
    mailbox.post(Box::new(Passed { message, receipt, name: wire_name::<M>() }));
}

/// The full protobuf name of a type. Made once for each type and thread, and each text once for the process.
#[inline]
pub(crate) fn wire_name<M: WireMessage>() -> &'static str {
    thread_local! {
        // Mostly the next one too.
        static LAST: Cell<Option<(TypeId, &'static str)>> = const { Cell::new(None) };
    }
    if let Some((type_id, name)) = LAST.get()
        && type_id == TypeId::of::<M>()
    {
        return name;
    }
    let name = known_wire_name::<M>();
    LAST.set(Some((TypeId::of::<M>(), name)));
    name
}

fn known_wire_name<M: WireMessage>() -> &'static str {
    thread_local! {
        static NAMES: RefCell<TypeMap<&'static str>> = RefCell::default();
    }
    let name = NAMES.with_borrow(|names| names.get(&TypeId::of::<M>()).copied());
    name.unwrap_or_else(|| {
        let name = crate::envelope::intern(&M::full_name());
        NAMES.with_borrow_mut(|names| names.insert(TypeId::of::<M>(), name));
        name
    })
}
