//! Tells the program which revision it is built from.

use std::path::Path;
use std::process::Command;

fn main() {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    let revision = git(&["log", "-1", "--format=%h %cs"]);
    let revision = revision.unwrap_or_else(|| "unknown (not built in its repository)".to_owned());
    println!("cargo:rustc-env=SEQ2SEQ_REVISION={revision}");
    let target = std::env::var("TARGET").unwrap_or_default();
    println!("cargo:rustc-env=SEQ2SEQ_TARGET={target}");
    // The log of HEAD has a line for each commit and checkout.
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"]);
    match log.filter(|log| Path::new(log).exists()) {
        Some(log) => println!("cargo:rerun-if-changed={log}"),
        None => println!("cargo:rerun-if-changed=build.rs"),
    }
}
