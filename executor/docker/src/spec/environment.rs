//! The variables of a container.

use std::collections::BTreeMap;

use tepui_proto::v1;
use v1::environment::variable::Type;

use super::{SpecError, Wanted};

/// Which container this is. Whoever ends a container past its engine knows its processes by it.
pub(crate) const NAME: &str = "MESOS_CONTAINER_NAME";

/// The command's own, then what is said about the container, which wins.
pub(super) fn of(wanted: &Wanted<'_>) -> Result<Vec<String>, SpecError> {
    let mut variables = wanted.command.environment.as_ref().map(read).transpose()?.unwrap_or_default();
    variables.insert("MESOS_SANDBOX".into(), wanted.settings.sandbox_directory.clone());
    variables.insert(NAME.into(), wanted.name.to_owned());
    variables.extend(wanted.variables.iter().cloned());
    Ok(variables.into_iter().map(|(name, value)| format!("{name}={value}")).collect())
}

/// Names and values, secrets included.
pub(crate) fn read(environment: &v1::Environment) -> Result<BTreeMap<String, String>, SpecError> {
    let mut variables = BTreeMap::new();
    for variable in &environment.variables {
        let value = if variable.r#type() == Type::Secret {
            let held =
                variable.secret.as_ref().and_then(|secret| secret.value.as_ref()).ok_or_else(|| {
                    let name = &variable.name;
                    SpecError::Environment(format!("'{name}' refers to a secret elsewhere: give its value"))
                })?;
            let text = std::str::from_utf8(&held.data);
            text.map_err(|_| SpecError::Environment(format!("'{}' is not text", variable.name)))?.to_owned()
        } else {
            variable.value.clone().unwrap_or_default()
        };
        if variable.name.is_empty() || variable.name.contains(['=', '\0']) {
            return Err(SpecError::Environment(format!("'{}' cannot name a variable", variable.name)));
        }
        variables.insert(variable.name.clone(), value);
    }
    Ok(variables)
}
