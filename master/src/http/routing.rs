//! Which handler a path means, in libprocess' way: an unknown tail falls back to the longest path that is known, a
//! trailing `/` does not matter, and the master's own routes are there with and without `/master`.

/// What a path asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    Scheduler,
    Operator,
    Explain,
    Health,
    Record,
    Redirect,
    Flags,
    State,
    StateSummary,
    Agents,
    Frameworks,
    Tasks,
    Roles,
    Quota,
    MaintenanceSchedule,
    MaintenanceStatus,
    MachineDown,
    MachineUp,
    Weights,
    Teardown,
    Reserve,
    Unreserve,
    CreateVolumes,
    DestroyVolumes,
    Version,
    Metrics,
    Browse,
    ReadFile,
    Download,
    FilesDebug,
    LoggingLevel,
    Machine,
    Registry,
    OfferConstraints,
}

/// Served as `/path` and as `/master/path`.
const OF_MASTER: [(&str, Route); 24] = [
    ("api/v1", Route::Operator),
    ("api/v1/scheduler", Route::Scheduler),
    ("create-volumes", Route::CreateVolumes),
    ("destroy-volumes", Route::DestroyVolumes),
    ("explain", Route::Explain),
    ("flags", Route::Flags),
    ("frameworks", Route::Frameworks),
    ("health", Route::Health),
    ("machine/down", Route::MachineDown),
    ("machine/up", Route::MachineUp),
    ("maintenance/schedule", Route::MaintenanceSchedule),
    ("maintenance/status", Route::MaintenanceStatus),
    ("quota", Route::Quota),
    ("record", Route::Record),
    ("redirect", Route::Redirect),
    ("reserve", Route::Reserve),
    ("roles", Route::Roles),
    ("slaves", Route::Agents),
    ("state", Route::State),
    ("state-summary", Route::StateSummary),
    ("tasks", Route::Tasks),
    ("teardown", Route::Teardown),
    ("unreserve", Route::Unreserve),
    ("weights", Route::Weights),
];

/// Served by other actors of the process.
const OF_PROCESS: [(&str, Route); 10] = [
    ("allocator/offer_constraints_debug", Route::OfferConstraints),
    ("files/browse", Route::Browse),
    ("files/debug", Route::FilesDebug),
    ("files/download", Route::Download),
    ("files/read", Route::ReadFile),
    ("logging/toggle", Route::LoggingLevel),
    ("metrics/snapshot", Route::Metrics),
    ("registrar(1)/registry", Route::Registry),
    ("system/stats.json", Route::Machine),
    ("version", Route::Version),
];

/// Finds the route of a path; none for an unknown one.
pub(super) fn find(path: &str) -> Option<Route> {
    let bare = path;
    let path = path.trim_matches('/');
    let own = path.strip_prefix("master/");
    let of_process = if own.is_none() { longest(&OF_PROCESS, path) } else { None };
    let route = of_process.or_else(|| longest(&OF_MASTER, own.unwrap_or(path)))?;
    // Mesos' master redirects nothing but the bare path.
    let redirects_more = route == Route::Redirect && !matches!(bare, "/redirect" | "/master/redirect");
    (!redirects_more).then_some(route)
}

fn longest(routes: &[(&str, Route)], path: &str) -> Option<Route> {
    let known = |candidate: &str| routes.iter().find(|(name, _)| *name == candidate).map(|(_, route)| *route);
    let mut candidate = path;
    loop {
        if let Some(route) = known(candidate) {
            return Some(route);
        }
        candidate = candidate.rsplit_once('/')?.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_tail_falls_back_to_the_longest_known_path() {
        assert_eq!(find("/api/v1/operator"), Some(Route::Operator));
        assert_eq!(find("/api/v1/scheduler/x"), Some(Route::Scheduler));
        assert_eq!(find("/slaves/some-id"), Some(Route::Agents));
        assert_eq!(find("/tasks/"), Some(Route::Tasks));
        assert_eq!(find("/master/state"), Some(Route::State));
        assert_eq!(find("/state.json"), None);
    }

    #[test]
    fn routes_of_the_process_are_not_the_masters() {
        assert_eq!(find("/version"), Some(Route::Version));
        assert_eq!(find("/master/version"), None);
        assert_eq!(find("/metrics"), None);
        assert_eq!(find("/"), None);
    }

    #[test]
    fn redirect_has_no_tails() {
        assert_eq!(find("/redirect"), Some(Route::Redirect));
        assert_eq!(find("/master/redirect"), Some(Route::Redirect));
        assert_eq!(find("/redirect/x"), None);
        assert_eq!(find("/redirect/"), None);
    }
}
