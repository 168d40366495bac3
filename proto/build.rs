//! Turns `mesos/**/*.proto` into Rust: types by prost, and the schema tables that JSON and the wire checks read.

#[path = "build/boxed.rs"]
mod boxed;
#[path = "build/scalar.rs"]
mod scalar;
#[path = "build/sources.rs"]
mod sources;
#[path = "build/tables.rs"]
mod tables;
#[path = "build/twins.rs"]
mod twins;

use std::{env, error::Error, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=build");
    println!("cargo:rerun-if-changed=mesos");

    let compiled = protox::compile(sources::list(Path::new("mesos"))?, ["."])?;
    let (mut merged, aliases) = twins::merge(compiled);
    let out = env::var("OUT_DIR")?;
    tables::write(&merged, &aliases, Path::new(&out))?;

    let mut config = prost_build::Config::new();
    config.btree_map(["."]).bytes(["."]).enable_type_names().include_file("types.rs");
    for field in boxed::fields(&merged) {
        config.boxed(field);
    }
    scalar::give_default(&mut merged);
    config.compile_fds(merged)?;
    scalar::drop_equality(Path::new(&out))?;
    Ok(())
}
