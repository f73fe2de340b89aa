//! Methods about the daemon itself (control.md, section 6).

use std::rc::Rc;

use super::args::Args;
use super::methods::{Context, Reply};
use crate::daemon::fault::Fault;
use crate::wire::xmlrpc::Value;

/// Clients compare it exactly (C-210).
const API_VERSION: &str = "3.0";
/// The release whose behaviour this is (C-211).
const SUPERVISOR_VERSION: &str = "4.3.0";

/// `getAPIVersion`, `getVersion` (C-210).
pub(super) async fn api_version(_: Rc<Context>, _: Args) -> Reply {
    Ok(API_VERSION.into())
}

/// `getSupervisorVersion` (C-211).
pub(super) async fn supervisor_version(_: Rc<Context>, _: Args) -> Reply {
    Ok(SUPERVISOR_VERSION.into())
}

/// `getIdentification` (C-212).
pub(super) async fn identification(context: Rc<Context>, _: Args) -> Reply {
    Ok(context.facts.identifier.as_str().into())
}

/// `getPID` (C-214).
pub(super) async fn pid(context: Rc<Context>, _: Args) -> Reply {
    Ok(context.facts.pid.into())
}

/// `getState` (C-213).
pub(super) async fn state(context: Rc<Context>, _: Args) -> Reply {
    let state = context.daemon.state().await?;
    Ok(Value::record([("statecode", state.code().into()), ("statename", state.name().into())]))
}

/// `shutdown` (C-217).
pub(super) async fn shut_down(context: Rc<Context>, _: Args) -> Reply {
    context.daemon.shut_down().await?;
    Ok(true.into())
}

/// `restart` (C-217, D-263).
pub(super) async fn restart(context: Rc<Context>, _: Args) -> Reply {
    context.daemon.restart().await.map_err(|refusal| Fault::of(refusal, ""))?;
    Ok(true.into())
}
