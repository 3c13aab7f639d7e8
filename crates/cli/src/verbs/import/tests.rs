//! Rows as files have them, and what they come to at a relay in memory.

mod carried_out;
mod read;
