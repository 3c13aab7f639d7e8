//! Repositories that real git made, and the histories of them.

mod bounds;
mod broken;
mod hostile;
mod inputs;
mod merges;
mod replay;
mod repository;
