//! The vocabulary with laws: ids, resources, roles, time.
