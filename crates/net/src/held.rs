//! How a service holds its machine. The product's services own theirs; a
//! simulated world keeps it where it can be watched, and gives them a hold of it.

use cairn_agent::Agent;
use cairn_model::Timestamp;
use cairn_relay::Relay;

/// A machine: one way in, one ordered way out.
pub trait Machine: Send + 'static {
    /// What it takes.
    type Input;
    /// What it wants done.
    type Output;

    /// Takes an input.
    fn take(&mut self, now: Timestamp, input: Self::Input);

    /// The next thing it wants done.
    fn next_output(&mut self) -> Option<Self::Output>;
}

impl Machine for Agent {
    type Input = cairn_agent::Input;
    type Output = cairn_agent::Output;

    fn take(&mut self, now: Timestamp, input: Self::Input) {
        self.handle(now, input);
    }

    fn next_output(&mut self) -> Option<Self::Output> {
        self.poll_output()
    }
}

impl Machine for Relay {
    type Input = cairn_relay::Input;
    type Output = cairn_relay::Output;

    fn take(&mut self, now: Timestamp, input: Self::Input) {
        self.handle(now, input);
    }

    fn next_output(&mut self) -> Option<Self::Output> {
        self.poll_output()
    }
}

/// A hold of a machine.
pub trait Held<M: Machine>: Send + 'static {
    /// Gives the machine an input.
    fn handle(&mut self, now: Timestamp, input: M::Input);

    /// The next thing the machine wants done.
    fn poll_output(&mut self) -> Option<M::Output>;

    /// Works on the machine itself.
    fn with<R>(&mut self, work: impl FnOnce(&mut M) -> R) -> R;
}

impl<M: Machine> Held<M> for M {
    fn handle(&mut self, now: Timestamp, input: M::Input) {
        self.take(now, input);
    }

    fn poll_output(&mut self) -> Option<M::Output> {
        self.next_output()
    }

    fn with<R>(&mut self, work: impl FnOnce(&mut M) -> R) -> R {
        work(self)
    }
}
