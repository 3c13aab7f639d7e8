//! Group commit: all who wait for the disk at one time share one write to it.
//!
//! Whoever comes when no round is under way leads one, for every batch applied
//! so far. Whoever comes during a round waits for its end; if it came too late
//! for that one, the next, which one of those waiting leads, is its own. So
//! nobody waits longer than two rounds, and no thread of its own is needed.

use cairn_oplog::storage::StorageError;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Where the rounds stand.
#[derive(Debug, Default)]
pub(crate) struct Rounds {
    state: Mutex<State>,
    over: Condvar,
}

#[derive(Debug, Default)]
struct State {
    applied: u64,
    synced: u64,
    behind_bytes: usize,
    led: bool,
}

impl Rounds {
    /// Rounds of a store whose last batch is `batch`, on the disk.
    pub(crate) fn starting_after(batch: u64) -> Rounds {
        let rounds = Rounds::default();
        rounds.lock().applied = batch;
        rounds.lock().synced = batch;
        rounds
    }

    /// Notes a batch as applied; returns the bytes applied since the last round.
    pub(crate) fn applied(&self, batch: u64, bytes: usize) -> usize {
        let mut state = self.lock();
        state.applied = batch;
        state.behind_bytes += bytes;
        state.behind_bytes
    }

    /// Returns when every batch applied so far is on the disk. `write` brings
    /// all batches up to the one it is given there. When it fails, whoever
    /// waited leads in turn, and meets the failure itself.
    pub(crate) fn wait(
        &self,
        write: impl Fn(u64) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let mut state = self.lock();
        let own = state.applied;
        while state.synced < own {
            if state.led {
                state = self
                    .over
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            state.led = true;
            state.behind_bytes = 0;
            let until = state.applied;
            drop(state);
            let written = write(until);
            state = self.lock();
            state.led = false;
            if written.is_ok() {
                state.synced = until;
            }
            self.over.notify_all();
            written?;
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::mpsc::sync_channel;

    #[test]
    fn those_who_come_during_a_round_share_the_next() {
        const COMERS: u64 = 8;
        let rounds = Rounds::default();
        let writes = AtomicU64::new(0);
        let (began, begun) = sync_channel(1);
        let (finish, finished) = sync_channel::<()>(1);
        let finished = Mutex::new(finished);
        rounds.applied(1, 10);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let first = |_| {
                    began.send(()).unwrap();
                    finished.lock().unwrap().recv().unwrap();
                    Ok(())
                };
                rounds.wait(first).unwrap();
            });
            begun.recv().unwrap();
            let mut comers = Vec::new();
            for comer in 0..COMERS {
                assert_eq!(
                    rounds.applied(2 + comer, 10),
                    10 * usize::try_from(1 + comer).unwrap()
                );
                comers.push(scope.spawn(|| {
                    let counted = |_| {
                        writes.fetch_add(1, Ordering::Relaxed);
                        Ok(())
                    };
                    rounds.wait(counted).unwrap();
                }));
            }
            finish.send(()).unwrap();
        });
        assert_eq!(
            writes.load(Ordering::Relaxed),
            1,
            "one write for all of them"
        );
        assert_eq!(rounds.lock().synced, 1 + COMERS);
    }

    #[test]
    fn a_failure_reaches_whoever_waits() {
        let rounds = Rounds::starting_after(4);
        let poisoned = |_| Err(StorageError::Poisoned("test".into()));
        assert_eq!(rounds.wait(poisoned), Ok(()));
        rounds.applied(5, 1);
        assert_eq!(rounds.wait(poisoned), poisoned(5));
        assert_eq!(rounds.wait(poisoned), poisoned(5), "and whoever comes next");
    }
}
