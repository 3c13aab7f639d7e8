//! Signed, hash-chained device logs, the ledger, and the storage port they live behind.
