//! Calls into sled that end in a result, whatever sled does.
//!
//! sled asserts what it expects of its files, so damaged ones make it panic.
//! Nothing of that reaches a user: such a panic is caught, and is not printed.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::Once;

/// What went wrong in a call.
pub(crate) enum Trouble {
    /// sled said so.
    Failed(sled::Error),
    /// sled panicked.
    Panicked,
}

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Calls `call`, which calls sled and nothing else.
pub(crate) fn guarded<T>(call: impl FnOnce() -> sled::Result<T>) -> Result<T, Trouble> {
    keep_quiet();
    let before = INSIDE.replace(true);
    let ended = catch_unwind(AssertUnwindSafe(call));
    INSIDE.set(before);
    match ended {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(Trouble::Failed(error)),
        Err(_) => Err(Trouble::Panicked),
    }
}

fn keep_quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if INSIDE.get() {
                tracing::debug!("sled: {panic}");
            } else {
                before(panic);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_trouble_and_no_more() {
        let trouble = guarded(|| -> sled::Result<()> { panic!("as sled would") });
        assert!(matches!(trouble, Err(Trouble::Panicked)));
        assert!(!INSIDE.get());
        assert!(guarded(|| Ok(())).is_ok());
    }
}
