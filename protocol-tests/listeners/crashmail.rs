//! crashmail (E-260 to E-262).

use super::super::harness::daemon::Implementation;
use super::super::harness::listener::{event, without_stamps};
use super::{exited, play, tick};

fn stream() -> Vec<String> {
    vec![
        event("PROCESS_STATE_STARTING", "processname:p groupname:g from_state:STOPPED tries:0"),
        exited("g", "p", false),
        exited("g", "p", true),
        tick(),
        exited("g", "größe", false),
        event("REMOTE_COMMUNICATION", "type:x\n€ 😀\nPROCESS_STATE_EXITED"),
        event("PROCESS_STATE_FATAL", "processname:p groupname:g from_state:BACKOFF"),
        event("PROCESS_GROUP_ADDED", "groupname:g\n"),
        event("SUPERVISOR_STATE_CHANGE_STOPPING", ""),
        exited("p", "p", false),
    ]
}

// E-210, E-212, E-260, E-261
#[test]
fn mails_as_the_original_does() {
    let matrix: [&[&str]; 6] = [
        &["-m", "a@b.example"],
        &["-a", "-m", "a@b.example, c@d.example"],
        &["-o", "host", "--email=a@b.example"],
        &["-p", "p", "-p", "g:größe", "-m", "a@b.example"],
        &["-p", "other", "--any", "--opt", "", "-m", "a@b.example"],
        &["-m", "a@b.example", "word"],
    ];
    for words in matrix {
        let [theirs, ours] = [Implementation::Reference, Implementation::Ours]
            .map(|implementation| play(implementation, "crashmail", words, &stream()));
        assert_eq!(ours.performance.stdout, theirs.performance.stdout, "{words:?}");
        assert_eq!(ours.performance.answers(), stream().len());
        let mails = |mails: &[String]| mails.iter().map(|it| without_stamps(it)).collect::<Vec<_>>();
        assert_eq!(mails(&ours.mails), mails(&theirs.mails), "{words:?}");
        assert_eq!(ours.mails.len(), 3, "{words:?}");
        // The reference ends the mail that it shows without a line feed.
        let said = |lines: &[&str]| {
            without_stamps(&lines.concat()).replace("unexpected exit, mailing", "\nunexpected exit, mailing")
        };
        assert_eq!(
            said(&ours.performance.known_lines("crashmail")),
            said(&theirs.performance.known_lines("crashmail")),
            "{words:?}"
        );
    }
}

// E-262
#[test]
fn only_those_that_were_named_and_only_to_somebody() {
    let named = play(Implementation::Ours, "crashmail", &["-p", "g:p", "-m", "a@b.example"], &stream());
    assert_eq!(named.mails.len(), 1, "{named:?}");
    assert!(named.performance.stderr.contains("no mail: g:größe has crashed, but is not one of -p"));
    let nobody = play(Implementation::Ours, "crashmail", &["-a"], &stream());
    assert!(nobody.mails.is_empty());
    assert_eq!(nobody.performance.stderr.matches("crashmail: no mail: no address was given (-m)").count(), 3);
}

#[test]
fn a_dry_run_only_tells() {
    let dry = play(Implementation::Ours, "crashmail", &["--dry-run", "-m", "a@b.example"], &stream());
    assert!(dry.mails.is_empty());
    assert_eq!(
        dry.performance.stderr.matches("crashmail: dry run, not done: mail to a@b.example").count(),
        3
    );
    assert_eq!(dry.performance.answers(), stream().len());
}

// E-213
#[test]
fn mail_that_cannot_be_sent_is_told_of() {
    let words = ["-m", "a@b.example", "-s", "exit 9"];
    let failing = play(Implementation::Ours, "crashmail", &words, &stream());
    assert_eq!(failing.performance.answers(), stream().len());
    let lost = "crashmail: mail to a@b.example is lost: the command ended with exit status: 9";
    assert_eq!(failing.performance.stderr.matches(lost).count(), 3, "{}", failing.performance.stderr);
}
