//! What a request may ask for, each limit with its name and default.

use std::time::Duration;

/// What a request may ask for. Beyond a limit a request is refused with an error that names it.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Bytes of a request's body.
    pub body: usize,
    /// Inputs of a request.
    pub inputs: usize,
    /// Characters of an input.
    pub input_length: usize,
    /// Symbols of an output that a request may ask for with `max_length`.
    pub output_length: usize,
    /// Hypotheses of the beam, or samples, that a request may ask for.
    pub beam: usize,
    /// Inputs that wait for inference, of all requests together.
    pub queue: usize,
    /// From the first byte of a request's body to its answer.
    pub time: Duration,
    /// From the start of a connection, or the last answer on it, to the end of a request's headers.
    pub header_time: Duration,
    /// From the request to stop to the end of the last answer.
    pub drain_time: Duration,
    /// Connections that are open at once.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 1 << 20,
            inputs: 256,
            input_length: 1000,
            output_length: 2000,
            beam: 32,
            queue: 1024,
            time: Duration::from_secs(30),
            header_time: Duration::from_secs(10),
            drain_time: Duration::from_secs(30),
            connections: 1024,
        }
    }
}

impl Limits {
    /// Refuses limits that would refuse everything.
    ///
    /// # Errors
    /// Names the first and what to give instead.
    pub fn check(&self) -> Result<(), String> {
        let counts = [
            ("max-body", self.body),
            ("max-inputs", self.inputs),
            ("max-input-length", self.input_length),
            ("max-output-length", self.output_length),
            ("max-beam", self.beam),
            ("max-queue", self.queue),
            ("max-connections", self.connections),
        ];
        if let Some((name, _)) = counts.iter().find(|(_, value)| *value == 0) {
            return Err(format!("--{name} 0 refuses every request: give at least 1"));
        }
        let times = [("max-time", self.time), ("header-time", self.header_time)];
        if let Some((name, _)) = times.iter().find(|(_, value)| value.is_zero()) {
            return Err(format!(
                "--{name} 0s refuses every request: give some time, such as 10s"
            ));
        }
        if self.queue < self.inputs {
            return Err(format!(
                "--max-queue {} is less than --max-inputs {}: a request of that many inputs would never be \
                 admitted; raise --max-queue or lower --max-inputs",
                self.queue, self.inputs
            ));
        }
        Ok(())
    }
}
