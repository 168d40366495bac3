//! Which handler a path belongs to.
//!
//! As in Mesos, a path that nobody has belongs to the longest one above it: clients post to `/state/x` and expect
//! `/state`.

/// What the agent serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Executor,
    Operator,
    Record,
    Health,
    Version,
    State,
    Flags,
    Containers,
    Statistics,
    Metrics,
    Browse,
    Read,
    Download,
    FilesDebug,
    LoggingLevel,
    Machine,
}

/// Served at the root and below `/slave(1)`.
const OF_AGENT: [(&str, Route); 8] = [
    ("/api/v1/executor", Route::Executor),
    ("/api/v1", Route::Operator),
    ("/health", Route::Health),
    ("/record", Route::Record),
    ("/state", Route::State),
    ("/flags", Route::Flags),
    ("/containers", Route::Containers),
    ("/monitor/statistics", Route::Statistics),
];

/// Served at the root only: they belong to the process.
const OF_PROCESS: [(&str, Route); 8] = [
    ("/version", Route::Version),
    ("/metrics/snapshot", Route::Metrics),
    ("/files/browse", Route::Browse),
    ("/files/read", Route::Read),
    ("/files/download", Route::Download),
    ("/files/debug", Route::FilesDebug),
    ("/logging/toggle", Route::LoggingLevel),
    ("/system/stats.json", Route::Machine),
];

pub(super) fn find(path: &str) -> Option<Route> {
    let own = path.strip_prefix("/slave(1)");
    let path = own.unwrap_or(path);
    let of_process = OF_PROCESS.iter().filter(|_| own.is_none());
    // Longest first in each table, and no path of one is above one of the other.
    OF_AGENT
        .iter()
        .chain(of_process)
        .find(|(prefix, _)| is_at_or_below(path, prefix))
        .map(|(_, route)| *route)
}

fn is_at_or_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found_at_the_root_and_below_the_actor() {
        assert_eq!(find("/slave(1)/api/v1/executor"), Some(Route::Executor));
        assert_eq!(find("/api/v1"), Some(Route::Operator));
        assert_eq!(find("/slave(1)/state/"), Some(Route::State));
        assert_eq!(find("/state/x"), Some(Route::State));
        assert_eq!(find("/api/v1/operator"), Some(Route::Operator));
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        assert_eq!(find("/"), None);
        assert_eq!(find("/slave(1)"), None);
        assert_eq!(find("/slave(2)/state"), None);
        assert_eq!(find("/slave(1)/version"), None);
        assert_eq!(find("/statement"), None);
        assert_eq!(find("/files"), None);
    }
}
