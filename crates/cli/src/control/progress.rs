//! Progress of long work, from where it is done to whoever watches.

use super::protocol::Step;
use tokio::sync::mpsc;

/// Steps on their way to a watcher; more are dropped, for only the last counts.
const STEPS_MAX: usize = 16;

/// Where a verb says how far it has come.
#[derive(Clone)]
pub(crate) struct Progress(mpsc::Sender<Step>);

impl Progress {
    /// A place to say it, and where it arrives.
    pub(crate) fn channel() -> (Progress, mpsc::Receiver<Step>) {
        let (sender, receiver) = mpsc::channel(STEPS_MAX);
        (Progress(sender), receiver)
    }

    /// Says how far the work has come. Never waits.
    pub(crate) fn step(&self, what: &str, done: u64, total: Option<u64>) {
        let step = Step {
            what: what.to_owned(),
            done,
            total,
            aloud: false,
        };
        self.0.try_send(step).ok();
    }

    /// Says what is waited for, in a sentence. Never waits itself.
    pub(crate) fn waiting(&self, sentence: String) {
        let step = Step {
            what: sentence,
            done: 0,
            total: None,
            aloud: true,
        };
        self.0.try_send(step).ok();
    }
}
