//! The session with a cloud, against a server that answers as it is told.
