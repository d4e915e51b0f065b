//! `seq2seq lesson`: a page on which a model is taken apart and trained, live.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use seq2seq_server::{Export, ExportError, Lesson as Served, ServiceError, stop_signal};

use super::serve::usage;
use crate::Done;
use crate::output::{print_line, wrong_usage};

/// Where the lesson is, unless that port is taken.
const PORT: u16 = 8090;

/// Show a page that takes a model apart and trains it live
#[derive(Args)]
pub struct Lesson {
    /// Where to listen [default: 127.0.0.1:8090, or another port if that one is taken]
    #[arg(long)]
    address: Option<SocketAddr>,
    /// Let anybody on other machines train here
    #[arg(long)]
    insecure: bool,
    /// Write the lesson as files that any web host can serve: training is recorded and replayed, and the
    /// browser answers by WebAssembly
    #[arg(long, value_name = "FOLDER", requires = "wasm", conflicts_with_all = ["address", "insecure"])]
    export: Option<PathBuf>,
    /// The WebAssembly module of --export, which .ci/wasm-module builds
    #[arg(long, value_name = "FILE", requires = "export")]
    wasm: Option<PathBuf>,
    /// Record a small experiment, in seconds, instead of the notebook's settings, in minutes
    #[arg(long, requires = "export")]
    quick: bool,
    /// Replace the files that the folder holds
    #[arg(long, requires = "export")]
    overwrite: bool,
}

impl Lesson {
    /// Runs the command.
    pub fn run(self) -> Result<Done> {
        if let (Some(folder), Some(module)) = (&self.export, &self.wasm) {
            return self.export(folder, module);
        }
        let lesson = self.bind().map_err(usage)?;
        print_line(&format!(
            "the lesson is at http://{}/ (Ctrl-C ends it)",
            lesson.address()
        ))?;
        lesson.run(stop_signal());
        Ok(Done::Completed)
    }

    fn export(&self, folder: &Path, module: &Path) -> Result<Done> {
        let export = Export {
            folder: folder.to_owned(),
            module: module.to_owned(),
            quick: self.quick,
            overwrite: self.overwrite,
        };
        let exported = export.run(&mut |text| say!("{text}"));
        let exported = exported.map_err(|error| match error {
            ExportError::NotEmpty(_) => wrong_usage(error).into(),
            error => anyhow::Error::from(error),
        })?;
        print_line(&format!(
            "the lesson is in {}: {} kB of pages, {} kB of models that they load when asked for",
            folder.display(),
            exported.pages.div_ceil(1000),
            exported.models.div_ceil(1000)
        ))?;
        Ok(Done::Completed)
    }

    fn bind(&self) -> Result<Served, ServiceError> {
        if let Some(address) = self.address {
            return Served::bind(address, self.insecure);
        }
        let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        // Another lesson may have the port.
        Served::bind(at(PORT), false).or_else(|_| Served::bind(at(0), false))
    }
}
