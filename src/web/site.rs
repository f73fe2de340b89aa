//! The addresses of the pages, and the way from a request to its page.

use std::rc::Rc;

use hyper::header::{CONTENT_DISPOSITION, HeaderValue};
use hyper::{Method, StatusCode};
use tokio::sync::Semaphore;

use super::actions::{Action, Senseless};
use super::activity::{Events, EventsPage};
use super::admission::{self, Token, Verdict};
use super::assets;
use super::live::Live;
use super::page::{Frame, encoded, html, rendered};
use super::pools::Pool;
use super::process::ProcessPage;
use super::settings;
use super::status::{Row, StatusPage};
use super::tail::{self, TailPage};
use crate::daemon::command::{LogSource, ProcessInfo, Refusal};
use crate::daemon::handle::Handle;
use crate::http::events::{Feed, Filter};
use crate::http::{Answer, Form, Request, Response, Service, response};
use crate::logs::read::{MAX_EXCERPT, Window};
use crate::logs::turns::Turns;
use crate::logs::workers::Workers;
use crate::model::event::Channel;
use crate::model::name::{ProcessName, Target};
use crate::sys::clock;

/// The path of the page of events.
pub const EVENTS_PATH: &str = "/events.html";

/// Workers that may be making pages at a time.
const WRITERS: usize = 2;
/// Ends of logs that may be read at a time.
const EXCERPTS: usize = 2;
/// Forms have a few names in them: longer ones are not even read, in bytes.
const LONGEST_FORM: usize = 64 * 1024;
/// What is shown of a log on the page of its process, in bytes.
const LOG: i64 = 16 * 1024;
/// What is given of a log as a file, in bytes: the newest, if it is larger.
const WHOLE_LOG: i64 = MAX_EXCERPT as i64;
/// Events that the page of a process begins with.
const FEW_EVENTS: usize = 50;
/// Events that the page of events begins with.
const MANY_EVENTS: usize = 200;

/// What is said to whom a form is refused.
const STALE: &str = "The form does not come from a page of this daemon as it runs now. Load the page again and repeat \
                     what you did.";

/// Tells how often the daemon has restarted a process by itself.
pub type Restarts = Rc<dyn Fn(&ProcessName) -> u64>;

/// What pages need of the daemon around them.
pub struct Means {
    /// The way into the daemon.
    pub daemon: Handle,
    /// Names the daemon to its users.
    pub identifier: String,
    /// What forms carry along.
    pub token: Rc<Token>,
    /// Make pages.
    pub workers: Workers,
    /// Counts restarts.
    pub restarts: Restarts,
    /// The last events.
    pub feed: Rc<Feed>,
    /// What open pages are told.
    pub live: Rc<Live>,
}

/// The service behind `/`.
#[derive(Clone)]
pub struct Site(Rc<Inner>);

struct Inner {
    means: Means,
    writers: Turns,
    /// Held while the end of a log is read, until what is held of it counts: many at a time would take much
    /// memory before any of them is refused.
    excerpts: Semaphore,
}

/// Where a finished action leads.
#[derive(askama::Template)]
#[template(path = "confirm.html")]
struct ConfirmPage {
    frame: Frame,
    /// What would be done.
    question: String,
    /// The fields of the request, to be sent again.
    fields: Vec<(&'static str, String)>,
}

/// The fields of an action, other than the token.
const FIELDS: [&str; 5] = ["action", "processname", "groupname", "q", "then"];

impl Site {
    /// Pages of this daemon.
    pub fn new(means: Means) -> Self {
        let writers = Turns::new(means.workers.clone(), WRITERS);
        Self(Rc::new(Inner { means, writers, excerpts: Semaphore::new(EXCERPTS) }))
    }

    async fn answer(self, request: Request) -> Response {
        let path = request.uri().path().trim_start_matches('/');
        if let Some(asset) = assets::answer(path, request.uri().query(), request.headers()) {
            return asset;
        }
        match path {
            "" | "index.html" => self.0.status(&request).await,
            "tail.html" => self.0.tail(&Form::of(&request)).await,
            "process.html" => self.0.process(&Form::of(&request)).await,
            "events.html" => self.0.events(&request).await,
            "log.txt" => self.0.log(&Form::of(&request)).await,
            "ok.html" => response::ok("text/plain", "OK"),
            _ => response::error(StatusCode::NOT_FOUND),
        }
    }
}

impl Service for Site {
    fn call(&self, request: Request) -> Answer {
        if ![Method::GET, Method::POST].contains(request.method()) {
            return Box::pin(std::future::ready(response::error(StatusCode::BAD_REQUEST)));
        }
        if request.body().len() > LONGEST_FORM {
            return Box::pin(std::future::ready(response::error(StatusCode::PAYLOAD_TOO_LARGE)));
        }
        Box::pin(self.clone().answer(request))
    }
}

impl Inner {
    fn frame(&self) -> Frame {
        Frame { identifier: self.means.identifier.clone(), token: self.means.token.text().to_owned() }
    }

    /// A page, made by a worker: a large one takes a while.
    async fn page(&self, page: impl askama::Template + Send + 'static) -> Response {
        let text = self.writers.work(move |_| rendered(&page)).await;
        text.map_or_else(|| response::error(StatusCode::SERVICE_UNAVAILABLE), html)
    }

    async fn status(&self, request: &Request) -> Response {
        let form = Form::of(request);
        match Action::read(&form) {
            Some(action) => self.act(request, &form, action).await,
            None => self.show(&form).await,
        }
    }

    async fn act(&self, request: &Request, form: &Form, action: Result<Action, Senseless>) -> Response {
        let action = match action {
            Ok(action) => action,
            Err(Senseless(problem)) => return response::explained(StatusCode::BAD_REQUEST, problem),
        };
        let given = form.get("token");
        match admission::judge(request.method(), request.headers(), given, &self.means.token) {
            Verdict::Obey => {
                let message = action.perform(&self.means.daemon).await;
                response::see_other(after(form, &message))
            }
            Verdict::Ask => self.page(self.confirmation(form, &action)).await,
            Verdict::Refuse(reason) => response::refused(reason, STALE),
        }
    }

    fn confirmation(&self, form: &Form, action: &Action) -> ConfirmPage {
        let given = |name| form.get(name).map(|value| (name, value.to_owned()));
        let fields = FIELDS.into_iter().filter_map(given).collect();
        ConfirmPage { frame: self.frame(), question: action.to_string(), fields }
    }

    async fn show(&self, form: &Form) -> Response {
        let Ok(processes) = self.means.daemon.processes().await else {
            return response::error(StatusCode::SERVICE_UNAVAILABLE);
        };
        let rows = processes.into_iter().map(|info| self.row(info));
        let owned = |name| form.get(name).map(str::to_owned);
        let search = owned("q").unwrap_or_default();
        self.page(StatusPage::new(self.frame(), owned("message"), search, rows.collect())).await
    }

    fn row(&self, info: ProcessInfo) -> Row {
        let (restarts, used) = ((self.means.restarts)(&info.name), self.means.live.used(&info));
        Row::new(info, restarts, used)
    }

    async fn process(&self, form: &Form) -> Response {
        let Some(name) = form.get("processname") else {
            return response::explained(StatusCode::BAD_REQUEST, "The page needs a processname.");
        };
        let daemon = &self.means.daemon;
        let Target::Process(process) = Target::of_spec(name) else { return missing() };
        let info = match daemon.process(process.clone()).await {
            Ok(info) => info,
            Err(Refusal::BadName) => return missing(),
            Err(_) => return response::error(StatusCode::SERVICE_UNAVAILABLE),
        };
        let (configuration, pools) = (daemon.configuration().await, daemon.pools().await);
        let (Ok(configuration), Ok(pools)) = (configuration, pools) else {
            return response::error(StatusCode::SERVICE_UNAVAILABLE);
        };
        let configured = configuration.iter().find(|it| it.process.name == process);
        let channel = tail::channel(form);
        self.page(ProcessPage {
            frame: self.frame(),
            message: form.get("message").map(str::to_owned),
            row: self.row(info),
            channel,
            log: tail::last_bytes(name, channel, LOG, daemon).await,
            events: self.recent(&Filter::of(process.clone()), FEW_EVENTS),
            settings: configured.map(settings::of).unwrap_or_default(),
            settings_in_use: configured.is_some_and(|it| it.logs.is_some()),
            pool: pools.iter().find(|pool| pool.figures.name == *process.group()).map(Pool::new),
        })
        .await
    }

    async fn events(&self, request: &Request) -> Response {
        let Ok(pools) = self.means.daemon.pools().await else {
            return response::error(StatusCode::SERVICE_UNAVAILABLE);
        };
        let form = Form::of(request);
        let given = |name| form.get(name).unwrap_or_default().to_owned();
        let (filter, problem) = match Filter::read(request.uri().query().unwrap_or_default()) {
            Ok(filter) => (filter, None),
            Err(problem) => (Filter::ALL, Some(problem)),
        };
        self.page(EventsPage {
            frame: self.frame(),
            problem,
            kind: given("type").to_uppercase(),
            process: given("process"),
            group: given("group"),
            events: self.recent(&filter, MANY_EVENTS),
            pools: pools.iter().map(Pool::new).collect(),
        })
        .await
    }

    fn recent(&self, filter: &Filter, most: usize) -> Events {
        let feed = &self.means.feed;
        Events::new(&feed.recent(filter, most), feed.last_id(), clock::wall())
    }

    /// A whole log, to be kept as a file.
    async fn log(&self, form: &Form) -> Response {
        let channel = tail::channel(form);
        let (Some(name), Target::Process(process)) =
            (form.get("processname"), Target::of_spec(form.get("processname").unwrap_or_default()))
        else {
            return missing();
        };
        let Ok(_turn) = self.excerpts.acquire().await else { return missing() };
        let source = LogSource::Process(process, channel);
        match self.means.daemon.read_log(source, Window::Read { offset: -WHOLE_LOG, length: 0 }).await {
            Ok(excerpt) => attachment(name, channel, excerpt.data),
            Err(_) => missing(),
        }
    }

    async fn tail(&self, form: &Form) -> Response {
        let Ok(_turn) = self.excerpts.acquire().await else { return missing() };
        let page = TailPage::read(self.frame(), form, &self.means.daemon).await;
        self.page(page).await
    }
}

fn missing() -> Response {
    response::explained(StatusCode::NOT_FOUND, "There is no such process, or no such log.")
}

/// A log as a file; its name is made of what cannot mean anything else.
fn attachment(name: &str, channel: Channel, data: Vec<u8>) -> Response {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let file = format!("{}-{}.log", name.chars().map(plain).collect::<String>(), channel.name());
    let mut response = response::ok("text/plain;charset=utf-8", data);
    let disposition = HeaderValue::try_from(format!("attachment; filename=\"{file}\""));
    response.headers_mut().extend(disposition.map(|value| (CONTENT_DISPOSITION, value)));
    response
}

/// Where the browser goes when an action is done: back, with what became of it (C-345).
fn after(form: &Form, message: &str) -> HeaderValue {
    let search = form.get("q").map_or_else(String::new, |search| format!("&q={}", encoded(search)));
    let location = match (form.get("then"), form.get("processname")) {
        (Some("process"), Some(name)) => {
            format!("process.html?processname={}&message={}", encoded(name), encoded(message))
        }
        _ => format!("./?message={}{search}", encoded(message)),
    };
    HeaderValue::try_from(location).unwrap_or_else(|_| HeaderValue::from_static("./"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(query: &str) -> Form {
        Form::of(&hyper::Request::get(format!("/?{query}")).body(bytes::Bytes::new()).unwrap())
    }

    // C-345, C-359
    #[test]
    fn ways_back() {
        assert_eq!(after(&form("action=stop"), "a\r\nb: c"), "./?message=a%0D%0Ab%3A%20c");
        assert_eq!(after(&form("q=w%26"), "x"), "./?message=x&q=w%26");
        let back = after(&form("then=process&processname=g%3Aa"), "x");
        assert_eq!(back, "process.html?processname=g%3Aa&message=x");
        assert_eq!(after(&form("then=//evil.example&processname=a"), "x"), "./?message=x");
    }

    #[test]
    fn names_of_files() {
        let response = attachment("g:a\"\r\nX: ../é", Channel::Stderr, b"x".to_vec());
        assert_eq!(
            response.headers()[CONTENT_DISPOSITION],
            "attachment; filename=\"g_a___X__..__-stderr.log\""
        );
    }
}
