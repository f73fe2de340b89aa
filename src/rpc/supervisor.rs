//! Methods about the daemon itself (control.md, section 6).

use std::rc::Rc;

use super::methods::{Context, Reply};
use crate::wire::xmlrpc::Value;

/// Clients compare it exactly (C-210).
const API_VERSION: &str = "3.0";
/// The release whose behaviour this is (C-211).
const SUPERVISOR_VERSION: &str = "4.3.0";

/// `getAPIVersion`, `getVersion` (C-210).
pub(super) fn api_version(_: &Context) -> Reply {
    Ok(API_VERSION.into())
}

/// `getSupervisorVersion` (C-211).
pub(super) fn supervisor_version(_: &Context) -> Reply {
    Ok(SUPERVISOR_VERSION.into())
}

/// `getIdentification` (C-212).
pub(super) fn identification(context: &Context) -> Reply {
    Ok(context.facts.identifier.as_str().into())
}

/// `getPID` (C-214).
pub(super) fn pid(context: &Context) -> Reply {
    Ok(context.facts.pid.into())
}

/// `getState` (C-213).
pub(super) async fn state(context: Rc<Context>) -> Reply {
    let state = context.daemon.state().await?;
    Ok(Value::record([("statecode", state.code().into()), ("statename", state.name().into())]))
}
