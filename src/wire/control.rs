//! What the command line says to a running app.
