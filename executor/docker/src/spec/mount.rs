//! `--mount=type=bind,source=…,target=…`.

use bollard::models::{Mount, MountBindOptions, MountTmpfsOptions, MountType};

use super::value::{self, Parsed};

pub(super) fn parse(text: &str) -> Parsed<Mount> {
    let mut mount = Mount { typ: Some(MountType::VOLUME), ..Mount::default() };
    for (key, value) in value::pairs(text) {
        match key.as_str() {
            "type" => mount.typ = Some(kind(&value)?),
            "source" | "src" => mount.source = Some(value),
            "target" | "dst" | "destination" => mount.target = Some(value),
            "readonly" | "ro" => mount.read_only = Some(value::boolean(&value)?),
            "consistency" => mount.consistency = Some(value),
            "bind-propagation" => propagation(&mut mount, &value)?,
            "tmpfs-size" => tmpfs(&mut mount).size_bytes = Some(value::bytes(&value)?),
            "tmpfs-mode" => {
                let mode = i64::from_str_radix(&value, 8);
                tmpfs(&mut mount).mode =
                    Some(mode.map_err(|_| format!("'{value}' is not a mode such as 1777"))?);
            }
            _ => return Err(format!("'{key}' is no field of a mount that is known here")),
        }
    }
    if mount.target.is_none() {
        return Err(format!("'{text}' has no target"));
    }
    Ok(mount)
}

fn kind(text: &str) -> Parsed<MountType> {
    match text {
        "bind" => Ok(MountType::BIND),
        "volume" => Ok(MountType::VOLUME),
        "tmpfs" => Ok(MountType::TMPFS),
        _ => Err(format!("type '{text}' is not bind, volume or tmpfs")),
    }
}

fn propagation(mount: &mut Mount, text: &str) -> Parsed<()> {
    let propagation = text.parse().map_err(|_| format!("'{text}' is no way of propagation"))?;
    mount.bind_options.get_or_insert_with(MountBindOptions::default).propagation = Some(propagation);
    Ok(())
}

fn tmpfs(mount: &mut Mount) -> &mut MountTmpfsOptions {
    mount.tmpfs_options.get_or_insert_with(MountTmpfsOptions::default)
}
