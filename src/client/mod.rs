//! Floor 5: the other end of the control surface: HTTP over a unix or TCP socket, and XML-RPC on it.

pub mod proxy;
pub mod transport;
