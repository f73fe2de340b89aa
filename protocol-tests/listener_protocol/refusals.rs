//! What is wrong with a listener's section (events.md, section 8): the reference's words, status 2.

use crate::harness::daemon::{Implementation, Launch};
use crate::harness::sandbox::Sandbox;

/// The section's lines, and what is said of them.
const CASES: [(&str, &str); 11] = [
    // E-170
    ("command=cat", "[eventlistener:x] section requires an \"events\" line"),
    ("command=cat\nevents=", "[eventlistener:x] section requires an \"events\" line"),
    // E-171
    ("command=cat\nevents=tick_5,nosuch", "Unknown event type NOSUCH in [eventlistener:x] events"),
    ("command=cat\nevents=TICK_5,", "Unknown event type  in [eventlistener:x] events"),
    // E-172
    ("command=cat\nevents=EVENT\nbuffer_size=0", "[eventlistener:x] section sets invalid buffer_size (0)"),
    ("command=cat\nevents=EVENT\nbuffer_size=-3", "[eventlistener:x] section sets invalid buffer_size (-3)"),
    // E-165, E-173
    (
        "command=cat\nevents=EVENT\nredirect_stderr=true",
        "[eventlistener:x] section sets redirect_stderr=true but this is not allowed because it will interfere \
         with the eventlistener protocol",
    ),
    // E-174
    (
        "command=cat\nevents=EVENT\nnumprocs=2",
        "%(process_num) must be present within process_name when numprocs > 1",
    ),
    // E-175
    ("events=EVENT", "program section eventlistener:x does not specify a command"),
    // E-126, E-177
    (
        "command=cat\nevents=EVENT\nresult_handler=no.such:handler",
        "no.such:handler cannot be resolved within [eventlistener:x]",
    ),
    // E-176
    ("command=cat\nevents=EVENT\n[group:g]\nprograms=x", "[group:g] names unknown program or fcgi-program x"),
];

#[test]
fn bad_sections_are_refused_with_the_references_words() {
    for (lines, text) in CASES {
        let sandbox = Sandbox::new();
        sandbox.configure(&format!("[eventlistener:x]\n{lines}\n"));
        let launch = Launch::of(Implementation::under_test(), &sandbox).arg("-c").arg("supervisord.conf");
        assert_eq!(launch.run().code(), Some(2), "{lines}");
        let said = sandbox.read("err");
        assert!(said.contains(&format!("Error: {text}")), "{lines}\n{said}");
    }
}
