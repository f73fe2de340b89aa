//! Methods about methods: the `system.` namespace (control.md, section 11).

use std::rc::Rc;

use super::args::Args;
use super::fault::{Fault, FaultCode};
use super::methods::{self, Context, Method, Reply};
use crate::wire::xmlrpc::{MethodCall, Value, encode};

/// Results of one `multicall` may take about as much text; the calls after that are refused.
const MAX_RESULTS: usize = 64 << 20;

/// `listMethods` (C-310).
pub(super) async fn list_methods(context: Rc<Context>, _: Args) -> Reply {
    Ok(Value::Array(methods::all_names(&context).into_iter().map(Value::from).collect()))
}

/// `methodHelp` (C-311).
pub(super) async fn method_help(context: Rc<Context>, mut args: Args) -> Reply {
    Ok(described(&context, &mut args)?.help.into())
}

/// `methodSignature` (C-312, C-318).
pub(super) async fn method_signature(context: Rc<Context>, mut args: Args) -> Reply {
    let types = described(&context, &mut args)?.signature.split_whitespace();
    Ok(Value::Array(types.map(Value::from).collect()))
}

fn described(context: &Context, args: &mut Args) -> Result<&'static Method, Fault> {
    let name = args.text()?;
    methods::find(context, &name).ok_or_else(|| FaultCode::SignatureUnsupported.into())
}

/// `multicall`: one call after the other, each waited for (C-313 to C-317).
pub(super) async fn multicall(context: Rc<Context>, mut args: Args) -> Reply {
    let Value::Array(calls) = args.value() else { return Err(FaultCode::IncorrectParameters.into()) };
    let mut results = Vec::new();
    let mut size = 0;
    for call in calls {
        let result = if size > MAX_RESULTS {
            Err(Fault::with(FaultCode::Failed, "the results so far are too long"))
        } else {
            one_call(&context, call).await
        };
        let value = result.unwrap_or_else(|fault| fault_record(&fault));
        size += encode::estimate(&value);
        results.push(value);
    }
    Ok(Value::Array(results))
}

async fn one_call(context: &Rc<Context>, call: Value) -> Reply {
    let refused = |detail: &str| Err(Fault::with(FaultCode::IncorrectParameters, detail));
    let Some(name) = call.member("methodName") else { return refused("No methodName") };
    let Some(name) = name.as_str() else { return Err(FaultCode::UnknownMethod.into()) };
    if name == "system.multicall" {
        return refused("Recursive system.multicall forbidden");
    }
    let params = match call.member("params") {
        None => Vec::new(),
        Some(Value::Array(params)) => params.clone(),
        Some(_) => return Err(FaultCode::IncorrectParameters.into()),
    };
    // Boxed: a call may be a `multicall`, as far as the compiler knows.
    Box::pin(methods::call(context, MethodCall { name: name.to_owned(), params })).await
}

fn fault_record(fault: &Fault) -> Value {
    let text = fault.to_string();
    Value::record([("faultCode", fault.code.number().into()), ("faultString", text.into())])
}
