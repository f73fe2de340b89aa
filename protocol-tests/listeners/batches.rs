//! crashmailbatch, fatalmailbatch, crashsms (E-270 to E-280).

use serde_json::{Value, json};

use super::super::harness::daemon::Implementation;
use super::super::harness::listener::{Performance, Stage, event, without_stamps};
use super::super::harness::mail::{SmtpServer, certificates};
use super::super::harness::sandbox::Sandbox;
use super::{exited, tick};

const PROGRAMS: [&str; 3] = ["crashmailbatch", "fatalmailbatch", "crashsms"];
const ADDRESSES: [&str; 4] = ["-t", "a@x.example, b@x.example", "-f", "me@x.example"];

fn fatal(name: &str) -> String {
    event("PROCESS_STATE_FATAL", &format!("processname:{name} groupname:g from_state:BACKOFF"))
}

fn five() -> String {
    event("TICK_5", "when:1700000045")
}

/// Crashes, and three periods of a minute, the second of them without any.
fn stream() -> Vec<String> {
    let mut events = vec![
        exited("g", "a", false),
        exited("g", "dull", true),
        event("PROCESS_STATE_EXITED", "nonsense:1 expected:1"),
        fatal("b"),
        tick(),
        tick(),
        exited("größe", "c", false),
        fatal("größe"),
    ];
    events.extend((0..30).map(|n| fatal(&format!("d{n}"))));
    events.push(exited("g", "e", false));
    events.extend([five(), tick(), exited("g", "never", false)]);
    events
}

struct Outcome {
    performance: Performance,
    mails: Vec<Value>,
}

impl Outcome {
    /// What both should agree on, stamps left out; the address of the server differs.
    fn shown(&self, name: &str) -> (String, Vec<String>, Vec<String>) {
        let mails = self.mails.iter().map(|it| without_stamps(&it.to_string())).collect();
        let lines = self.performance.known_lines(name).into_iter().map(without_stamps).collect();
        (self.performance.stdout.clone(), mails, lines)
    }
}

fn play(implementation: Implementation, name: &str, words: &[&str], server: &[&str]) -> Outcome {
    let sandbox = Sandbox::new();
    let authority = certificates(&sandbox);
    let smtp = SmtpServer::start(&sandbox, server);
    let address = smtp.address();
    let words = [&["-H", &address], &ADDRESSES[..], words].concat();
    let stage = Stage::new(&sandbox, implementation, name, &words).of_daemon("none.sock");
    let performance = stage.env("SSL_CERT_FILE", authority.to_str().unwrap()).play(&stream());
    Outcome { performance, mails: smtp.mails() }
}

fn compare(name: &str, words: &[&str], server: &[&str]) -> Outcome {
    let theirs = play(Implementation::Reference, name, words, server);
    let ours = play(Implementation::Ours, name, words, server);
    assert_eq!(ours.shown(name), theirs.shown(name), "{name} {words:?}: {}", ours.performance.stderr);
    ours
}

// E-270 to E-279
#[test]
fn batches_as_the_originals_send_them() {
    let matrix: [&[&str]; 4] = [
        &[],
        &["-s", "Größe", "--interval", "2"],
        &["-e", "TICK_5", "-i", "0.08", "-s", ""],
        &["word", "--tickE=TICK_60", "-i", "1e-3", "--", "-t"],
    ];
    for name in PROGRAMS {
        for words in matrix {
            let ours = compare(name, words, &[]);
            assert_eq!(ours.performance.answers(), stream().len());
            assert!(!ours.mails.is_empty(), "{name} {words:?}");
        }
    }
}

// E-278, E-279
#[test]
fn what_a_mail_holds() {
    let ours = play(Implementation::Ours, "crashmailbatch", &[], &[]);
    assert_eq!(ours.mails.len(), 2);
    let mail = &ours.mails[0];
    assert_eq!(mail["subject"], "Crash alert from supervisord");
    assert_eq!((&mail["from"], &mail["to"]), (&json!("me@x.example"), &json!("a@x.example, b@x.example")));
    assert_eq!(mail["recipients"], json!(["a@x.example", "b@x.example"]));
    assert_eq!(
        (&mail["dated"], &mail["numbered"], &mail["type"]),
        (&json!(true), &json!(true), &json!("text/plain"))
    );
    let body = without_stamps(mail["body"].as_str().unwrap());
    assert_eq!(body, "STAMP -- Process g:a (pid 58597) died unexpectedly");
}

// E-276
#[test]
fn logins_and_encryption() {
    let login = ["-u", "me", "-p", "secret word"];
    let server = ["user=me", "password=secret word"];
    let encrypting = ["user=me", "password=secret word", "cert=@DIR@/cert.pem", "key=@DIR@/key.pem"];
    let plain = compare("crashmailbatch", &login, &server);
    assert_eq!((&plain.mails[0]["login"], &plain.mails[0]["tls"]), (&json!("me"), &json!(false)));
    let encrypted = compare("crashmailbatch", &[&login[..], &["--tls"]].concat(), &encrypting);
    assert_eq!((&encrypted.mails[0]["login"], &encrypted.mails[0]["tls"]), (&json!("me"), &json!(true)));
    // Without a login there is no STARTTLS.
    let alone = compare("crashmailbatch", &["--tls", "-u", "me"], &encrypting[2..]);
    assert_eq!(alone.mails[0]["tls"], false);
}

// One that the server refuses does not keep it from the others.
#[test]
fn one_refused_recipient() {
    let ours = compare("crashmailbatch", &[], &["refuse=b@x.example"]);
    assert_eq!(ours.mails[0]["recipients"], json!(["a@x.example"]));
    assert!(ours.performance.stderr.contains("crashmailbatch: refused by the server: b@x.example"));
}

#[test]
fn tls_from_the_start_and_whose_certificate() {
    let sandbox = Sandbox::new();
    let authority = certificates(&sandbox);
    let server = SmtpServer::start(&sandbox, &["implicit=1", "cert=@DIR@/cert.pem", "key=@DIR@/key.pem"]);
    let url = format!("smtps://{}", server.address());
    let events = [exited("g", "a", false), tick()];
    let play = |words: &[&str], file: &str| {
        let words = [&["-H", &url], &ADDRESSES[..], words].concat();
        let stage =
            Stage::new(&sandbox, Implementation::Ours, "crashmailbatch", &words).of_daemon("none.sock");
        stage.env("SSL_CERT_FILE", file).play(&events)
    };
    let empty = sandbox.write("none.pem", "");
    let refused = play(&[], empty.to_str().unwrap());
    assert!(refused.stderr.contains("Error sending email: "), "{}", refused.stderr);
    assert_eq!((refused.answers(), server.mails().len()), (2, 0));
    play(&["-k"], empty.to_str().unwrap());
    let known = play(&[], authority.to_str().unwrap());
    assert_eq!(server.mails().len(), 2, "{}", known.stderr);
    assert_eq!(server.mails()[1]["tls"], true);
}

// E-280
#[test]
fn mail_that_is_not_taken_is_lost() {
    let login = ["-u", "me", "-p", "wrong"];
    for (words, server) in [(&login[..], &["user=me", "password=right"][..]), (&["-H", "127.0.0.1:1"], &[])] {
        let ours = play(Implementation::Ours, "fatalmailbatch", words, server);
        let theirs = play(Implementation::Reference, "fatalmailbatch", words, server);
        assert_eq!(ours.performance.stdout, theirs.performance.stdout);
        for outcome in [&ours, &theirs] {
            assert!(outcome.mails.is_empty());
            assert_eq!(outcome.performance.stderr.matches("Error sending email: ").count(), 2);
            assert_eq!(outcome.performance.stderr.matches("Sending notification email:\nTo: ").count(), 2);
        }
    }
}

#[test]
fn a_dry_run_only_tells() {
    let dry = play(Implementation::Ours, "crashsms", &["--dry-run"], &[]);
    assert!(dry.mails.is_empty());
    let told = "crashsms: dry run, not done: mail to a@x.example, b@x.example by ";
    assert_eq!(dry.performance.stderr.matches(told).count(), 2, "{}", dry.performance.stderr);
}
