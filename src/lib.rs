//! stackwatch: the terminal dashboard that OpenStack operators open first.
//!
//! Facts flow one way: [`source`] speaks a protocol and returns the [`model`]'s types; [`collect`] asks again
//! and again and says what it heard as [`report`]s; the [`store`] alone changes facts; [`health`] judges
//! them; [`table`]s and [`pane`]s show them; [`app`] holds what lies between two inputs; [`run`] waits.
//! Wishes flow the other way: key → [`keymap`] → [`action`] → app → [`request`] → collect.
//! ARCHITECTURE.md says more, above all what is absent.

pub mod action;
pub mod app;
pub mod cli;
pub mod collect;
pub mod config;
pub mod exit;
pub mod feed;
pub mod filter;
pub mod health;
pub mod history;
pub mod keymap;
pub mod memory;
pub mod model;
pub mod pane;
pub mod report;
pub mod request;
pub mod run;
pub mod series;
pub mod signature;
pub mod sim;
pub mod source;
pub mod store;
pub mod table;
pub mod tables;
pub mod terminal;
pub mod theme;
pub mod trace;
pub mod ui;
pub mod word;
pub mod words;
