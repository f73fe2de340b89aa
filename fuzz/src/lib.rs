//! What several targets need: input cut into reads, a control server, a control server's client.

pub mod cuts;
pub mod facts;
pub mod server;
