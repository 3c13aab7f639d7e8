//! The policy lab: one log, every policy, on real histories.
//!
//! Because operations never say how to resolve a conflict, the same ledger, bit
//! for bit, can be folded under every policy, and what differs is the policy's
//! alone. The lab has no fold of its own: it hands ledgers to the product's.
//!
//! Reading order: [`history`] and [`door`], by which histories become
//! ledgers ([`ledger`], written by [`scribe`]) and [`synthetic`] ones are made; [`policies`] that are compared;
//! [`trace`], what can be said of a ledger whatever the policy; [`metrics`], what
//! a policy made of it; [`stats`], what the numbers prove; [`compare`], all of
//! them over histories, policies and seeds; [`recommend`], what follows for an organization;
//! [`long`], what the lab itself is measured on.

pub mod compare;
pub mod door;
pub mod history;
pub mod ledger;
pub mod long;
pub mod metrics;
pub mod policies;
pub mod recommend;
pub mod scribe;
pub mod stats;
pub mod synthetic;
pub mod trace;
