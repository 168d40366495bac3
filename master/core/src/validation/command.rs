//! Whether a command can be run: its environment must be complete.

use tepui_proto::v1::environment::{Variable, variable::Type};
use tepui_proto::v1::secret::Type as SecretType;
use tepui_proto::v1::{CommandInfo, Secret};

use super::Checked;

pub fn check(command: &CommandInfo) -> Checked {
    command.environment.iter().flat_map(|environment| &environment.variables).try_for_each(check_variable)
}

fn check_variable(variable: &Variable) -> Checked {
    let name = &variable.name;
    match variable.r#type() {
        Type::Value if variable.value.is_none() => {
            Err(format!("Environment variable '{name}' of type 'VALUE' must have a value set"))
        }
        Type::Value if variable.secret.is_some() => {
            Err(format!("Environment variable '{name}' of type 'VALUE' must not have a secret set"))
        }
        Type::Value => Ok(()),
        Type::Secret => {
            let Some(secret) = &variable.secret else {
                return Err(format!("Environment variable '{name}' of type 'SECRET' must have a secret set"));
            };
            if variable.value.is_some() {
                return Err(format!(
                    "Environment variable '{name}' of type 'SECRET' must not have a value set"
                ));
            }
            check_secret(secret)
                .map_err(|why| format!("Environment variable '{name}' specifies an invalid secret: {why}"))?;
            let has_null = secret.value.as_ref().is_some_and(|value| value.data.contains(&0));
            if has_null {
                return Err(format!(
                    "Environment variable '{name}' specifies a secret containing null bytes, which is not allowed in the \
                     environment"
                ));
            }
            Ok(())
        }
        Type::Unknown => Err("Environment variable of type 'UNKNOWN' is not allowed".into()),
    }
}

fn check_secret(secret: &Secret) -> Checked {
    match (secret.r#type(), &secret.reference, &secret.value) {
        (SecretType::Reference, None, _) => {
            Err("Secret of type REFERENCE must have the 'reference' field set".into())
        }
        (SecretType::Reference, Some(reference), Some(_)) => {
            Err(format!("Secret '{}' of type REFERENCE must not have the 'value' field set", reference.name))
        }
        (SecretType::Value, _, None) => Err("Secret of type VALUE must have the 'value' field set".into()),
        (SecretType::Value, Some(_), Some(_)) => {
            Err("Secret of type VALUE must not have the 'reference' field set".into())
        }
        _ => Ok(()),
    }
}
