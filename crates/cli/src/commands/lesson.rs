//! `seq2seq lesson`: a page on which a model is taken apart and trained, live.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Result;
use clap::Args;
use seq2seq_server::{Lesson as Served, ServiceError, stop_signal};

use super::serve::usage;
use crate::Done;
use crate::output::print_line;

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
}

impl Lesson {
    /// Runs the command.
    pub fn run(self) -> Result<Done> {
        let lesson = self.bind().map_err(usage)?;
        print_line(&format!(
            "the lesson is at http://{}/ (Ctrl-C ends it)",
            lesson.address()
        ))?;
        lesson.run(stop_signal());
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
