//! The wire: Mesos' messages, their JSON, and RecordIO.
