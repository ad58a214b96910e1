//! stackwatch: the terminal dashboard that OpenStack operators open first.
pub mod action;
pub mod model;
pub mod table;
