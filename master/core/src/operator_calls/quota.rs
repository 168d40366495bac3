//! UPDATE_QUOTA, and the older SET_QUOTA and REMOVE_QUOTA: what roles are guaranteed and limited to.

use std::collections::{BTreeMap, BTreeSet};

use tepui_model::{Quota, ResourceQuantities, Resources, Role};
use tepui_proto::v1::master::call::UpdateQuota;
use tepui_proto::v1::quota::{QuotaConfig, QuotaRequest};
use tepui_proto::v1::value;

use super::Refused;
use crate::cx::Cx;
use crate::effect::Answer;
use crate::fact::Fact;
use crate::limits;
use crate::master::{Master, Pending};
use crate::names::RequestId;
use crate::quotas::quota_of;
use crate::registry::RegistryOperation;

/// 1 EiB in MB: the most that quota may say of memory or disk.
const MOST_MEGABYTES: f64 = (1_u64 << 40) as f64;
/// The most that quota may say of anything else.
const MOST: f64 = 1e12;

fn bad(why: impl Into<String>) -> Refused {
    Answer::refused(400, why)
}

fn too_many() -> Refused {
    let most = limits::ROLES_WITH_QUOTA;
    bad(format!("at most {most} roles may have quota; remove one that is not needed"))
}

impl Master {
    /// Several roles at once: all of them, or none if one is refused.
    pub(crate) fn update_quota(
        &mut self,
        cx: &mut Cx,
        request: RequestId,
        call: UpdateQuota,
    ) -> Result<(), Refused> {
        if call.quota_configs.len() > limits::ROLES_WITH_QUOTA {
            return Err(too_many());
        }
        let (mut checked, mut roles) = (Vec::new(), BTreeSet::new());
        for config in &call.quota_configs {
            if !roles.insert(&config.role) {
                return Err(bad(format!("Invalid QuotaConfig: role '{}' is there twice", config.role)));
            }
            checked
                .push(self.check_config(config).map_err(|why| bad(format!("Invalid QuotaConfig: {why}")))?);
        }
        let quotas = self.quotas_with(&checked);
        check_number(&quotas)?;
        if !call.force() {
            let mut consumed = self.consumed();
            for (role, quota) in &checked {
                let consumed = consumed.remove(role).unwrap_or_default();
                if !quota.limits.contains(&consumed) {
                    return Err(bad(format!(
                        "Invalid QuotaConfig: Role '{role}' is already consuming '{consumed}'; this is more than the \
                         requested limits '{}' (use 'force' flag to bypass this check)",
                        quota.limits
                    )));
                }
            }
            if let Some(why) = self.overcommits(&quotas) {
                let why = format!("Invalid QuotaConfig: {why} (use 'force' flag to bypass this check)");
                return Err(bad(why));
            }
        }
        let roles: Vec<Role> = checked.into_iter().map(|(role, _)| role).collect();
        self.write_quota(cx, request, roles.into_iter().zip(call.quota_configs).collect());
        Ok(())
    }

    fn check_config(&self, config: &QuotaConfig) -> Result<(Role, Quota), String> {
        if !self.is_whitelisted_role(&config.role) {
            return Err(format!("'{}' is not on the roles whitelist", config.role));
        }
        let role = Role::parse(&config.role).map_err(|why| format!("Invalid 'QuotaConfig.role': {why}"))?;
        if role.is_nested() {
            return Err(format!("Updating quota on nested role '{role}' is not supported yet"));
        }
        for (field, amounts) in [("guarantees", &config.guarantees), ("limits", &config.limits)] {
            if amounts.len() > limits::NAMES_PER_QUOTA {
                let most = limits::NAMES_PER_QUOTA;
                return Err(format!("Invalid 'QuotaConfig.{field}': more than {most} names"));
            }
            for (name, amount) in amounts {
                check_size(name, amount).map_err(|why| format!("Invalid 'QuotaConfig.{field}': {why}"))?;
            }
        }
        let quota = quota_of(config).map_err(|(name, amount)| {
            format!("Invalid configuration {{'{name}': {amount}}}: it must be a number, and not negative")
        })?;
        if !quota.limits.contains(&quota.guarantees) {
            return Err(format!(
                "'QuotaConfig.guarantees' {} is not contained within the 'QuotaConfig.limits' {}",
                quota.guarantees, quota.limits
            ));
        }
        Ok((role, quota))
    }

    fn overcommits(&self, quotas: &BTreeMap<Role, Quota>) -> Option<String> {
        let mut guaranteed = ResourceQuantities::new();
        quotas.values().for_each(|quota| guaranteed += &quota.guarantees);
        let capacity = self.capacity();
        let fits = capacity.contains(&guaranteed);
        (!fits).then(|| format!("total quota guarantees '{guaranteed}' exceed cluster capacity '{capacity}'"))
    }

    /// The older way: a guarantee that is the limit too, for a role that has no quota.
    pub(crate) fn set_quota_request(
        &mut self,
        cx: &mut Cx,
        request: RequestId,
        asked: QuotaRequest,
    ) -> Result<(), Refused> {
        let (role, config) = self
            .check_request(&asked)
            .map_err(|why| bad(format!("Failed to validate set quota request: {why}")))?;
        if role.is_nested() {
            return Err(bad(format!("Setting quota on nested role '{role}' is not supported yet")));
        }
        let checked =
            [self.check_config(&config).map_err(|why| bad(format!("Invalid QuotaConfig: {why}")))?];
        let quotas = self.quotas_with(&checked);
        check_number(&quotas)?;
        if !asked.force()
            && let Some(why) = self.overcommits(&quotas)
        {
            let why =
                format!("Quota guarantees overcommit the cluster (use 'force' to bypass this check): {why}");
            return Err(Answer::refused(409, why));
        }
        self.write_quota(cx, request, vec![(role, config)]);
        Ok(())
    }

    fn check_request(&self, asked: &QuotaRequest) -> Result<(Role, QuotaConfig), String> {
        let Some(name) = &asked.role else { return Err("QuotaInfo must specify a role".into()) };
        let role = Role::parse(name).map_err(|why| format!("QuotaInfo with invalid role: {why}"))?;
        let guarantee = Resources::from_wire(&asked.guarantee)
            .map_err(|why| format!("QuotaInfo with invalid resource: {why}"))?;
        if asked.guarantee.is_empty() {
            return Err("QuotaInfo with empty 'guarantee'".into());
        }
        if !guarantee.reserved().is_empty() {
            return Err("QuotaInfo must not contain any ReservationInfo".into());
        }
        if asked.guarantee.iter().any(|resource| resource.disk.is_some()) {
            return Err("QuotaInfo must not contain DiskInfo".into());
        }
        if !guarantee.revocable().is_empty() {
            return Err("QuotaInfo must not contain RevocableInfo".into());
        }
        let mut names = BTreeSet::new();
        let mut config = QuotaConfig { role: name.clone(), ..QuotaConfig::default() };
        for resource in &asked.guarantee {
            let Some(scalar) = &resource.scalar else {
                return Err("QuotaInfo must not include non-scalar resources".into());
            };
            if !names.insert(&resource.name) {
                return Err(format!("QuotaInfo contains duplicate resource name '{}'", resource.name));
            }
            let amount = value::Scalar { value: scalar.value };
            config.guarantees.insert(resource.name.clone(), amount);
            config.limits.insert(resource.name.clone(), amount);
        }
        if !self.is_whitelisted_role(name) {
            return Err(format!("Unknown role '{name}'"));
        }
        if self.quotas.contains_key(&role) || self.is_quota_being_written(&role) {
            return Err(format!("Cannot set quota for role '{role}' which already has quota"));
        }
        Ok((role, config))
    }

    pub(crate) fn remove_quota(
        &mut self,
        cx: &mut Cx,
        request: RequestId,
        name: &str,
    ) -> Result<(), Refused> {
        if !self.is_whitelisted_role(name) {
            return Err(bad(format!("Failed to validate remove quota request: Unknown role '{name}'")));
        }
        let role = Role::parse(name).ok().filter(|role| self.quotas.contains_key(role));
        let Some(role) = role else {
            return Err(bad(format!("Failed to remove quota: Role '{name}' has no quota set")));
        };
        let config = QuotaConfig { role: name.to_owned(), ..QuotaConfig::default() };
        self.write_quota(cx, request, vec![(role, config)]);
        Ok(())
    }

    fn write_quota(&mut self, cx: &mut Cx, request: RequestId, configs: Vec<(Role, QuotaConfig)>) {
        let written = configs.iter().map(|(_, config)| config.clone()).collect();
        self.persist(cx, RegistryOperation::UpdateQuota(written), Pending::Quota { request, configs });
    }

    /// The registry holds the quota now. The allocator hears of all of it before an offer comes back, lest it hand that out in
    /// the old way.
    pub(crate) fn quota_written(
        &mut self,
        cx: &mut Cx,
        request: RequestId,
        configs: Vec<(Role, QuotaConfig)>,
    ) {
        let roles: Vec<Role> = configs.iter().map(|(role, _)| role.clone()).collect();
        for (role, config) in configs {
            cx.log(Fact::info("quota updated").with("role", &role));
            self.set_quota(cx, &role, config);
        }
        let mut consumed = self.consumed();
        for role in &roles {
            self.make_room_for(cx, role, consumed.remove(role).unwrap_or_default());
        }
        cx.answer(request, Answer::ok());
    }

    fn is_quota_being_written(&self, role: &Role) -> bool {
        self.pending().any(|pending| match pending {
            Pending::Quota { configs, .. } => configs.iter().any(|(other, _)| other == role),
            _ => false,
        })
    }

    /// Whether `--roles` lets this role be.
    pub(crate) fn is_whitelisted_role(&self, role: &str) -> bool {
        self.config.roles.as_ref().is_none_or(|roles| role == "*" || roles.contains(role))
    }
}

fn check_number(quotas: &BTreeMap<Role, Quota>) -> Result<(), Refused> {
    if quotas.len() > limits::ROLES_WITH_QUOTA {
        return Err(too_many());
    }
    Ok(())
}

fn check_size(name: &str, amount: &value::Scalar) -> Result<(), String> {
    let (most, said) = match name {
        "mem" | "disk" => (MOST_MEGABYTES, "1 exabyte"),
        _ => (MOST, "1 trillion"),
    };
    if amount.value > most {
        return Err(format!(
            "{{'{name}': {}}} is invalid: values greater than {said} ({most}) are not supported",
            amount.value
        ));
    }
    Ok(())
}
