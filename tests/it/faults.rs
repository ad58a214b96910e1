//! Faults and bad input: each gives the named thing, the cause and the next step, and loses nothing.
