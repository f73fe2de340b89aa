//! The daemon with a scripted kernel: children are played by the test, everything else is real: the
//! workers, the pipes, the files. Time is moved on by hand.

mod harness;
mod life;
mod output;
mod shutdown;
