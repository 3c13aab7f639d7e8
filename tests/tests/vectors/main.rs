//! The format, frozen: `proto/vectors/v1` holds bytes, valid and invalid, what
//! the valid ones say, and why the invalid ones are refused. Here the program
//! is held to them.
//!
//! `CAIRN_BLESS=1` writes the files anew. That is right for a vector that was
//! added, and wrong for one that is there: programs in the field have written
//! such bytes, and read only such bytes. A format that must change gets a new
//! version, a new folder, and goes on reading the old one.

mod archives;
mod bundles;
mod encoding;
mod file;
mod ids;
mod images;
mod ledger;
mod messages;
mod operations;
mod readme;
mod sample;
mod tickets;
