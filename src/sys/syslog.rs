//! Lines for the local syslog (D-441): facility user, priority info.
//!
//! syslog(3) may wait for a slow log daemon: callers are threads that write logs, never the main loop.

use std::ffi::{CStr, CString};

/// Sends one line. It begins, as the reference's, with the program's name.
pub fn send(line: &[u8]) {
    // Text after a NUL would be lost; so is the NUL alone.
    let line: Vec<u8> = line.iter().copied().filter(|b| *b != 0).collect();
    let line = CString::new(line).expect("NUL bytes were taken out");
    const FORMAT: &CStr = c"%s";
    // SAFETY: both strings end in NUL and live until the call returns; the format takes one string.
    unsafe { libc::syslog(libc::LOG_USER | libc::LOG_INFO, FORMAT.as_ptr(), line.as_ptr()) };
}

#[cfg(test)]
mod tests {
    // Nobody need listen: what is checked is that no bytes are too strange to be sent.
    #[test]
    fn any_bytes_can_be_sent() {
        super::send(b"a\0b %s %n \xff");
    }
}
