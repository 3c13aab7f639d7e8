//! The relay as a machine without a motor.
