//! Drives the machines over QUIC, timers and a store.
