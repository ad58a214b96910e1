//! The shape of the code: which module may know which.
