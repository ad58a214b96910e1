//! The words of the command line: what they print, and the exit code that says what happened.
