//! The rules of the tree that no compiler holds: who may depend on whom, how files are named and begin, what a
//! tracked file may not say, and that links in documents lead somewhere.

mod documents;
mod files;
mod layers;
mod text;

use anyhow::{Context, Result, bail};

use crate::tree;

/// Prints every broken rule; an error if there is one.
pub fn run() -> Result<()> {
    let broken = broken()?;
    for rule in &broken {
        eprintln!("tidy: {rule}");
    }
    if !broken.is_empty() {
        bail!("{} structure rules are broken", broken.len());
    }
    Ok(())
}

/// Every broken rule, each a line that names the file and what to do.
fn broken() -> Result<Vec<String>> {
    let files = tree::files()?;
    let mut broken = layers::broken(&tree::packages()?);
    broken.extend(files::misnamed(&files));
    for file in files.iter().filter(|file| text::is_read(file)) {
        let content = std::fs::read(tree::root().join(file)).with_context(|| format!("read {file}"))?;
        // What is not text (an archive, a picture) has no lines to hold to a rule.
        let Ok(content) = String::from_utf8(content) else { continue };
        broken.extend(text::broken(file, &content));
        if file.ends_with(".md") {
            broken.extend(documents::broken_links(file, &content)?);
        }
    }
    Ok(broken)
}

#[cfg(test)]
mod tests {
    #[test]
    fn this_tree_is_tidy() {
        let broken = super::broken().expect("the tree can be read");

        assert!(broken.is_empty(), "{}", broken.join("\n"));
    }
}
