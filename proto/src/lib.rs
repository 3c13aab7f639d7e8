//! Wire messages between device and relay, their codec and limits.
