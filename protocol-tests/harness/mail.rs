//! Where the mail of a test goes: a command that keeps what it gets, and an SMTP server.

use std::net::TcpStream;
use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::Value;

use super::helper::Helper;
use super::sandbox::Sandbox;
use super::{ports, reference, wait};

/// What stands between mails in the file that the command writes.
const END: &str = "\n--end of mail--\n";

/// A stand-in for sendmail that keeps every mail in a file of the sandbox; gives the command.
pub fn sendmail(sandbox: &Sandbox) -> String {
    let script =
        sandbox.script("sendmail", "#!/bin/sh\n{ cat; printf '\\n--end of mail--\\n'; } >> @DIR@/mails\n");
    format!("{} -t -i", script.display())
}

/// The mails that the command has got.
pub fn sent(sandbox: &Sandbox) -> Vec<String> {
    sandbox.read("mails").split_terminator(END).map(str::to_owned).collect()
}

/// An SMTP server that keeps what it gets.
#[derive(Debug)]
pub struct SmtpServer<'s> {
    sandbox: &'s Sandbox,
    port: u16,
    _process: Helper,
}

impl<'s> SmtpServer<'s> {
    /// Starts one; for the options see `scripts/smtp_server.py`.
    pub fn start(sandbox: &'s Sandbox, options: &[&str]) -> Self {
        let port = ports::free();
        let script = sandbox.write("smtp_server.py", include_str!("../scripts/smtp_server.py"));
        let out = sandbox.path("smtp.json");
        let mut words = vec![script.into_os_string(), port.to_string().into(), out.into()];
        words.extend(options.iter().map(|option| sandbox.fill(option).into()));
        let process = Helper::start(sandbox, &reference::program("python"), &words);
        wait::until_true("an SMTP server", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { sandbox, port, _process: process }
    }

    /// Its address.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The mails it has got.
    pub fn mails(&self) -> Vec<Value> {
        self.sandbox.read("smtp.json").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Makes `cert.pem` and `key.pem` for 127.0.0.1 and localhost, and `ca.pem`, whose holder signed them; gives
/// the path of that.
pub fn certificates(sandbox: &Sandbox) -> PathBuf {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(vec![]).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_certificate = ca.self_signed(&ca_key).unwrap();
    let key = KeyPair::generate().unwrap();
    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let certificate =
        CertificateParams::new(names).unwrap().signed_by(&key, &Issuer::new(ca, ca_key)).unwrap();
    sandbox.write("cert.pem", &certificate.pem());
    sandbox.write("key.pem", &key.serialize_pem());
    sandbox.write("ca.pem", &ca_certificate.pem())
}
