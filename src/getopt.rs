//! Command lines by the rules of getopt, with the texts of the reference for what breaks them
//! (D-002 to D-005). What the options mean is the caller's business; the help is clap's.

/// An option.
#[derive(Clone, Copy, Debug)]
pub struct Flag {
    /// Its letters; the first is the one that the help shows, an empty text means none.
    pub shorts: &'static str,
    /// Its long name.
    pub long: &'static str,
    /// What the help calls its argument; `None`: it takes none.
    pub value: Option<&'static str>,
    /// An addition to the reference's options: to be written in full, so that abbreviations of those mean
    /// what they always did (D-003).
    pub is_extra: bool,
    /// A line for the help.
    pub help: &'static str,
}

/// An option as given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// Its place in the table.
    pub index: usize,
    /// As typed, but an abbreviation in full: `-n`, `--nodaemon`.
    pub typed: String,
    /// Its argument, or empty.
    pub value: String,
}

/// Splits a command line (without the program's name) into options and the words after them, of which
/// the first one that is no option is the first. The error is the text of D-003 or D-005.
pub fn scan(flags: &[Flag], argv: &[String]) -> Result<(Vec<Given>, Vec<String>), String> {
    let mut given = Vec::new();
    let mut words = argv.iter();
    scan_options(flags, &mut words, &mut given)?;
    Ok((given, words.cloned().collect()))
}

/// The same, but options may also stand behind and between other words, up to `--`.
pub fn scan_anywhere(flags: &[Flag], argv: &[String]) -> Result<(Vec<Given>, Vec<String>), String> {
    let (mut given, mut others) = (Vec::new(), Vec::new());
    let mut words = argv.iter();
    while !scan_options(flags, &mut words, &mut given)?
        && let Some(word) = words.next()
    {
        others.push(word.clone());
    }
    others.extend(words.cloned());
    Ok((given, others))
}

/// Takes options up to the first word that is none; tells whether that was `--`, which is taken too.
fn scan_options(
    flags: &[Flag],
    words: &mut std::slice::Iter<'_, String>,
    given: &mut Vec<Given>,
) -> Result<bool, String> {
    while let Some(word) = words.as_slice().first() {
        let Some(body) = word.strip_prefix('-').filter(|body| !body.is_empty()) else {
            break;
        };
        words.next();
        match body.strip_prefix('-') {
            Some("") => return Ok(true),
            Some(long) => given.push(scan_long(flags, long, words)?),
            None => scan_shorts(flags, body, words, given)?,
        }
    }
    Ok(false)
}

fn scan_long(flags: &[Flag], body: &str, words: &mut std::slice::Iter<'_, String>) -> Result<Given, String> {
    let (name, attached) = match body.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (body, None),
    };
    let (index, flag) = find_long(flags, name)?;
    let long = flag.long;
    let value = match (flag.value, attached) {
        (Some(_), Some(value)) => value,
        (Some(_), None) => {
            words.next().cloned().ok_or_else(|| format!("option --{long} requires argument"))?
        }
        (None, Some(_)) => return Err(format!("option --{long} must not have an argument")),
        (None, None) => String::new(),
    };
    Ok(Given { index, typed: format!("--{long}"), value })
}

/// The option of this name, or the only one that begins so (D-003).
fn find_long<'a>(flags: &'a [Flag], name: &str) -> Result<(usize, &'a Flag), String> {
    if let Some(exact) = flags.iter().enumerate().find(|(_, flag)| flag.long == name) {
        return Ok(exact);
    }
    let mut found =
        flags.iter().enumerate().filter(|(_, flag)| !flag.is_extra && flag.long.starts_with(name));
    match (found.next(), found.next()) {
        (Some(only), None) => Ok(only),
        (Some(_), Some(_)) => Err(format!("option --{name} not a unique prefix")),
        (None, _) => Err(format!("option --{name} not recognized")),
    }
}

fn scan_shorts(
    flags: &[Flag],
    cluster: &str,
    words: &mut std::slice::Iter<'_, String>,
    given: &mut Vec<Given>,
) -> Result<(), String> {
    let mut letters = cluster.chars();
    while let Some(letter) = letters.next() {
        let found = flags.iter().enumerate().find(|(_, flag)| flag.shorts.contains(letter));
        let (index, flag) = found.ok_or_else(|| format!("option -{letter} not recognized"))?;
        let typed = format!("-{letter}");
        if flag.value.is_none() {
            given.push(Given { index, typed, value: String::new() });
            continue;
        }
        let value = match letters.as_str() {
            "" => words.next().cloned().ok_or_else(|| format!("option -{letter} requires argument"))?,
            attached => attached.to_owned(),
        };
        given.push(Given { index, typed, value });
        break;
    }
    Ok(())
}

/// The table as clap's, which makes the help text, manual pages and shell completions of it; `words` is
/// what they call the words after the options.
pub fn command(
    program: &'static str,
    about: &'static str,
    flags: &[Flag],
    words: Option<&'static str>,
) -> clap::Command {
    let mut command = clap::Command::new(program).about(about).disable_help_flag(true);
    if let Some(words) = words {
        command = command.arg(clap::Arg::new(words).num_args(0..).help("See `help`"));
    }
    for flag in flags {
        let mut letters = flag.shorts.chars();
        let mut arg = clap::Arg::new(flag.long).long(flag.long).help(flag.help);
        arg = match flag.value {
            Some(name) => arg.value_name(name).action(clap::ArgAction::Set),
            None => arg.action(clap::ArgAction::SetTrue),
        };
        if let Some(letter) = letters.next() {
            arg = arg.short(letter);
        }
        command = command.arg(arg.visible_short_aliases(letters.collect::<Vec<_>>()));
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLAGS: [Flag; 4] = [
        Flag { shorts: "n", long: "nodaemon", value: None, is_extra: false, help: "" },
        Flag { shorts: "c", long: "configuration", value: Some("FILE"), is_extra: false, help: "" },
        Flag { shorts: "l", long: "logfile", value: Some("FILE"), is_extra: false, help: "" },
        Flag { shorts: "", long: "logfile_backups", value: Some("NUM"), is_extra: false, help: "" },
    ];

    fn given(line: &str) -> Result<String, String> {
        let argv: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let (given, rest) = scan(&FLAGS, &argv)?;
        let shown: Vec<String> = given.iter().map(|g| format!("{}={}", g.typed, g.value)).collect();
        Ok(format!("{} | {}", shown.join(" "), rest.join(" ")))
    }

    // D-002
    #[test]
    fn clusters_and_arguments() {
        assert_eq!(given("-nc f x -n").unwrap(), "-n= -c=f | x -n");
        assert_eq!(given("-cf -n").unwrap(), "-c=f -n= | ");
        assert_eq!(given("--configuration=a=b --nodaemon").unwrap(), "--configuration=a=b --nodaemon= | ");
        assert_eq!(given("--configuration -n -- -n").unwrap(), "--configuration=-n | -n");
        assert_eq!(given("-n - x").unwrap(), "-n= | - x");
    }

    // E-211
    #[test]
    fn options_between_words() {
        let line = ["a", "-n", "-c", "--", "b", "--conf=f", "--", "-n", "c"].map(str::to_owned);
        let (given, rest) = scan_anywhere(&FLAGS, &line).unwrap();
        let shown: Vec<String> = given.iter().map(|g| format!("{}={}", g.typed, g.value)).collect();
        assert_eq!(shown, ["-n=", "-c=--", "--configuration=f"]);
        assert_eq!(rest, ["a", "b", "-n", "c"]);
    }

    // D-003
    #[test]
    fn abbreviations() {
        assert_eq!(given("--conf f").unwrap(), "--configuration=f | ");
        assert_eq!(given("--logfile f").unwrap(), "--logfile=f | ");
        assert_eq!(given("--log f").unwrap_err(), "option --log not a unique prefix");
        assert_eq!(given("--=f").unwrap_err(), "option -- not a unique prefix");
    }

    // D-005
    #[test]
    fn what_is_refused() {
        assert_eq!(given("-Z").unwrap_err(), "option -Z not recognized");
        assert_eq!(given("--foo").unwrap_err(), "option --foo not recognized");
        assert_eq!(given("-n -c").unwrap_err(), "option -c requires argument");
        assert_eq!(given("--conf").unwrap_err(), "option --configuration requires argument");
        assert_eq!(given("--nodaemon=1").unwrap_err(), "option --nodaemon must not have an argument");
    }
}
