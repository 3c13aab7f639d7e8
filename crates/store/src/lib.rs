//! The storage port on sled: durable, checksummed, poisoned on failure.
