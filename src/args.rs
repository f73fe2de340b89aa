//! stub
use crate::config::HostFacts;
use crate::config::LoadRequest;
/// stub
pub enum Invocation {
    /// h
    Help(String),
    /// v
    Version,
    /// r
    Run(LoadRequest),
}
/// stub
pub fn parse(argv: &[String], _facts: &HostFacts) -> Result<Invocation, String> {
    let mut r = LoadRequest::default();
    let mut it = argv.iter();
    while let Some(a) = it.next() {
        match a.as_str() {
            "-n" => r.overrides.nodaemon = true,
            "-c" => r.file = it.next().cloned(),
            _ => return Err(format!("option {a} not recognized")),
        }
    }
    Ok(Invocation::Run(r))
}
