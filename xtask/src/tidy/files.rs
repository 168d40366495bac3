//! How files are named, and files that must be there.

/// Names that say nothing about what is inside.
const NAMELESS: [&str; 5] = ["utils.rs", "util.rs", "common.rs", "helpers.rs", "misc.rs"];

/// The crates that decide hold clocks, files, threads and unordered maps off with lints of their own.
const GUARDED: [&str; 3] = ["master/core", "master/allocator", "agent/core"];

pub fn misnamed(files: &[String]) -> Vec<String> {
    let mut broken = Vec::new();
    for file in files {
        let name = file.rsplit('/').next().unwrap_or(file);
        let nameless = NAMELESS.contains(&name) || (name == "mod.rs" && is_nameless_folder(file));
        if nameless {
            broken.push(format!("{file}: name it after the one idea that it holds"));
        }
    }
    for folder in GUARDED {
        let guard = format!("{folder}/clippy.toml");
        if !files.contains(&guard) {
            broken.push(format!("{guard}: is missing; a crate that decides forbids what reaches the world"));
        }
    }
    broken
}

fn is_nameless_folder(file: &str) -> bool {
    file.rsplit('/').nth(1).is_some_and(|folder| NAMELESS.contains(&format!("{folder}.rs").as_str()))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_file_without_a_name_of_its_own_is_named() {
        let files = ["a/src/utils.rs", "a/src/common/mod.rs", "a/src/offers.rs", "agent/core/clippy.toml"];

        let broken = misnamed(&files.map(str::to_owned)).join("\n") + "\n";

        expect![[r#"
            a/src/utils.rs: name it after the one idea that it holds
            a/src/common/mod.rs: name it after the one idea that it holds
            master/core/clippy.toml: is missing; a crate that decides forbids what reaches the world
            master/allocator/clippy.toml: is missing; a crate that decides forbids what reaches the world
        "#]]
        .assert_eq(&broken);
    }
}
