//! The command `cairn` as people run it: processes, directories, signals. Each
//! test has directories and a port of its own; nothing here sleeps.

mod demo;
mod directory;
mod help;
mod kills;
mod lab;
mod modes;
mod network;
mod profiles;
mod program;
mod verbs;
