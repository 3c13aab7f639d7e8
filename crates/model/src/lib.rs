//! Ids, values, record types, the organization definition, operations and the hybrid clock.
