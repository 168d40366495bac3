//! What tasks may use at most (`TaskInfo.limits`), as one number for the container they share.

use std::collections::BTreeMap;

use tepui_model::Resources;
use tepui_proto::v1::value::Scalar;

/// `cpus`, and `mem` in megabytes; infinity is no limit at all, none is the request as the limit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TaskLimits {
    /// Processors.
    pub cpus: Option<f64>,
    /// Megabytes of memory.
    pub mem: Option<f64>,
}

impl TaskLimits {
    /// Of an executor that needs `own`, and its tasks. As soon as one of them has a limit, all have: what it needs is the
    /// limit of one that says none.
    pub(crate) fn of<'a>(
        own: &Resources,
        tasks: impl Iterator<Item = (&'a Resources, &'a BTreeMap<String, Scalar>)>,
    ) -> TaskLimits {
        let tasks: Vec<_> = tasks.collect();
        let sum = |name: &str, need: fn(&Resources) -> f64| {
            let limit = |limits: &BTreeMap<String, Scalar>| limits.get(name).map(|limit| limit.value);
            if !tasks.iter().any(|(_, limits)| limits.contains_key(name)) {
                return None;
            }
            let each = tasks.iter().map(|(needs, limits)| limit(limits).unwrap_or_else(|| need(needs)));
            Some(need(own) + each.sum::<f64>())
        };
        TaskLimits {
            cpus: sum("cpus", |needs| needs.cpus().as_f64()),
            mem: sum("mem", |needs| needs.mem().as_f64()),
        }
    }
}

#[cfg(test)]
mod tests {
    use tepui_model::Role;

    use super::*;

    fn limits(tasks: &[(&str, &[(&str, f64)])]) -> TaskLimits {
        let resources = |text: &str| Resources::parse(text, &Role::star()).unwrap();
        let tasks: Vec<_> = tasks
            .iter()
            .map(|(needs, limits)| {
                let limits =
                    limits.iter().map(|(name, value)| ((*name).to_owned(), Scalar { value: *value }));
                (resources(needs), limits.collect::<BTreeMap<_, _>>())
            })
            .collect();
        TaskLimits::of(&resources("cpus:0.1;mem:32"), tasks.iter().map(|(needs, limits)| (needs, limits)))
    }

    #[test]
    fn a_task_without_a_limit_adds_what_it_needs_to_the_limits_of_others() {
        let small = ("cpus:1;mem:64", &[][..]);

        assert_eq!(limits(&[small]), TaskLimits::default());
        assert_eq!(
            limits(&[small, ("cpus:1;mem:64", &[("mem", 128.0)])]),
            TaskLimits { cpus: None, mem: Some(224.0) }
        );
        assert_eq!(limits(&[small, ("cpus:1;mem:64", &[("cpus", f64::INFINITY)])]).cpus, Some(f64::INFINITY));
    }
}
