//! The parameters of a call, taken one after the other.

use bytes::Bytes;

use crate::daemon::fault::{Fault, FaultCode};
use crate::model::signal::Signal;
use crate::wire::xmlrpc::Value;

/// What a caller gave; as many as the method's table entry allows.
pub struct Args(std::vec::IntoIter<Value>);

impl Args {
    /// Over the values of a call.
    pub fn new(values: Vec<Value>) -> Self {
        Self(values.into_iter())
    }

    /// The next one as it is; nil where there is none.
    pub fn value(&mut self) -> Value {
        self.0.next().unwrap_or(Value::Nil)
    }

    /// A text; anything else is fault 2 (C-069).
    pub fn text(&mut self) -> Result<String, Fault> {
        match self.value() {
            Value::Str(text) => Ok(text),
            other => other.as_str().map(str::to_owned).ok_or_else(|| FaultCode::IncorrectParameters.into()),
        }
    }

    /// A text as bytes, however it came (C-062). What is none is shown in the fault (C-268).
    pub fn bytes(&mut self) -> Result<Bytes, Fault> {
        match self.value() {
            Value::Str(text) => Ok(text.into()),
            Value::Bytes(data) => Ok(data.into()),
            Value::Int(n) => Err(Fault::with(FaultCode::IncorrectParameters, n.to_string())),
            _ => Err(FaultCode::IncorrectParameters.into()),
        }
    }

    /// A number (C-069).
    pub fn int(&mut self) -> Result<i64, Fault> {
        self.value().as_int().ok_or_else(|| FaultCode::IncorrectParameters.into())
    }

    /// A flag, true where it was left out (C-064).
    pub fn flag(&mut self) -> bool {
        self.0.next().is_none_or(|value| value.is_true())
    }

    /// A signal as text or number, and how the caller wrote it (C-265).
    pub fn signal(&mut self) -> Result<(Option<Signal>, String), Fault> {
        let given = match self.value() {
            Value::Int(n) => n.to_string(),
            Value::Str(text) => text,
            _ => return Err(FaultCode::IncorrectParameters.into()),
        };
        let name = given.trim();
        let signal = match name.parse() {
            Ok(number) => Signal::from_number(number),
            Err(_) => Signal::from_name(name),
        };
        Ok((signal, given))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args<const N: usize>(values: [Value; N]) -> Args {
        Args::new(values.into())
    }

    // C-062, C-064, C-069, C-268
    #[test]
    fn values_are_taken_in_order() {
        let mut given = args(["x".into(), Value::Bytes(vec![b'y']), "10".into(), "no".into()]);
        assert_eq!((given.text(), given.text()), (Ok("x".into()), Ok("y".into())));
        assert_eq!((given.int(), given.flag(), given.flag()), (Ok(10), true, true));
        assert_eq!(args([1.into()]).text(), Err(FaultCode::IncorrectParameters.into()));
        assert_eq!(args([1.into()]).bytes().unwrap_err().to_string(), "INCORRECT_PARAMETERS: 1");
        assert_eq!(args([Value::Bytes(vec![0xff])]).bytes(), Ok(Bytes::from_static(&[0xff])));
        assert!(!args([0.into()]).flag() && !args(["".into()]).flag());
    }

    // C-265
    #[test]
    fn signals() {
        let signal = |value: Value| args([value]).signal().unwrap().0;
        for given in ["TERM", "sigterm", " SigTerm ", "15"] {
            assert_eq!(signal(given.into()), Some(Signal::TERM), "{given}");
        }
        assert_eq!(signal(9.into()), Some(Signal::KILL));
        for given in ["", "SIG", "NOPE", "999", "0"] {
            assert_eq!(signal(given.into()), None, "{given}");
        }
        assert_eq!(args([" nope ".into()]).signal().unwrap().1, " nope ");
    }
}
