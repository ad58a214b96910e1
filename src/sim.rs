//! The simulated cloud.
pub mod clock;
pub mod cloud;
pub mod genesis;
pub mod random;
pub mod scenario;
pub mod story;
pub mod time;
mod words;
