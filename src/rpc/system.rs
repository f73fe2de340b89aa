//! Methods about methods: the `system.` namespace (control.md, section 11).

use std::rc::Rc;

use super::args::Args;
use super::methods::{self, Context, Method, Reply};
use crate::daemon::fault::{Fault, FaultCode};
use crate::http::{Budget, Share};
use crate::wire::xmlrpc::{MethodCall, Value, encode};

/// Results of one `multicall` may take about as much text; beyond that the whole fails, and calls that
/// are left are not done.
const MAX_RESULTS: usize = 64 << 20;
/// So many calls are done before others have a turn, if none of them waits for anything.
const CALLS_PER_TURN: usize = 64;

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
    let mut results = Results::new(&context.budget);
    for (nth, call) in calls.into_iter().enumerate() {
        let value = one_call(&context, call).await.unwrap_or_else(|fault| fault_record(&fault));
        results.push(value)?;
        if nth % CALLS_PER_TURN == CALLS_PER_TURN - 1 {
            tokio::task::yield_now().await;
        }
    }
    Ok(Value::Array(results.values))
}

/// What the calls of one `multicall` have given so far.
struct Results {
    values: Vec<Value>,
    size: usize,
    share: Share,
}

impl Results {
    fn new(budget: &Budget) -> Self {
        Self { values: Vec::new(), size: 0, share: budget.share() }
    }

    fn push(&mut self, value: Value) -> Result<(), Fault> {
        let size = encode::estimate(&value);
        self.size += size;
        if self.size > MAX_RESULTS {
            return Err(Fault::with(FaultCode::Failed, "the results are too long"));
        }
        if !self.share.grow(size) {
            return Err(Fault::with(FaultCode::Failed, "no memory left for the results"));
        }
        self.values.push(value);
        Ok(())
    }
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
