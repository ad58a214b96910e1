//! One test binary: each file is a subject.
