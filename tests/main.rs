//! One binary for all integration tests.

#[cfg(feature = "window")]
mod window;
