//! The terminal a person sits at: its descriptor without echo, its width, lines from descriptors.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use tokio::io::unix::AsyncFd;

/// The controlling terminal with its echo off; restored when dropped.
#[derive(Debug)]
pub struct SilentTerminal {
    terminal: File,
    before: Termios,
}

impl SilentTerminal {
    /// Opens it, shows `prompt`, switches the echo off.
    pub fn open(prompt: &str) -> io::Result<Self> {
        let mut terminal = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
        let before = tcgetattr(&terminal)?;
        let mut silent = before.clone();
        silent.local_flags.remove(LocalFlags::ECHO);
        tcsetattr(&terminal, SetArg::TCSAFLUSH, &silent)?;
        terminal.write_all(prompt.as_bytes())?;
        Ok(Self { terminal, before })
    }

    /// A reader of its lines.
    pub fn lines(&self) -> io::Result<LineReader> {
        LineReader::new(self.terminal.as_fd())
    }
}

impl Drop for SilentTerminal {
    fn drop(&mut self) {
        // Nobody is left to tell if the terminal is gone.
        let _ = tcsetattr(&self.terminal, SetArg::TCSAFLUSH, &self.before);
        let _ = self.terminal.write_all(b"\n");
    }
}

/// How many characters a line of the terminal behind `fd` has; `None` where nobody knows.
pub fn columns(fd: BorrowedFd<'_>) -> Option<usize> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: this request writes a winsize, and `size` is one for as long as the call lasts.
    let told = unsafe { libc::ioctl(fd.as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) };
    (told == 0 && size.ws_col > 0).then(|| size.ws_col.into())
}

/// Lines of a descriptor, read as they come and no further than there is something.
#[derive(Debug)]
pub struct LineReader {
    file: File,
    pending: Vec<u8>,
}

impl LineReader {
    /// Reads from a duplicate of `fd`, whose mode stays as it is.
    pub fn new(fd: BorrowedFd<'_>) -> io::Result<Self> {
        Ok(Self { file: File::from(fd.try_clone_to_owned()?), pending: Vec::new() })
    }

    /// The next line without its line feed; `None` at the end of input. Needs the runtime; may be given
    /// up without losing anything.
    pub async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.pending) {
                let rest = self.pending.split_off(end + 1);
                let mut line = std::mem::replace(&mut self.pending, rest);
                line.pop();
                return Some(String::from_utf8_lossy(&line).into_owned());
            }
            if !self.fill().await {
                let last = std::mem::take(&mut self.pending);
                return (!last.is_empty()).then(|| String::from_utf8_lossy(&last).into_owned());
            }
        }
    }

    /// Reads once; false at the end.
    async fn fill(&mut self) -> bool {
        self.wait_until_readable().await;
        let mut buffer = [0; 4096];
        loop {
            match self.file.read(&mut buffer) {
                Ok(n) => {
                    self.pending.extend(buffer.iter().take(n));
                    return n > 0;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.wait_until_readable().await,
                Err(_) => return false,
            }
        }
    }

    /// Regular files cannot be waited for and need not be.
    async fn wait_until_readable(&self) {
        let Ok(duplicate) = self.file.as_fd().try_clone_to_owned() else { return };
        // SAFETY: the descriptor is the AsyncFd's own, so it stays open for as long as it is registered.
        if let Ok(watched) = unsafe { AsyncFd::<OwnedFd>::register(duplicate) } {
            // An error shows at the read that follows.
            let _ = watched.readable().await;
        }
    }
}
