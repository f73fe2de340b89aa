//! Floor 1: bytes on the wire, without anything that reads or writes them.

pub mod ansi;
pub mod capture;
pub mod listener;
pub mod xmlrpc;
