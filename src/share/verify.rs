//! Checking one piece's bytes while they stream by.
