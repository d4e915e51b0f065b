//! The command line as its users meet it: arguments in, output, messages and exit codes out.
//!
//! Snapshots hold whole outputs. After a change that is meant, run the tests with
//! `INSTA_UPDATE=always` and look at the difference in `snapshots/`.
#![allow(clippy::unwrap_used)]

mod bad_input;
mod columns;
mod features;
mod generate;
mod going_on;
mod help;
mod import;
mod interrupt;
mod lexicons;
#[cfg(unix)]
mod outputs;
mod replay;
mod serve;
mod strangers;
mod support;
mod train;
mod use_model;
