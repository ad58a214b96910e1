//! The real binary in a pseudo terminal: always restored, whatever ends it.
