//! The tests over a real RabbitMQ of two nodes, without any OpenStack but the stub's: what is read, what is said
//! when nodes, links and accounts fail, and how much it can be.
//!
//! One at a time: they share the brokers, and most break them. What a broker says of itself is up to 5 s old, and
//! the dashboard asks each 15 s: so much a wait may take at least, on a machine that does other things too.

mod amqp;
mod cluster;
mod large;
mod reading;
mod refused;

use std::time::Duration;

/// What the dashboard may take to hear of something.
const HEARD: Duration = Duration::from_secs(60);

/// The line of the screen that has this word.
fn line<'a>(screen: &'a str, word: &str) -> Option<&'a str> {
    screen.lines().find(|line| line.contains(word))
}
