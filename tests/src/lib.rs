//! What crosses crates: architecture, vectors, laws, conformance and end to end.
//!
//! The tests live in `tests/tests/`, one binary per kind; this library is what they share. It
//! knows the folders of the repository and no crate of it. Entry point: [`workspace`].

pub mod code;
pub mod workspace;
