//! What tests share.

pub mod cloud;
pub mod pty;
pub mod stub;
