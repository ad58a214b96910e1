//! An HTTP server that answers as it is told: enough of an OpenStack to log in and list.
