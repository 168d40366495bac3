//! The registry on a disk that works.

use redb::ReadableTable as _;
use tepui_proto::v1;

use super::*;

pub(super) fn admit(id: &str) -> RegistryOperation {
    let id = Some(v1::AgentId { value: id.into() });
    RegistryOperation::AdmitAgent(Box::new(v1::AgentInfo { hostname: "h".into(), id, ..Default::default() }))
}

#[test]
fn what_was_persisted_is_there_after_a_restart() {
    let work_dir = tempfile::tempdir().unwrap();
    let storage = RegistryStorage::File { work_dir: work_dir.path().to_path_buf() };
    let (done, outcomes) = mpsc::channel();
    let (registrar, empty) = Registrar::open(&storage, move |outcome| done.send(outcome).unwrap()).unwrap();
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

#[test]
fn a_record_that_the_disk_has_changed_is_refused_with_advice() {
    let work_dir = tempfile::tempdir().unwrap();
    let store = Store::open(work_dir.path()).unwrap();
    let mut registry = internal::Registry::default();
    admit("a1").apply(&mut registry);
    store.write(&registry.encode_to_vec()).unwrap();
    let transaction = store.database.begin_write().unwrap();
    {
        let mut table = transaction.open_table(TABLE).unwrap();
        let mut record = table.get(KEY).unwrap().unwrap().value().to_vec();
        let last = record.len() - 1;
        record[last] ^= 1;
        table.insert(KEY, record.as_slice()).unwrap();
    }
    transaction.commit().unwrap();

    let refused = store.read().unwrap_err().to_string();

    assert!(refused.contains("its checksum does not fit"), "{refused}");
    assert!(refused.ends_with("move the file away to start with an empty registry"), "{refused}");
}

#[test]
fn a_record_of_before_there_were_checksums_is_read() {
    let work_dir = tempfile::tempdir().unwrap();
    let store = Store::open(work_dir.path()).unwrap();
    let mut registry = internal::Registry::default();
    admit("a1").apply(&mut registry);
    store.write(&registry.encode_to_vec()).unwrap();
    let transaction = store.database.begin_write().unwrap();
    transaction.open_table(TABLE).unwrap().remove(CHECKSUM).unwrap();
    transaction.commit().unwrap();

    assert_eq!(store.read().unwrap(), registry);
}

#[test]
fn what_is_left_of_a_database_that_was_being_made_is_no_hindrance() {
    let work_dir = tempfile::tempdir().unwrap();
    std::fs::write(work_dir.path().join("registry.new"), "half a database").unwrap();

    let store = Store::open(work_dir.path()).unwrap();

    assert_eq!(store.read().unwrap(), internal::Registry::default());
    assert!(!work_dir.path().join("registry.new").exists());
}
