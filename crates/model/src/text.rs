//! The organization definition as a person writes it: a folder of TOML files.
