//! The daemon's own stdout.

use std::io;

use nix::fcntl::{FcntlArg, OFlag, fcntl};

/// Has everything written to stdout appended to what is there. Where stdout is a file, programs whose log
/// is `/dev/stdout` append to it; written at an offset of its own, the daemon's lines would cover theirs.
pub fn append_to_stdout() -> io::Result<()> {
    let stdout = io::stdout();
    let flags = OFlag::from_bits_retain(fcntl(&stdout, FcntlArg::F_GETFL)?);
    fcntl(&stdout, FcntlArg::F_SETFL(flags | OFlag::O_APPEND))?;
    Ok(())
}
