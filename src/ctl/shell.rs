//! The shell: at a terminal with line editing, history and completion by rustyline, else plain lines from
//! stdin (C-480 to C-487).

use std::cell::RefCell;
use std::io::{self, IsTerminal};
use std::pin::pin;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use rustyline::completion::Completer;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::{History, MemHistory, SearchDirection};
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Context, Editor, Helper};
use tokio::runtime::Runtime;

use super::commands::{self, Flow};
use super::complete::{self, Known};
use super::endpoint::Settings;
use super::history;
use super::session::Session;
use crate::client::proxy::{CallError, Proxy};
use crate::sys::interrupts::Interrupts;

/// Longest history, in lines.
const MAX_HISTORY: usize = 100_000;

/// How long Tab waits for the server.
const COMPLETION_TIMEOUT: Duration = Duration::from_secs(2);

/// Runs the shell to its end, which is never a failure (C-420).
pub(super) fn run(runtime: Runtime, mut session: Session) -> ExitCode {
    session.interrupts = Interrupts::install().ok();
    runtime.block_on(perform(&mut session, "status"));
    if io::stdin().is_terminal() && io::stdout().is_terminal() {
        edit(Rc::new(runtime), &mut session);
    } else {
        runtime.block_on(read(&mut session));
    }
    session.out.flush();
    ExitCode::SUCCESS
}

/// Does what a line says; Ctrl-C gives up waiting for it.
async fn perform(session: &mut Session, line: &str) -> Flow {
    if let Some(interrupts) = &mut session.interrupts {
        interrupts.forget();
    }
    let mut interrupts = session.interrupts.clone();
    let done = {
        let mut command = pin!(commands::execute(session, line));
        tokio::select! {
            biased;
            flow = &mut command => Some(flow),
            () = Session::interrupted(&mut interrupts) => last_word(command).await,
        }
    };
    if let Some(flow) = done {
        return flow;
    }
    session.disconnect();
    session.out.line("");
    session.out.flush();
    Flow::Continue
}

/// tail -f and fg end at Ctrl-C themselves, with something to say. It may have come while they looked
/// elsewhere, so they are let look once more.
async fn last_word(command: impl Future<Output = Flow>) -> Option<Flow> {
    tokio::select! {
        biased;
        flow = command => Some(flow),
        () = std::future::ready(()) => None,
    }
}

/// Lines from a pipe or a file, with prompts and without echo (C-482).
async fn read(session: &mut Session) {
    loop {
        let prompt = format!("{}> ", session.settings.prompt);
        session.out.raw(prompt.as_bytes());
        let mut interrupts = session.interrupts.clone();
        let line = tokio::select! {
            line = session.line() => line,
            () = Session::interrupted(&mut interrupts) => None,
        };
        let Some(line) = line else {
            return session.out.line("");
        };
        if perform(session, &line).await == Flow::Quit {
            return;
        }
    }
}

/// Lines from a terminal.
fn edit(runtime: Rc<Runtime>, session: &mut Session) {
    let config = Config::builder()
        .completion_type(CompletionType::List)
        .max_history_size(MAX_HISTORY)
        .and_then(|config| config.history_ignore_dups(true))
        .map(|config| config.build());
    let editor = config.and_then(|config| {
        let history = MemHistory::with_config(&config);
        Editor::<Completion, MemHistory>::with_history(config, history)
    });
    let Ok(mut editor) = editor else {
        return runtime.block_on(read(session));
    };
    let file = session.settings.history_file.clone();
    for line in file.iter().flat_map(|file| history::read(file)) {
        // A history that takes no more is still a history.
        let _ = editor.add_history_entry(line);
    }
    prompt(&runtime, session, &mut editor);
    if let Some(file) = file
        && let Err(error) = history::write(&file, lines_of(&editor))
    {
        eprintln!("cannot keep the history in {}: {error}", file.display());
    }
}

/// The history's lines, oldest first.
fn lines_of(editor: &Editor<Completion, MemHistory>) -> impl Iterator<Item = String> {
    let history = editor.history();
    let line = |at| history.get(at, SearchDirection::Forward).ok().flatten().map(|it| it.entry.into_owned());
    (0..history.len()).filter_map(line)
}

/// From prompt to prompt.
fn prompt(runtime: &Rc<Runtime>, session: &mut Session, editor: &mut Editor<Completion, MemHistory>) {
    loop {
        editor.set_helper(Some(Completion::new(runtime.clone(), session.settings.clone())));
        match editor.readline(&format!("{}> ", session.settings.prompt)) {
            Ok(line) => {
                if !line.trim().is_empty() {
                    let _ = editor.add_history_entry(line.as_str());
                }
                if runtime.block_on(perform(session, &line)) == Flow::Quit {
                    return;
                }
            }
            // Ctrl-C, Ctrl-D, and a terminal that is gone (C-483); the editor has ended the line.
            Err(_) => return,
        }
    }
}

/// Completes one command line; asks the server once at most for each of what may be needed.
struct Completion {
    runtime: Rc<Runtime>,
    settings: Settings,
    known: RefCell<Known>,
}

impl Completion {
    fn new(runtime: Rc<Runtime>, settings: Settings) -> Self {
        Self { runtime, settings, known: RefCell::default() }
    }

    /// What a call gives; nothing where the server does not answer.
    fn ask<T>(&self, call: impl AsyncFnOnce(&mut Proxy) -> Result<Vec<T>, CallError>) -> Vec<T> {
        let Ok(mut server) = self.settings.server() else { return Vec::new() };
        let answer = self
            .runtime
            .block_on(async { tokio::time::timeout(COMPLETION_TIMEOUT, call(&mut server)).await });
        answer.ok().and_then(Result::ok).unwrap_or_default()
    }

    fn ask_pool_names(&self) -> Vec<String> {
        self.ask(Proxy::pools).into_iter().map(|pool| pool.name).collect()
    }
}

impl Completer for Completion {
    type Candidate = String;

    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        let (start, word, kind) = complete::at(line.get(..pos).unwrap_or(line));
        let mut known = self.known.borrow_mut();
        if kind.needs_processes() {
            known.processes.get_or_insert_with(|| self.ask(Proxy::processes));
        }
        if kind.needs_pools() {
            known.pools.get_or_insert_with(|| self.ask_pool_names());
        }
        Ok((start, kind.candidates(word, &known)))
    }
}

impl Hinter for Completion {
    type Hint = String;
}

impl Highlighter for Completion {}
impl Validator for Completion {}
impl Helper for Completion {}
