//! Who gets what: hierarchical dominant-resource fairness as a pure state machine.
