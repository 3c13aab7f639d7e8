//! What crosses crates: architecture, vectors, laws, conformance and end to end.
