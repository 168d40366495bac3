//! The keeper of the registry: one thread that makes changes durable before anybody sees them.
//!
//! The registry is one record of a redb database, written anew with every batch: all changes that wait are applied to
//! the copy in memory and committed at once, with one flush to the disk.

mod kept;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak, mpsc};
use std::thread::JoinHandle;
use std::time::Instant;

use prost::Message as _;
use redb::{Database, ReadableDatabase, TableDefinition};
use tepui_master_core::{RegistryOperation, Ticket};
use tepui_proto::{internal, wire};

use crate::config::RegistryStorage;
use kept::Kept;

const TABLE: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("registry");
/// The one record's key, the name Mesos' registrar uses too.
const KEY: &str = "registry";
/// The key of the record's checksum, which is written with it: what has changed on the disk is noticed, and not believed.
const CHECKSUM: &str = "crc32";
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
    registry: internal::Registry,
    store: Option<&Store>,
    seen: &Durable,
    done: impl Fn(Outcome),
) {
    let mut kept = Kept::new(registry);
    while let Ok(first) = waiting.recv() {
        let batch = std::iter::once(first).chain(waiting.try_iter()).take(MAX_BATCH);
        let mut tickets = Vec::new();
        for change in batch {
            kept.apply(&change.operation);
            tickets.push(change.ticket);
        }
        metrics::gauge!(QUEUED).decrement(tickets.len() as f64);
        let begin = Instant::now();
        let record = kept.record();
        let outcome = store.map_or(Ok(()), |store| store.write(&record));
        seen.written(kept.registry());
        metrics::histogram!("registrar/state_store_ms").record(begin.elapsed().as_secs_f64() * 1e3);
        metrics::gauge!("registrar/registry_size_bytes").set(record.len() as f64);
        done((tickets, outcome));
    }
}

/// What is written, and its checksum, if it was written with one.
type Record = (Vec<u8>, Option<Vec<u8>>);

struct Store {
    path: PathBuf,
    database: Arc<Database>,
}

impl Store {
    fn open(work_dir: &Path) -> Result<Store, OpenRegistryError> {
        std::fs::create_dir_all(work_dir)
            .map_err(|cause| OpenRegistryError::WorkDir { path: work_dir.to_path_buf(), cause })?;
        let path = work_dir.join(FILE);
        match Store::made_whole(work_dir, &path).and_then(|()| Ok(Database::create(&path)?)) {
            Ok(database) => Ok(Store { path, database: Arc::new(database) }),
            Err(cause) => Err(OpenRegistryError::Open { path, cause }),
        }
    }

    /// A new database is made beside its place, and put there when it is whole: power may be lost meanwhile.
    fn made_whole(work_dir: &Path, path: &Path) -> Result<(), redb::Error> {
        if path.exists() {
            return Ok(());
        }
        let new = path.with_extension("new");
        if new.exists() {
            std::fs::remove_file(&new)?;
        }
        drop(Database::create(&new)?);
        // Not if another master was quicker: its registry must not be taken from it.
        std::fs::hard_link(&new, path)?;
        std::fs::remove_file(&new)?;
        std::fs::File::open(work_dir)?.sync_all()?;
        Ok(())
    }

    /// A store on a disk that the test has made.
    #[cfg(test)]
    fn on(disk: impl redb::StorageBackend) -> Result<Store, redb::Error> {
        let database = Database::builder().create_with_backend(disk)?;
        Ok(Store { path: PathBuf::from("the test's disk"), database: Arc::new(database) })
    }

    fn read(&self) -> Result<internal::Registry, OpenRegistryError> {
        let record = self.record().map_err(|cause| self.unreadable(cause.to_string()))?;
        let Some((bytes, checksum)) = record else { return Ok(internal::Registry::default()) };
        // Registries were written without one before.
        if checksum.is_some_and(|checksum| checksum != checksum_of(&bytes)) {
            return Err(self.unreadable("its checksum does not fit: the disk has changed it".into()));
        }
        wire::decode(&bytes).map_err(|cause| self.unreadable(cause.to_string()))
    }

    fn unreadable(&self, cause: String) -> OpenRegistryError {
        OpenRegistryError::Read { path: self.path.clone(), cause }
    }

    /// The record, and its checksum.
    fn record(&self) -> Result<Option<Record>, redb::Error> {
        let transaction = self.database.begin_read()?;
        let table = match transaction.open_table(TABLE) {
            Ok(table) => table,
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let value = |key| table.get(key).map(|found| found.map(|found| found.value().to_vec()));
        let (record, checksum) = (value(KEY)?, value(CHECKSUM)?);
        Ok(record.map(|record| (record, checksum)))
    }

    /// Commits durably: redb's default durability is an fdatasync before `commit` returns.
    fn write(&self, record: &[u8]) -> Result<(), String> {
        let write = || -> Result<(), redb::Error> {
            let transaction = self.database.begin_write()?;
            {
                let mut table = transaction.open_table(TABLE)?;
                table.insert(CHECKSUM, checksum_of(record).as_slice())?;
                table.insert(KEY, record)?;
            }
            transaction.commit()?;
            Ok(())
        };
        write().map_err(|error| format!("write registry {}: {error}", self.path.display()))
    }
}

fn checksum_of(record: &[u8]) -> Vec<u8> {
    let mut checksum = flate2::Crc::new();
    checksum.update(record);
    checksum.sum().to_le_bytes().to_vec()
}

#[cfg(test)]
mod crashes;
#[cfg(test)]
mod tests;
