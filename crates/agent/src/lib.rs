//! The device as a machine without a motor.
