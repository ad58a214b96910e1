//! The program in a terminal: what it takes it gives back, however it ends; what it is told it hears.
//!
//! Most of this needs no cloud that answers: over one that is away the dashboard opens and keeps trying.

mod away;
mod child;
mod choosing;
mod ending;
mod frames;
mod keys;
mod stopping;
