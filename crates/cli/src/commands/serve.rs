//! `seq2seq serve`: answers to requests over HTTP.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use seq2seq_server::{Access, Limits, ModelSource, Service, ServiceError, stop_signal};

use super::search_args::read_known_words;
use crate::Done;
use crate::output::{print_line, wrong_usage, wrong_usage_unless};

/// Environment variable that may hold the token.
const TOKEN: &str = "SEQ2SEQ_TOKEN";

/// Answer requests over HTTP with a model, and show a page to try it
#[derive(Args)]
pub struct Serve {
    /// A model file, or the folder of a run; it answers requests that name no model
    model: PathBuf,
    /// Another model, under this name; may be given several times
    #[arg(long = "model", value_name = "NAME=FILE", value_parser = named)]
    models: Vec<(String, PathBuf)>,
    /// Answer the words of this lexicon with its pronunciations, and ask the model for the others: FILE for
    /// MODEL, NAME=FILE for the model of that name; may be given once for each model
    #[arg(long = "lexicon", value_name = "[NAME=]FILE")]
    lexicons: Vec<String>,
    /// Name of MODEL [default: that of its file or folder]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Where to listen; port 0 takes any that is free
    #[arg(long, env = "SEQ2SEQ_ADDRESS", default_value = "127.0.0.1:8080")]
    address: SocketAddr,
    /// A file with the token that requests must show; the environment variable SEQ2SEQ_TOKEN may hold it
    /// instead
    #[arg(long, value_name = "FILE", env = "SEQ2SEQ_TOKEN_FILE")]
    token_file: Option<PathBuf>,
    /// Let anybody ask from other machines without a token
    #[arg(long)]
    insecure: bool,
    /// A name of this host under which requests come, besides localhost and addresses; may be given several
    /// times
    #[arg(long = "host-name", value_name = "NAME")]
    hosts: Vec<String>,
    /// Threads that answer, each what waits when it is free [default: one for each core]
    #[arg(long, env = "SEQ2SEQ_WORKERS", value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    workers: Option<u16>,
    #[command(flatten)]
    limits: LimitArgs,
}

/// Limits; beyond one, a request is refused with an error that names it.
#[derive(Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// Bytes of a request's body
    #[arg(long, env = "SEQ2SEQ_MAX_BODY", value_name = "N", default_value_t = Limits::default().body)]
    max_body: usize,
    /// Inputs of a request
    #[arg(long, env = "SEQ2SEQ_MAX_INPUTS", value_name = "N", default_value_t = Limits::default().inputs)]
    max_inputs: usize,
    /// Characters of an input
    #[arg(long, env = "SEQ2SEQ_MAX_INPUT_LENGTH", value_name = "N", default_value_t = Limits::default().input_length)]
    max_input_length: usize,
    /// Symbols of an output that a request may ask for
    #[arg(long, env = "SEQ2SEQ_MAX_OUTPUT_LENGTH", value_name = "N", default_value_t = Limits::default().output_length)]
    max_output_length: usize,
    /// Hypotheses of the beam, or samples, that a request may ask for
    #[arg(long, env = "SEQ2SEQ_MAX_BEAM", value_name = "N", default_value_t = Limits::default().beam)]
    max_beam: usize,
    /// Inputs that may wait, of all requests together
    #[arg(long, env = "SEQ2SEQ_MAX_QUEUE", value_name = "N", default_value_t = Limits::default().queue)]
    max_queue: usize,
    /// Time from a request to its answer
    #[arg(long, env = "SEQ2SEQ_MAX_TIME", value_name = "TIME", default_value = "30s", value_parser = humantime::parse_duration)]
    max_time: Duration,
    /// Time for sending the headers of a request, and for its body
    #[arg(long, env = "SEQ2SEQ_HEADER_TIME", value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration)]
    header_time: Duration,
    /// Time for the requests that were taken when the service is asked to stop
    #[arg(long, env = "SEQ2SEQ_DRAIN_TIME", value_name = "TIME", default_value = "30s", value_parser = humantime::parse_duration)]
    drain_time: Duration,
    /// Connections that may be open
    #[arg(long, env = "SEQ2SEQ_MAX_CONNECTIONS", value_name = "N", default_value_t = Limits::default().connections)]
    max_connections: usize,
}

impl LimitArgs {
    fn limits(&self) -> Limits {
        Limits {
            body: self.max_body,
            inputs: self.max_inputs,
            input_length: self.max_input_length,
            output_length: self.max_output_length,
            beam: self.max_beam,
            queue: self.max_queue,
            time: self.max_time,
            header_time: self.header_time,
            drain_time: self.drain_time,
            connections: self.max_connections,
        }
    }
}

impl Serve {
    /// Runs the command.
    pub fn run(self) -> Result<Done> {
        allow_connections(self.limits.max_connections);
        let models = self.sources()?;
        let names: Vec<String> = models.iter().map(|model| model.name.clone()).collect();
        let access = Access {
            token: self.token()?,
            insecure: self.insecure,
            hosts: self.hosts.clone(),
        };
        let workers = self
            .workers
            .map_or_else(seq2seq::parallel::threads, usize::from);
        let service = Service::load(models, self.address, access, self.limits.limits(), workers);
        let service = service.map_err(usage)?;
        let address = service.address();
        print_line(&format!(
            "serving {} at http://{address}/",
            names.join(", ")
        ))?;
        service.run(stop_signal())?;
        say!("stopped: every request that was taken has been answered");
        Ok(Done::Completed)
    }

    /// The models with their names and lexicons.
    fn sources(&self) -> Result<Vec<ModelSource>> {
        let name = match &self.name {
            Some(name) => name.clone(),
            None => name_of(&self.model),
        };
        let named = std::iter::once((name, self.model.clone())).chain(self.models.iter().cloned());
        let mut models: Vec<ModelSource> = named
            .map(|(name, file)| ModelSource {
                name,
                file,
                lexicon: None,
            })
            .collect();
        for lexicon in &self.lexicons {
            let (place, file) = placed(lexicon, &models);
            let model = &mut models[place];
            wrong_usage_unless(model.lexicon.is_none(), || {
                format!(
                    "--lexicon gives model {:?} a second lexicon, {file}: join the files, or give NAME=FILE for \
                     another model",
                    model.name
                )
            })?;
            let words = read_known_words(Path::new(file))
                .with_context(|| format!("cannot read the lexicon of model {:?}", model.name))?;
            model.lexicon = Some(words);
        }
        Ok(models)
    }

    /// The token of the file, or of the environment.
    fn token(&self) -> Result<Option<String>> {
        let token = match &self.token_file {
            Some(path) => {
                let text = std::fs::read_to_string(path);
                Some(text.with_context(|| format!("cannot read the token in {}", path.display()))?)
            }
            None => std::env::var(TOKEN).ok(),
        };
        let Some(token) = token.map(|token| token.trim().to_owned()) else {
            return Ok(None);
        };
        let printable = token.chars().all(|c| c.is_ascii_graphic());
        wrong_usage_unless(printable && token.len() >= 16, || {
            "the token is too short or cannot be sent: give at least 16 printable ASCII characters without \
             blanks, such as those of `openssl rand -hex 16`"
                .to_owned()
        })?;
        Ok(Some(token))
    }
}

/// Errors that another flag mends have the exit code of wrong usage.
pub fn usage(error: ServiceError) -> anyhow::Error {
    match error {
        ServiceError::Open(_)
        | ServiceError::OpenLesson(_)
        | ServiceError::OpenWatch(_)
        | ServiceError::Limits(_) => wrong_usage(error).into(),
        error => error.into(),
    }
}

fn named(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, file)) if !file.is_empty() => Ok((name.to_owned(), file.into())),
        _ => Err("give a name and a file, as in dutch=runs/dutch".to_owned()),
    }
}

/// The place of the model that a lexicon is for, and the lexicon's file. What stands before `=` and names no
/// model belongs to the name of the file.
fn placed<'a>(lexicon: &'a str, models: &[ModelSource]) -> (usize, &'a str) {
    let named = lexicon.split_once('=').and_then(|(name, file)| {
        let place = models.iter().position(|model| model.name == name)?;
        Some((place, file))
    });
    named.unwrap_or((0, lexicon))
}

/// The name of a model: that of its file without the ending, or of its run's folder.
fn name_of(path: &Path) -> String {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let in_run = path
        .file_name()
        .is_some_and(|name| name == seq2seq::MODEL_NAME);
    let named = match path.parent().filter(|_| in_run) {
        Some(folder) => folder.file_name(),
        None if path.is_dir() => path.file_name(),
        None => path.file_stem(),
    };
    let plain = |c: char| match c {
        c if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') => c,
        _ => '-',
    };
    let name = named.map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let name: String = name.chars().take(64).map(plain).collect();
    match name.is_empty() {
        true => "model".to_owned(),
        false => name,
    }
}

/// Each connection takes a file descriptor, of which a program has few unless it asks for more.
#[cfg(unix)]
fn allow_connections(most: usize) {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    // For files, the poller, and connections that are being refused.
    const OTHERS: u64 = 128;
    let wanted = (2 * most as u64).saturating_add(OTHERS);
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < wanted
    {
        // With fewer, some connections wait until others have ended.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, wanted.min(hard), hard);
    }
}

#[cfg(not(unix))]
fn allow_connections(_most: usize) {}
