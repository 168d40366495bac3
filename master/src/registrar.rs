//! The keeper of the registry: one thread that makes changes durable before anybody sees them.
//!
//! The registry is one record of a redb database, written anew with every batch: all changes that wait are applied to
//! the copy in memory and committed at once, with one flush to the disk.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak, mpsc};
use std::thread::JoinHandle;
use std::time::Instant;

use prost::Message as _;
use redb::{Database, ReadableDatabase, TableDefinition};
use tepui_master_core::{RegistryOperation, Ticket};
use tepui_proto::{internal, wire};

use crate::config::RegistryStorage;

const TABLE: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("registry");
/// The one record's key, the name Mesos' registrar uses too.
const KEY: &str = "registry";
/// The database's name in the work directory.
const FILE: &str = "registry.redb";
/// How many changes wait for their batch.
const QUEUED: &str = "registrar/queued_operations";
/// Changes applied with one commit; more wait for the next.
const MAX_BATCH: usize = 4096;

/// Why the registry cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenRegistryError {
    /// The work directory.
    #[error("create work_dir {path}: {cause}")]
    WorkDir {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// The registrar's thread.
    #[error("start the registrar's thread: {0}")]
    Thread(std::io::Error),
    /// The database; another master that runs with the same work directory holds its lock.
    #[error("open registry {path}: {cause}; is another master running with this work_dir?")]
    Open {
        /// Which file.
        path: PathBuf,
        /// Why.
        cause: redb::Error,
    },
    /// What is in it.
    #[error("read registry {path}: {cause}; move the file away to start with an empty registry")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        cause: String,
    },
}

/// A change to make durable.
pub(crate) struct Change {
    pub(crate) ticket: Ticket,
    pub(crate) operation: RegistryOperation,
}

/// What became of a batch.
pub(crate) type Outcome = (Vec<Ticket>, Result<(), String>);

/// The master's end. Its drop waits for the changes under way, so that the registry can be opened again right after.
pub(crate) struct Registrar {
    changes: Option<mpsc::Sender<Change>>,
    thread: Option<JoinHandle<()>>,
    durable: Durable,
}

/// For those who want to read what is durable. It holds nothing open.
#[derive(Clone)]
pub(crate) enum Durable {
    InMemory(Arc<Mutex<internal::Registry>>),
    File(PathBuf, Weak<Database>),
}

impl Durable {
    /// The registry as it was last written.
    pub(crate) fn read(&self) -> Result<internal::Registry, String> {
        match self {
            // It is replaced whole: nothing half done can be in it, also when a writer panicked.
            Durable::InMemory(registry) => {
                Ok(registry.lock().unwrap_or_else(PoisonError::into_inner).clone())
            }
            Durable::File(path, database) => {
                let database = database.upgrade().ok_or("the master is ending")?;
                let store = Store { path: path.clone(), database };
                store.read().map_err(|error| error.to_string())
            }
        }
    }

    fn of(store: Option<&Store>) -> Durable {
        match store {
            None => Durable::InMemory(Arc::default()),
            Some(store) => Durable::File(store.path.clone(), Arc::downgrade(&store.database)),
        }
    }

    /// A registry without a file is seen as if it had one.
    fn written(&self, registry: &internal::Registry) {
        if let Durable::InMemory(seen) = self {
            *seen.lock().unwrap_or_else(PoisonError::into_inner) = registry.clone();
        }
    }
}

impl Drop for Registrar {
    fn drop(&mut self) {
        drop(self.changes.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was logged when it happened.
            let _ = thread.join();
        }
    }
}

impl Registrar {
    /// Opens the registry and reads it. `done` is called on the registrar's thread.
    pub(crate) fn open(
        storage: &RegistryStorage,
        done: impl Fn(Outcome) + Send + 'static,
    ) -> Result<(Registrar, internal::Registry), OpenRegistryError> {
        let store = match storage {
            RegistryStorage::InMemory => None,
            RegistryStorage::File { work_dir } => Some(Store::open(work_dir)?),
        };
        let begin = Instant::now();
        let registry = match &store {
            None => internal::Registry::default(),
            Some(store) => store.read()?,
        };
        metrics::histogram!("registrar/state_fetch_ms").record(begin.elapsed().as_secs_f64() * 1e3);
        metrics::gauge!("registrar/registry_size_bytes").set(registry.encoded_len() as f64);
        // Of Mesos' replicated log: there is one copy, which is read.
        metrics::gauge!("registrar/log/recovered").set(1.0);
        metrics::gauge!("registrar/log/ensemble_size").set(1.0);
        let (changes, waiting) = mpsc::channel();
        let copy = registry.clone();
        let durable = Durable::of(store.as_ref());
        let seen = durable.clone();
        let spawned = std::thread::Builder::new()
            .name("registrar".into())
            .spawn(move || keep(&waiting, copy, store.as_ref(), &seen, done));
        let thread = spawned.map_err(OpenRegistryError::Thread)?;
        Ok((Registrar { changes: Some(changes), thread: Some(thread), durable }, registry))
    }

    /// For those who want to read the registry.
    pub(crate) fn durable(&self) -> Durable {
        self.durable.clone()
    }

    pub(crate) fn persist(&self, change: Change) {
        metrics::gauge!(QUEUED).increment(1);
        // The thread ends only after us.
        let _ = self.changes.as_ref().map(|changes| changes.send(change));
    }
}

fn keep(
    waiting: &mpsc::Receiver<Change>,
    mut registry: internal::Registry,
    store: Option<&Store>,
    seen: &Durable,
    done: impl Fn(Outcome),
) {
    while let Ok(first) = waiting.recv() {
        let batch = std::iter::once(first).chain(waiting.try_iter()).take(MAX_BATCH);
        let mut tickets = Vec::new();
        for change in batch {
            change.operation.apply(&mut registry);
            tickets.push(change.ticket);
        }
        metrics::gauge!(QUEUED).decrement(tickets.len() as f64);
        let begin = Instant::now();
        let outcome = store.map_or(Ok(()), |store| store.write(&registry));
        seen.written(&registry);
        metrics::histogram!("registrar/state_store_ms").record(begin.elapsed().as_secs_f64() * 1e3);
        metrics::gauge!("registrar/registry_size_bytes").set(registry.encoded_len() as f64);
        done((tickets, outcome));
    }
}

struct Store {
    path: PathBuf,
    database: Arc<Database>,
}

impl Store {
    fn open(work_dir: &Path) -> Result<Store, OpenRegistryError> {
        std::fs::create_dir_all(work_dir)
            .map_err(|cause| OpenRegistryError::WorkDir { path: work_dir.to_path_buf(), cause })?;
        let path = work_dir.join(FILE);
        match Database::create(&path) {
            Ok(database) => Ok(Store { path, database: Arc::new(database) }),
            Err(cause) => Err(OpenRegistryError::Open { path, cause: cause.into() }),
        }
    }

    fn read(&self) -> Result<internal::Registry, OpenRegistryError> {
        let bytes = self.bytes().map_err(|cause| self.unreadable(cause.to_string()))?;
        match bytes {
            None => Ok(internal::Registry::default()),
            Some(bytes) => wire::decode(&bytes).map_err(|cause| self.unreadable(cause.to_string())),
        }
    }

    fn unreadable(&self, cause: String) -> OpenRegistryError {
        OpenRegistryError::Read { path: self.path.clone(), cause }
    }

    fn bytes(&self) -> Result<Option<Vec<u8>>, redb::Error> {
        let transaction = self.database.begin_read()?;
        let table = match transaction.open_table(TABLE) {
            Ok(table) => table,
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        Ok(table.get(KEY)?.map(|record| record.value().to_vec()))
    }

    /// Commits durably: redb's default durability is an fdatasync before `commit` returns.
    fn write(&self, registry: &internal::Registry) -> Result<(), String> {
        let write = || -> Result<(), redb::Error> {
            let transaction = self.database.begin_write()?;
            transaction.open_table(TABLE)?.insert(KEY, registry.encode_to_vec().as_slice())?;
            transaction.commit()?;
            Ok(())
        };
        write().map_err(|error| format!("write registry {}: {error}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use tepui_proto::v1;

    use super::*;

    fn admit(id: &str) -> RegistryOperation {
        let id = Some(v1::AgentId { value: id.into() });
        RegistryOperation::AdmitAgent(Box::new(v1::AgentInfo {
            hostname: "h".into(),
            id,
            ..Default::default()
        }))
    }

    #[test]
    fn what_was_persisted_is_there_after_a_restart() {
        let work_dir = tempfile::tempdir().unwrap();
        let storage = RegistryStorage::File { work_dir: work_dir.path().to_path_buf() };
        let (done, outcomes) = mpsc::channel();
        let (registrar, empty) =
            Registrar::open(&storage, move |outcome| done.send(outcome).unwrap()).unwrap();
        registrar.persist(Change { ticket: Ticket(1), operation: admit("a1") });
        registrar.persist(Change { ticket: Ticket(2), operation: admit("a2") });

        let mut written = Vec::new();
        let durable = registrar.durable();
        while written.len() < 2 {
            let (tickets, outcome) = outcomes.recv().unwrap();
            outcome.unwrap();
            written.extend(tickets);
        }
        let read = durable.read().unwrap();
        drop(registrar);
        let (_, registry) = Registrar::open(&storage, |_| {}).unwrap();

        assert_eq!(empty, internal::Registry::default());
        assert_eq!(written, [Ticket(1), Ticket(2)]);
        assert_eq!(registry, read);
        assert_eq!(registry.slaves.unwrap().slaves.len(), 2);
        assert_eq!(durable.read().unwrap_err(), "the master is ending", "the file is not held open");
    }

    #[test]
    fn a_registry_in_use_is_refused_with_advice() {
        let work_dir = tempfile::tempdir().unwrap();
        let storage = RegistryStorage::File { work_dir: work_dir.path().to_path_buf() };
        let _first = Registrar::open(&storage, |_| {}).unwrap();

        let second = Registrar::open(&storage, |_| {}).err().unwrap().to_string();

        assert!(second.ends_with("is another master running with this work_dir?"), "{second}");
    }
}
