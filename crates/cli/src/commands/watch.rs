//! `train --watch`: a run that can be followed in a browser.

use std::path::Path;

use anyhow::Result;
use clap::Args;
use seq2seq::training::{Learner, Observer, Outcome, TrainingError};

#[cfg(feature = "server")]
use std::net::SocketAddr;

#[cfg(feature = "server")]
use seq2seq_server::{ServiceError, Watch};

/// Where a run is shown unless another address is asked for.
#[cfg(feature = "server")]
const ADDRESS: &str = "127.0.0.1:8091";

/// Whether and where a run is shown.
#[derive(Args)]
pub struct WatchArgs {
    /// Show curves and sample answers of this run in a browser, read-only, until it ends
    /// [default address: 127.0.0.1:8091]
    #[cfg(feature = "server")]
    #[arg(
        help_heading = "Run",
        long = "watch",
        value_name = "ADDRESS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = ADDRESS
    )]
    address: Option<SocketAddr>,
}

/// Where a run will be shown, if it is.
pub struct Watched {
    #[cfg(feature = "server")]
    watch: Option<Watch>,
}

#[cfg(feature = "server")]
impl WatchArgs {
    /// Takes the address, before any work starts.
    pub fn bind(&self, quiet: bool) -> Result<Watched> {
        let Some(address) = self.address else {
            return Ok(Watched { watch: None });
        };
        let watch = Watch::bind(address).or_else(|error| match error {
            // Another run may be shown there.
            ServiceError::Bind { .. } if ADDRESS.parse::<SocketAddr>() == Ok(address) => {
                Watch::bind(SocketAddr::new(address.ip(), 0))
            }
            error => Err(error),
        });
        let watch = watch.map_err(super::serve::usage)?;
        if !quiet {
            say!(
                "watch this run at http://{}/ until it ends",
                watch.address()
            );
        }
        Ok(Watched { watch: Some(watch) })
    }
}

#[cfg(not(feature = "server"))]
impl WatchArgs {
    /// There is no server in this program.
    pub fn bind(&self, _quiet: bool) -> Result<Watched> {
        Ok(Watched {})
    }
}

impl Watched {
    /// Trains to the end; whoever watches sees it, too.
    pub fn train(
        self,
        learner: Learner,
        folder: &Path,
        progress: &mut dyn Observer,
    ) -> Result<Outcome, TrainingError> {
        #[cfg(feature = "server")]
        if let Some(watch) = self.watch {
            let name = folder.file_name().unwrap_or(folder.as_os_str());
            let mut watching = watch.start(&name.to_string_lossy(), learner.task());
            let outcome = learner.run(&mut both::Both(progress, &mut watching));
            watching.end(outcome.as_ref().ok().map(|outcome| &outcome.model));
            return outcome;
        }
        let _ = folder;
        learner.run(progress)
    }
}

#[cfg(feature = "server")]
mod both {
    use seq2seq::Model;
    use seq2seq::training::{BatchReport, EpochRecord, NgramReport, Observer};

    /// Two that watch a run.
    pub struct Both<'a>(pub &'a mut dyn Observer, pub &'a mut dyn Observer);

    impl Observer for Both<'_> {
        fn epoch_begins(&mut self, epoch: usize, batches: usize, pairs: usize) {
            self.0.epoch_begins(epoch, batches, pairs);
            self.1.epoch_begins(epoch, batches, pairs);
        }

        fn batch_done(&mut self, report: &BatchReport) {
            self.0.batch_done(report);
            self.1.batch_done(report);
        }

        fn epoch_done(&mut self, record: &EpochRecord) {
            self.0.epoch_done(record);
            self.1.epoch_done(record);
        }

        fn fitted(&mut self, report: &NgramReport, record: &EpochRecord) {
            self.0.fitted(report, record);
            self.1.fitted(report, record);
        }

        fn wants_model(&mut self) -> bool {
            let first = self.0.wants_model();
            self.1.wants_model() || first
        }

        fn model(&mut self, model: Model) {
            self.0.model(model.clone());
            self.1.model(model);
        }

        fn wants_to_stop(&self) -> bool {
            self.0.wants_to_stop() || self.1.wants_to_stop()
        }
    }
}
