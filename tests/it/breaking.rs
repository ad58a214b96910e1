//! Tests that break a service of the real cloud. They run alone, after all others, and undo on drop.
