//! A log in one file.
