//! Methods about processes (control.md, sections 7 and 8).

use std::rc::Rc;

use super::info;
use super::methods::{Context, Reply};
use crate::wire::xmlrpc::Value;

/// `getAllProcessInfo` (C-221).
pub(super) async fn all_info(context: Rc<Context>) -> Reply {
    let processes = context.daemon.processes().await?;
    Ok(Value::Array(processes.iter().map(info::record).collect()))
}
