//! Two and three real engines on 127.0.0.1, with TLS and folders that go away.

mod main_job;
mod room;
