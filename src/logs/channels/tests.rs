//! The log path as a whole, with real pipes and files and without a runtime: the test plays the children
//! and the daemon.

mod ends;
mod files;
mod flow;
mod harness;
mod lookout;
mod stress;
