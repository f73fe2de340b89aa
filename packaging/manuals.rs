//! Manual pages and shell completions for packages: `manuals OUT PROGRAMS`.
//!
//! They are made from the tables that also make the programs' help: those of supervisord and supervisorctl by way
//! of clap, those of the listeners, found in the folder PROGRAMS, by what they print for `--help`. OUT gets `man/`
//! and, for each shell, a folder below `completions/`.

use std::error::Error;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, italic, roman};
use supervisor::config::SAMPLE;
use supervisor::{args, ctl};

type Outcome<T> = Result<T, Box<dyn Error>>;

const LISTENERS: [&str; 6] =
    ["memmon", "httpok", "crashmail", "crashmailbatch", "fatalmailbatch", "crashsms"];

const SOURCE: &str = concat!("supervisor ", env!("CARGO_PKG_VERSION"));

const SEE_ALSO: &str =
    "supervisord(1), supervisorctl(1), supervisord.conf(5), pidproxy(1), echo_supervisord_conf(1), memmon(1)";

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [out, programs] = arguments.as_slice() else { return Err("usage: manuals OUT PROGRAMS".into()) };
    let (out, programs) = (Path::new(out), Path::new(programs));
    write_pages(&out.join("man"), programs)?;
    write_completions(&out.join("completions"))
}

fn write_pages(folder: &Path, programs: &Path) -> Outcome<()> {
    fs::create_dir_all(folder)?;
    let write = |name: &str, page: String| fs::write(folder.join(name), page);
    write("supervisord.1", clap_page(args::command(), supervisord_sections())?)?;
    write("supervisorctl.1", clap_page(ctl::command(), supervisorctl_sections())?)?;
    write("pidproxy.1", plain_page(&PIDPROXY))?;
    write("echo_supervisord_conf.1", plain_page(&ECHO))?;
    write("supervisord.conf.5", configuration_page())?;
    for name in LISTENERS {
        let output = Command::new(programs.join(name)).arg("--help").output()?;
        write(&format!("{name}.1"), listener_page(name, &String::from_utf8(output.stdout)?))?;
    }
    Ok(())
}

fn write_completions(folder: &Path) -> Outcome<()> {
    let shells = [(Shell::Bash, "bash"), (Shell::Zsh, "zsh"), (Shell::Fish, "fish")];
    for (shell, name) in shells {
        let folder = folder.join(name);
        fs::create_dir_all(&folder)?;
        for (program, mut command) in [("supervisord", args::command()), ("supervisorctl", with_commands())] {
            let file = match shell {
                Shell::Zsh => format!("_{program}"),
                Shell::Fish => format!("{program}.fish"),
                _ => program.to_owned(),
            };
            clap_complete::generate(shell, &mut command, program, &mut File::create(folder.join(file))?);
        }
    }
    Ok(())
}

/// supervisorctl with its commands as subcommands, which shells complete.
fn with_commands() -> clap::Command {
    let commands = ctl::manual().map(|(name, forms)| {
        let about = forms.iter().map(|(_, told)| *told).find(|told| !told.is_empty()).unwrap_or_default();
        clap::Command::new(name).about(about).disable_help_flag(true)
    });
    ctl::command()
        .mut_arg("COMMAND", |arg| arg.hide(true))
        .disable_help_subcommand(true)
        .subcommands(commands)
}

/// A section of a page: its title and its text.
type Section = (&'static str, Roff);

fn head(name: &str, section: &str) -> Roff {
    let mut page = Roff::new();
    page.control("TH", [name, section, "", SOURCE, "supervisor"]);
    page
}

/// A page whose options clap tells.
fn clap_page(command: clap::Command, sections: Vec<Section>) -> Outcome<String> {
    let name = command.get_name().to_uppercase();
    let man = Man::new(command);
    let mut page = head(&name, "1").render().into_bytes();
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    let mut page = String::from_utf8(page)?;
    for (title, text) in sections {
        page += &section(title, text);
    }
    Ok(page + &section("SEE ALSO", paragraph(SEE_ALSO)))
}

fn section(title: &str, text: Roff) -> String {
    let mut roff = Roff::new();
    roff.control("SH", [title]);
    roff.extend([text]);
    // Without the preamble, which the page has once.
    roff.to_roff()
}

fn paragraph(text: &str) -> Roff {
    let mut roff = Roff::new();
    roff.text([roman(text)]);
    roff
}

/// A list of terms, each with what it means.
fn list(entries: impl IntoIterator<Item = (Inline, String)>) -> Roff {
    let mut roff = Roff::new();
    for (term, meaning) in entries {
        roff.control("TP", []);
        roff.text([term]);
        roff.text([roman(meaning)]);
    }
    roff
}

/// Lines as they are.
fn verbatim<'a>(lines: impl Iterator<Item = &'a str>) -> Roff {
    let mut roff = Roff::new();
    roff.control("nf", []);
    for line in lines {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
    roff
}

fn supervisord_sections() -> Vec<Section> {
    let signals = [
        ("TERM, INT, QUIT", "stop all programs in order, and end"),
        ("HUP", "read the configuration, and if it is good, stop everything and start anew; the pid stays"),
        ("USR2", "open all log files again"),
    ];
    let statuses = [
        (
            "0",
            "shut down by a signal or a client; went to the background; with --check, there are no problems",
        ),
        ("1", "could not open its log or a FastCGI socket"),
        (
            "2",
            "a command line or configuration that cannot be used, with all problems on stderr; a user or limits it \
               cannot have; a control server it cannot open",
        ),
    ];
    let files = "Without -c: ../etc/supervisord.conf and ../supervisord.conf beside the program's folder, supervisord.conf \
        and etc/supervisord.conf in the current one, /etc/supervisord.conf, /etc/supervisor/supervisord.conf; the first \
        that there is.";
    let terms =
        |entries: &[(&str, &str)]| list(entries.iter().map(|(term, told)| (bold(*term), (*told).to_owned())));
    vec![("SIGNALS", terms(&signals)), ("EXIT STATUS", terms(&statuses)), ("FILES", paragraph(files))]
}

fn supervisorctl_sections() -> Vec<Section> {
    let mut entries: Vec<(&str, String)> = Vec::new();
    for (written, told) in ctl::manual().flat_map(|(_, forms)| forms) {
        match entries.last_mut() {
            Some((_, more)) if written.is_empty() => *more = format!("{more} {told}"),
            _ => entries.push((written, told.to_owned())),
        }
    }
    let entries = entries.into_iter().map(|(written, told)| (bold(written), told));
    let statuses = [
        ("0", "done; of status: all processes that were asked for run; always, in the shell"),
        ("1", "could not be done, or not for all"),
        ("2", "a command line, a configuration or arguments that cannot be used"),
        ("3", "of status: something does not run; of others: the server does not speak Supervisor's API"),
        ("4", "of status: no such process, or no server; of others: no server, or one that refuses"),
        ("5", "a server with another version of the API"),
        ("7", "a process that does not run, or did not come up"),
    ];
    let statuses = list(statuses.map(|(term, told)| (bold(term), told.to_owned())));
    vec![("COMMANDS", list(entries)), ("EXIT STATUS", statuses)]
}

/// A program without options.
struct Plain {
    name: &'static str,
    purpose: &'static str,
    synopsis: &'static str,
    description: &'static [&'static str],
}

const PIDPROXY: Plain = Plain {
    name: "pidproxy",
    purpose: "run a command and pass signals on to the process whose pid is in a file",
    synopsis: "PIDFILE COMMAND [ARG ...]",
    description: &[
        "Stands in front of a daemon that forks away, so that supervisord can signal it. TERM, INT, QUIT, HUP, USR1 and \
         USR2 go to the process whose pid is in PIDFILE; after the first three, pidproxy ends with status 0.",
        "COMMAND is not looked up in PATH. When it ends, pidproxy ends too.",
    ],
};

const ECHO: Plain = Plain {
    name: "echo_supervisord_conf",
    purpose: "print a sample configuration for supervisord",
    synopsis: "",
    description: &[
        "Prints a complete configuration in which every option is explained. Arguments are ignored.",
    ],
};

fn plain_page(plain: &Plain) -> String {
    let mut page = head(&plain.name.to_uppercase(), "1").render();
    page += &section("NAME", paragraph(&format!("{} - {}", plain.name, plain.purpose)));
    page += &section("SYNOPSIS", synopsis(plain.name, plain.synopsis));
    page += &section("DESCRIPTION", paragraphs(plain.description.iter().copied()));
    page + &section("SEE ALSO", paragraph(SEE_ALSO))
}

fn synopsis(name: &str, words: &str) -> Roff {
    let mut roff = Roff::new();
    roff.text([bold(name), roman(" "), italic(words)]);
    roff
}

fn paragraphs<'a>(texts: impl Iterator<Item = &'a str>) -> Roff {
    let mut roff = Roff::new();
    for text in texts {
        roff.control("PP", []);
        roff.text([roman(text)]);
    }
    roff
}

fn configuration_page() -> String {
    let description = [
        "supervisord reads one file, and what that includes. It consists of sections, [supervisord] among them, with a \
         setting on each line: NAME=VALUE. A line that is indented goes on with the value before it; a semicolon begins a \
         comment, within a line if there is a blank before it. In values, %(ENV_X)s stands for the variable X of the \
         environment, %(here)s for the file's folder, and %% for a percent sign.",
        "supervisord --check -c FILE tells everything that is wrong with a file, and starts nothing.",
        "This is the sample that echo_supervisord_conf prints: all sections with all options, what is optional behind a \
         semicolon.",
    ];
    let mut page = head("SUPERVISORD.CONF", "5").render();
    page += &section("NAME", paragraph("supervisord.conf - the configuration of supervisord"));
    page += &section("DESCRIPTION", paragraphs(description.into_iter()));
    page += &section("SAMPLE", verbatim(SAMPLE.lines()));
    page + &section("SEE ALSO", paragraph(SEE_ALSO))
}

/// A page of what a listener prints for `--help`: a line with its purpose, one with its usage, paragraphs, options,
/// and a configuration to copy.
fn listener_page(name: &str, help: &str) -> String {
    let (text, configuration) = help.split_once("\nConfiguration:\n").unwrap_or((help, ""));
    let (text, options) = text.split_once("\nOptions:\n").unwrap_or((text, ""));
    let mut parts = text.split("\n\n");
    let purpose = parts.next().unwrap_or_default();
    let usage =
        parts.next().unwrap_or_default().trim_start_matches("Usage: ").trim_start_matches(name).trim();
    let mut page = head(&name.to_uppercase(), "1").render();
    page += &section("NAME", paragraph(purpose));
    page += &section("SYNOPSIS", synopsis(name, usage));
    page += &section("DESCRIPTION", paragraphs(parts.map(str::trim)));
    page += &section("OPTIONS", list(option_entries(options)));
    page +=
        &section("CONFIGURATION", verbatim(configuration.trim_matches('\n').lines().map(str::trim_start)));
    page + &section("SEE ALSO", paragraph(SEE_ALSO))
}

/// The options of a help text: forms at two blanks, what they mean below them at six.
fn option_entries(text: &str) -> Vec<(Inline, String)> {
    let mut entries: Vec<(Inline, String)> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix("      "), entries.last_mut()) {
            (Some(more), Some((_, told))) if told.is_empty() => more.clone_into(told),
            (Some(more), Some((_, told))) => *told = format!("{told} {more}"),
            _ => entries.push((bold(line.trim()), String::new())),
        }
    }
    entries
}
