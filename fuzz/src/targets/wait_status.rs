//! Wait statuses: every number is some end, and what it decodes to is what the number says.

use supervisor::model::exit::ExitStatus;
use supervisor::sys::reaper::decode;

/// One run.
pub fn run(status: i32) {
    let end = decode(status);
    match end {
        ExitStatus::Code(code) => {
            assert_eq!((status & 0x7f, code), (0, (status >> 8) & 0xff));
            assert_eq!(end.to_string(), format!("exit status {code}"));
            assert_eq!(end.code(), code);
        }
        ExitStatus::Signaled { core, .. } => {
            assert!(status & 0x7f != 0);
            assert_eq!(core, status & 0x80 != 0);
            assert_eq!(end.code(), -1);
            assert!(end.to_string().starts_with("terminated by "));
        }
    }
}
