//! XML-RPC on the wire (control.md, section 4): values, and their text in both directions.

pub mod decode;
pub mod encode;
pub mod template;
pub mod value;
mod whole;

pub use decode::{Answer, MalformedCall, MethodCall, method_call, method_response};
pub use template::Template;
pub use value::Value;
pub use whole::Whole;
