//! The page of one process: its state, its log, its events, its configuration, its pool.

use askama::Template;

use super::activity::Events;
use super::page::{Frame, encoded};
use super::pools::Pool;
use super::status::{Row, hidden};
use crate::model::event::Channel;

/// The page.
#[derive(Template)]
#[template(path = "process.html")]
pub(super) struct ProcessPage {
    pub frame: Frame,
    pub message: Option<String>,
    pub row: Row,
    /// The log that is shown.
    pub channel: Channel,
    /// The end of it, or why there is none.
    pub log: Result<String, String>,
    pub events: Events,
    /// Options and their values.
    pub settings: Vec<(&'static str, String)>,
    /// Whether those are what it runs with.
    pub settings_in_use: bool,
    /// The pool that it is a listener of.
    pub pool: Option<Pool>,
}

impl ProcessPage {
    fn address(&self) -> String {
        encoded(&self.row.name)
    }

    /// For the links to both logs: name, and whether it is the one that is shown.
    fn channels(&self) -> [(&'static str, bool); 2] {
        [Channel::Stdout, Channel::Stderr].map(|channel| (channel.name(), channel == self.channel))
    }

    /// Fields that forms carry along beside their own, as HTML: the way back is to here.
    fn more_fields(&self) -> String {
        hidden("then", "process")
    }

    fn links_details(&self) -> bool {
        false
    }
}
