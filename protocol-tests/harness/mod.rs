//! What the tests stand on: a fresh directory each, the executables, and patience instead of sleeps.

pub mod activity;
pub mod browser;
pub mod chromedriver;
pub mod client;
pub mod ctl;
pub mod daemon;
pub mod helper;
pub mod http;
pub mod http_server;
pub mod listener;
pub mod mail;
pub mod ports;
pub mod prefix_proxy;
pub mod processes;
pub mod random;
pub mod reference;
pub mod rpc;
pub mod rpc_server;
pub mod sandbox;
pub mod script_child;
pub mod tcp_server;
pub mod wait;
