//! The binary in a pseudo terminal, its screen as a terminal would show it.
