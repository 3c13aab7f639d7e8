//! The laws of the fold, told as stories and tried on random histories.
//!
//! [`story`] has one table or story per promise; [`law`] tries what must hold
//! for every history, against [`reference`], a small model that shares no code
//! with the product.

mod history;
mod law;
mod reference;
mod story;
mod world;
