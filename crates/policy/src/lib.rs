//! Conflict policies: which of several concurrent writes shows.
