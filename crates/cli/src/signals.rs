//! The signals that end a process in order.

use crate::exit::Failure;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Ctrl-C, or the signal by which a service is ended.
pub(crate) struct EndSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl EndSignals {
    /// Takes the signals over from here on.
    pub(crate) fn take() -> Result<EndSignals, Failure> {
        let take = |kind| {
            signal(kind).map_err(|error| {
                Failure::storage(format!(
                    "the operating system takes no signal handler: {error}"
                ))
            })
        };
        Ok(EndSignals {
            interrupt: take(SignalKind::interrupt())?,
            terminate: take(SignalKind::terminate())?,
        })
    }

    /// Waits for one of them.
    pub(crate) async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
