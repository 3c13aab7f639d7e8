//! Which records each user holds, and what people are told about it.

mod agreement;
mod dice;
mod filter;
mod oracle;
mod organization;
mod story;
mod world;
