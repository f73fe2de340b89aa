//! `%(name)s` in values: Python's `%` formatting with named keys (D-060 to D-066).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::text::quoted;

/// No directive may ask for more characters than this: Rust's own formatting takes no larger width.
const MAX_WIDTH: usize = u16::MAX as usize;

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Text.
    Text(String),
    /// A number: `process_num`, `numprocs`.
    Number(i64),
}

/// The names that can be expanded in some place.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// The environment, which is the same in all places; each program's names begin as a copy.
    shared: Arc<BTreeMap<String, Value>>,
    /// Beyond those, or in place of them.
    values: BTreeMap<String, Value>,
    /// Variables are missing, which is told elsewhere.
    incomplete: bool,
}

impl Names {
    /// The variables of `environment`, as `ENV_X` (D-062).
    pub fn of_environment<'a>(environment: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut names = Self::default();
        names.add_environment(environment);
        Self { shared: Arc::new(names.values), ..Self::default() }
    }

    /// Adds variables as `ENV_X` (D-063).
    pub fn add_environment<'a>(&mut self, environment: impl IntoIterator<Item = (&'a str, &'a str)>) {
        for (name, value) in environment {
            self.values.insert(format!("ENV_{name}"), Value::Text(value.to_owned()));
        }
    }

    /// With `name` for a text.
    pub fn with(mut self, name: &str, text: &str) -> Self {
        self.values.insert(name.to_owned(), Value::Text(text.to_owned()));
        self
    }

    /// Sets `name` to a number.
    pub fn set_number(&mut self, name: &str, number: i64) {
        self.values.insert(name.to_owned(), Value::Number(number));
    }

    /// Takes over all names of `others`.
    pub fn update(&mut self, others: &Self) {
        if Arc::ptr_eq(&self.shared, &others.shared) {
            self.values.retain(|name, _| !others.shared.contains_key(name));
        } else {
            self.values.extend(copied(&others.shared));
        }
        self.values.extend(copied(&others.values));
    }

    /// Tells that the variables of a list that was refused are missing.
    pub fn lack_variables(&mut self) {
        self.incomplete = true;
    }

    /// Whether `format` may only fail because variables are missing.
    pub fn excuse(&self, format: &str) -> bool {
        self.incomplete && format.contains("%(ENV_")
    }

    fn listed(&self) -> String {
        let names: BTreeSet<_> = self.shared.keys().chain(self.values.keys()).map(String::as_str).collect();
        names.into_iter().collect::<Vec<_>>().join(", ")
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name).or_else(|| self.shared.get(name))
    }
}

fn copied(names: &BTreeMap<String, Value>) -> impl Iterator<Item = (String, Value)> {
    names.iter().map(|(name, value)| (name.clone(), value.clone()))
}

/// Expands `format`; `title` is what the error text calls it (D-061).
pub fn expand(format: &str, names: &Names, title: &str) -> Result<String, String> {
    render(format, names).map_err(|failure| failure.told(&quoted(format), names, title))
}

/// The same for what holds secrets: the error text shows nothing of it but the names of variables.
pub fn expand_secret(format: &str, names: &Names, title: &str) -> Result<String, String> {
    render(format, names).map_err(|failure| {
        let failure = match failure {
            Failure::UnknownName(name) if !name.starts_with("ENV_") => {
                Failure::UnknownName(HIDDEN.to_owned())
            }
            Failure::Syntax(_) => Failure::Syntax("a percent sign is written %%".to_owned()),
            other => other,
        };
        failure.told(&quoted(HIDDEN), names, title)
    })
}

/// Stands for what is not to be shown.
pub(super) const HIDDEN: &str = "***";

enum Failure {
    UnknownName(String),
    Syntax(String),
}

impl Failure {
    /// The reference's text.
    fn told(&self, format: &str, names: &Names, title: &str) -> String {
        let what = format!("Format string {format} for {}", quoted(title));
        match self {
            Self::UnknownName(name) => format!(
                "{what} contains names ({}) which cannot be expanded. Available names: {}",
                quoted(name),
                names.listed()
            ),
            Self::Syntax(reason) => format!("{what} is badly formatted: {reason}"),
        }
    }
}

fn syntax<T>(reason: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Syntax(reason.into()))
}

fn render(format: &str, names: &Names) -> Result<String, Failure> {
    let mut scanner = Scanner { chars: format.chars().collect(), at: 0 };
    // What a directive without a name gets: at first the table of names itself, later the value
    // named last, if it has not been used.
    let mut argument = Some(Argument::Table);
    let mut out = String::with_capacity(format.len());
    while let Some(c) = scanner.next() {
        if c != '%' || scanner.take('%') {
            out.push(c);
            continue;
        }
        if scanner.take('(') {
            let name = scanner.name()?;
            let Some(value) = names.get(&name) else {
                return Err(Failure::UnknownName(name));
            };
            argument = Some(Argument::Value(value));
        }
        let directive = scanner.directive()?;
        let Some(argument) = argument.take() else {
            return syntax("not enough arguments for format string");
        };
        out.push_str(&directive.apply(argument)?);
    }
    Ok(out)
}

#[derive(Clone, Copy)]
enum Argument<'a> {
    Table,
    Value(&'a Value),
}

impl Argument<'_> {
    fn type_name(self) -> &'static str {
        match self {
            Self::Table => "dict",
            Self::Value(Value::Text(_)) => "str",
            Self::Value(Value::Number(_)) => "int",
        }
    }
}

struct Scanner {
    chars: Vec<char>,
    at: usize,
}

impl Scanner {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    fn take(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        self.at += usize::from(found);
        found
    }

    /// The name up to its closing parenthesis; parentheses in it must pair.
    fn name(&mut self) -> Result<String, Failure> {
        let mut depth = 1;
        let mut name = String::new();
        while let Some(c) = self.next() {
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Ok(name);
            }
            name.push(c);
        }
        syntax("incomplete format key")
    }

    fn directive(&mut self) -> Result<Directive, Failure> {
        let mut flags = Flags::default();
        while let Some(c) = self.peek().filter(|c| flags.set(*c)) {
            self.take(c);
        }
        let width = self.size("width too big")?.unwrap_or(0);
        let precision =
            if self.take('.') { Some(self.size("precision too big")?.unwrap_or(0)) } else { None };
        if self.peek().is_some_and(|c| "hlL".contains(c)) {
            self.at += 1;
        }
        let index = self.at;
        let Some(conversion) = self.next() else {
            return syntax("incomplete format");
        };
        Ok(Directive { flags, width, precision, conversion, index })
    }

    fn size(&mut self, too_big: &str) -> Result<Option<usize>, Failure> {
        if self.peek() == Some('*') {
            return syntax("* wants int");
        }
        let mut size = None;
        while let Some(digit) = self.peek().and_then(|c| c.to_digit(10)) {
            self.at += 1;
            let next = size.unwrap_or(0usize) * 10 + digit as usize;
            if next > MAX_WIDTH {
                return syntax(too_big);
            }
            size = Some(next);
        }
        Ok(size)
    }
}

#[derive(Clone, Copy, Default)]
struct Flags {
    left: bool,
    zero: bool,
    plus: bool,
    blank: bool,
    alternate: bool,
}

impl Flags {
    /// Notes the flag `c`; false if it is none.
    fn set(&mut self, c: char) -> bool {
        let flag = match c {
            '-' => &mut self.left,
            '0' => &mut self.zero,
            '+' => &mut self.plus,
            ' ' => &mut self.blank,
            '#' => &mut self.alternate,
            _ => return false,
        };
        *flag = true;
        true
    }
}

struct Directive {
    flags: Flags,
    width: usize,
    precision: Option<usize>,
    conversion: char,
    /// Place of the conversion character, for the error text.
    index: usize,
}

impl Directive {
    fn apply(&self, argument: Argument<'_>) -> Result<String, Failure> {
        match (self.conversion, argument) {
            // The reference would put in its whole table of names, environment and all.
            ('s' | 'r' | 'a', Argument::Table) => syntax("not enough arguments for format string"),
            ('s', Argument::Value(Value::Text(text))) => Ok(self.text(text)),
            ('r' | 'a', Argument::Value(Value::Text(text))) => Ok(self.text(&quoted(text))),
            ('s' | 'r' | 'a', Argument::Value(Value::Number(n))) => Ok(self.text(&n.to_string())),
            ('d' | 'i' | 'u' | 'o' | 'x' | 'X', Argument::Value(Value::Number(n))) => Ok(self.number(*n)),
            ('c', argument) => self.character(argument),
            (c @ ('d' | 'i' | 'u'), other) => {
                syntax(format!("%{c} format: a real number is required, not {}", other.type_name()))
            }
            (c @ ('o' | 'x' | 'X'), other) => {
                syntax(format!("%{c} format: an integer is required, not {}", other.type_name()))
            }
            (
                'e' | 'E' | 'f' | 'F' | 'g' | 'G',
                other @ (Argument::Table | Argument::Value(Value::Text(_))),
            ) => syntax(format!("must be real number, not {}", other.type_name())),
            (c, _) => {
                let shown = if ('\x1f'..'\x7e').contains(&c) { c } else { '?' };
                let (code, index) = (u32::from(c), self.index);
                syntax(format!("unsupported format character '{shown}' (0x{code:x}) at index {index}"))
            }
        }
    }

    /// One character, to which a precision means nothing.
    fn character(&self, argument: Argument<'_>) -> Result<String, Failure> {
        match argument {
            Argument::Value(Value::Text(text)) if text.chars().count() == 1 => Ok(self.padded(text)),
            Argument::Value(Value::Number(n)) => match u32::try_from(*n).ok().and_then(char::from_u32) {
                Some(c) => Ok(self.padded(&c.to_string())),
                None => syntax("%c arg not in range(0x110000)"),
            },
            _ => syntax("%c requires int or char"),
        }
    }

    fn text(&self, text: &str) -> String {
        let shown: String = text.chars().take(self.precision.unwrap_or(usize::MAX)).collect();
        self.padded(&shown)
    }

    fn padded(&self, text: &str) -> String {
        let width = self.width;
        if self.flags.left { format!("{text:<width$}") } else { format!("{text:>width$}") }
    }

    fn number(&self, number: i64) -> String {
        let magnitude = number.unsigned_abs();
        let (prefix, digits) = match self.conversion {
            'o' => ("0o", format!("{magnitude:o}")),
            'x' => ("0x", format!("{magnitude:x}")),
            'X' => ("0X", format!("{magnitude:X}")),
            _ => ("", magnitude.to_string()),
        };
        let sign = match number {
            ..0 => "-",
            _ if self.flags.plus => "+",
            _ if self.flags.blank => " ",
            _ => "",
        };
        let head = format!("{sign}{}", if self.flags.alternate { prefix } else { "" });
        let fill =
            if self.flags.zero && !self.flags.left { self.width.saturating_sub(head.len()) } else { 0 };
        let least = fill.max(self.precision.unwrap_or(0));
        self.padded(&format!("{head}{digits:0>least$}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let mut names = Names::of_environment([("X", "50%")]).with("program_name", "cat");
        names.set_number("process_num", 7);
        names
    }

    fn ok(format: &str) -> String {
        expand(format, &names(), "s.o").unwrap()
    }

    fn bad(format: &str) -> String {
        let error = expand(format, &names(), "s.o").unwrap_err();
        error.rsplit_once("formatted: ").map_or(error.clone(), |(_, reason)| reason.to_owned())
    }

    // D-060
    #[test]
    fn directives() {
        assert_eq!(ok("%(program_name)s_%(process_num)02d"), "cat_07");
        assert_eq!(
            ok("%(process_num)d|%(process_num)4x|%(process_num)-4o|%(process_num).3d"),
            "7|   7|7   |007"
        );
        assert_eq!(ok("%(process_num)+d|%(process_num)#x|%(process_num)05s"), "+7|0x7|    7");
        assert_eq!(ok("%(program_name)5s|%(program_name)-5s|%(program_name).2s"), "  cat|cat  |ca");
        assert_eq!(ok("100%% %(ENV_X)s"), "100% 50%");
        assert_eq!(ok("%(process_num)ld"), "7");
    }

    // D-061
    #[test]
    fn errors_in_the_reference_words() {
        assert_eq!(
            expand("/bin/date +%Y", &names(), "program:x.command").unwrap_err(),
            "Format string '/bin/date +%Y' for 'program:x.command' is badly formatted: \
             unsupported format character 'Y' (0x59) at index 12"
        );
        assert_eq!(
            expand("%(nosuch)s", &names(), "program:x.command").unwrap_err(),
            "Format string '%(nosuch)s' for 'program:x.command' contains names ('nosuch') which cannot be \
             expanded. Available names: ENV_X, process_num, program_name"
        );
        assert_eq!(bad("50%"), "incomplete format");
        assert_eq!(bad("%(a"), "incomplete format key");
        assert_eq!(bad("%(program_name)d"), "%d format: a real number is required, not str");
        assert_eq!(bad("%(program_name)x"), "%x format: an integer is required, not str");
        assert_eq!(bad("%(program_name)s %Y"), "not enough arguments for format string");
        assert_eq!(bad("%(program_name)%"), "unsupported format character '%' (0x25) at index 15");
        assert_eq!(bad("%d"), "%d format: a real number is required, not dict");
        assert_eq!(bad("%(program_name)f"), "must be real number, not str");
        assert_eq!(bad("%(process_num)f"), "unsupported format character 'f' (0x66) at index 14");
        assert_eq!(bad("%(process_num)*d"), "* wants int");
        assert_eq!(bad("%(process_num)99999999999999999999d"), "width too big");
        for directive in ["65535d", ".65535d", "-65535s", "065535x", "65535c"] {
            assert_eq!(ok(&format!("%(process_num){directive}")).len(), 65535, "{directive}");
        }
        assert_eq!(bad("%(process_num)65536d"), "width too big");
        assert_eq!(bad("%(process_num).65536d"), "precision too big");
    }

    // D-062
    #[test]
    fn values_put_in_are_not_expanded_again() {
        let names = Names::default().with("a", "%(b)s");
        assert_eq!(expand("%(a)s", &names, "t").unwrap(), "%(b)s");
    }
}
