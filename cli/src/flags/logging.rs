//! The flags about logs, which master and agent share.

use super::flag::{Group, INTEGER, PATH, SWITCH, TEXT, accepted, done};

pub static LOGGING: Group = Group {
    title: "Logs",
    flags: &[
        done("quiet", SWITCH, "false", "log nothing; errors that end the daemon are still printed"),
        done(
            "logging_level",
            TEXT,
            "INFO",
            "log this and worse: INFO, WARNING or ERROR; RUST_LOG says it more finely",
        ),
        done("log_dir", PATH, "", "log to a file in this folder as well"),
        accepted("logbufsecs", INTEGER, "0", "logs are written at once"),
        accepted("initialize_driver_logging", SWITCH, "true", "it is about schedulers that link libmesos"),
        done("external_log_file", PATH, "", "show this file as the log, which somebody else writes"),
        done("help", SWITCH, "false", "print this"),
    ],
};
