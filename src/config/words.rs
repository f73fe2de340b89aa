//! Splitting: command lines into words (D-330), environment lists into pairs (D-095 to D-099).

use std::fmt;

use super::expand::HIDDEN;

/// Why a text could not be split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SplitError {
    /// It ends within quotes.
    NoClosingQuotation,
    /// It ends with a backslash.
    NoEscapedCharacter,
}

impl fmt::Display for SplitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoClosingQuotation => "No closing quotation",
            Self::NoEscapedCharacter => "No escaped character",
        })
    }
}

impl std::error::Error for SplitError {}

/// Splits a command into words by the POSIX shell's rules of quoting, and by nothing else of the
/// shell: no variables, no patterns, no comments.
pub fn split_command(command: &str) -> Result<Vec<String>, SplitError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = command.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\\' => word.get_or_insert_default().push(chars.next().ok_or(SplitError::NoEscapedCharacter)?),
            '\'' | '"' => quoted_part(c, &mut chars, word.get_or_insert_default())?,
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

/// Takes up to the closing `quote`. Within double quotes a backslash protects a quote and itself.
fn quoted_part(quote: char, chars: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), SplitError> {
    loop {
        let c = chars.next().ok_or(SplitError::NoClosingQuotation)?;
        if c == quote {
            return Ok(());
        }
        if c != '\\' || quote == '\'' {
            word.push(c);
            continue;
        }
        let protected = chars.next().ok_or(SplitError::NoEscapedCharacter)?;
        if protected != '"' && protected != '\\' {
            word.push('\\');
        }
        word.push(protected);
    }
}

/// Reads `KEY=val,KEY2="val 2"`. A key that comes again keeps its place and gets the later value. The error
/// shows the keys, and of the values nothing: they may be secrets.
pub fn environment(list: &str) -> Result<Vec<(String, String)>, String> {
    let tokens = tokens(list).map_err(|e| e.to_string())?;
    let mut pairs: Vec<(String, String)> = Vec::new();
    // Like the reference, take every fourth token for a comma without looking.
    for group in tokens.chunks(4) {
        let [key, equals, value, ..] = group else {
            return Err(cut_short(&tokens));
        };
        if equals != "=" {
            return Err(cut_short(&tokens));
        }
        let value = value.trim_matches(['\'', '"']).to_owned();
        match pairs.iter_mut().find(|(k, _)| k == key) {
            Some((_, old)) => *old = value,
            None => pairs.push((key.clone(), value)),
        }
    }
    Ok(pairs)
}

/// The keys of what comes before the fault. Behind them, a part of a value may look like a key.
fn cut_short(tokens: &[String]) -> String {
    let mut keys = String::new();
    for group in tokens.chunks(4) {
        match group {
            [key, equals, _, comma] if equals == "=" && comma == "," => keys += &format!("{key}={HIDDEN},"),
            [key, equals, ..] if keys.is_empty() && equals == "=" => {
                keys += &format!("{key}=");
                break;
            }
            _ => break,
        }
    }
    format!("Unexpected end of key/value pairs in value '{keys}{HIDDEN}'")
}

/// The tokens of an environment list: words, quoted parts with their quotes, single characters.
fn tokens(list: &str) -> Result<Vec<String>, SplitError> {
    let mut tokens = Vec::new();
    let mut rest = list.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => {}
            '#' => skip_line(&mut rest),
            '\'' | '"' => {
                let mut token = String::from(c);
                loop {
                    let next = rest.next().ok_or(SplitError::NoClosingQuotation)?;
                    token.push(next);
                    if next == c {
                        break;
                    }
                }
                tokens.push(token);
            }
            _ if is_word(c) => tokens.push(word(c, &mut rest)),
            _ => tokens.push(c.into()),
        }
    }
    Ok(tokens)
}

/// A word that begins with `first`. Quotes within are part of it, and a comment within does not end it.
fn word(first: char, rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    let mut word = String::from(first);
    while let Some(c) = rest.next_if(|c| is_word(*c) || "'\"#".contains(*c)) {
        if c == '#' { skip_line(rest) } else { word.push(c) }
    }
    word
}

fn skip_line(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    rest.find(|c| *c == '\n');
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_/.+-():".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(command: &str) -> Vec<String> {
        split_command(command).unwrap()
    }

    // D-330
    #[test]
    fn commands_split_by_shell_quoting() {
        assert_eq!(split("a  b\n\tc"), ["a", "b", "c"]);
        assert_eq!(split(r#"a'b c'"d e"f"#), ["ab cd ef"]);
        assert_eq!(split(r#""\"\\\n" '\"'"#), [r#""\\n"#, r#"\""#]);
        assert_eq!(split(r"a\ b \'"), ["a b", "'"]);
        assert_eq!(split("'' \"\" x''"), ["", "", "x"]);
        assert_eq!(split("a#b #c $X ~ *"), ["a#b", "#c", "$X", "~", "*"]);
        assert!(split(" \n").is_empty());
    }

    // D-331
    #[test]
    fn commands_that_cannot_be_split() {
        assert_eq!(split_command("a 'b"), Err(SplitError::NoClosingQuotation));
        assert_eq!(split_command("a \"b"), Err(SplitError::NoClosingQuotation));
        assert_eq!(split_command("a\\"), Err(SplitError::NoEscapedCharacter));
        assert_eq!(split_command("\"a\\"), Err(SplitError::NoEscapedCharacter));
    }

    fn pairs(list: &str) -> Vec<(String, String)> {
        environment(list).unwrap()
    }

    fn pair(key: &str, value: &str) -> (String, String) {
        (key.into(), value.into())
    }

    // D-095, D-096
    #[test]
    fn environment_lists() {
        assert_eq!(
            pairs("A=1,B=\"x, y=z #\"\n, C='q'"),
            [pair("A", "1"), pair("B", "x, y=z #"), pair("C", "q")]
        );
        assert_eq!(pairs("A=a_/.+-():9,"), [pair("A", "a_/.+-():9")]);
        assert_eq!(pairs(""), []);
        assert_eq!(pairs("A=1,B=2,A=3"), [pair("A", "3"), pair("B", "2")]);
        assert_eq!(pairs("A=''"), [pair("A", "")]);
        let shown = [
            ("A=a@b", "A=***"),
            ("A=a;b", "A=***"),
            ("A=[1]", "A=***"),
            ("A=", "A=***"),
            ("A", "***"),
            ("A=1,B", "A=***,***"),
            ("A=1,B=2@hunter2=x@c", "A=***,***"),
            ("A 1", "***"),
        ];
        for (list, keys) in shown {
            let error = environment(list).unwrap_err();
            assert_eq!(error, format!("Unexpected end of key/value pairs in value '{keys}'"), "{list}");
        }
        assert_eq!(environment("A='x").unwrap_err(), "No closing quotation");
    }

    // D-097, D-098
    #[test]
    fn oddities_of_environment_lists() {
        assert_eq!(pairs("A=1#x\n,B=2"), [pair("A", "1"), pair("B", "2")]);
        assert_eq!(pairs("A=\"'q'\""), [pair("A", "q")]);
        assert_eq!(pairs("A=$HOME"), [pair("A", "$")]);
        assert_eq!(pairs(r#"A="C:\dir\""#), [pair("A", r"C:\dir\")]);
    }
}
