//! The fold of the ledger into records, verdicts, conflicts and issues.
