//! Sizes as configurations write them: `50MB`, `1 kb`, `1024` (D-082).

/// Why a size could not be read: the text that Python's `int` would have refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadSize(pub String);

/// Reads a size in bytes. Suffixes KB, MB and GB, in any case, are multiples of 1024; there are no
/// fractions and no other suffixes.
pub fn parse(text: &str) -> Result<i64, BadSize> {
    let lower = text.to_lowercase();
    for (suffix, factor) in [("kb", 1 << 10), ("mb", 1 << 20), ("gb", 1i64 << 30)] {
        if let Some(digits) = lower.strip_suffix(suffix) {
            return integer(digits).map(|n| n.saturating_mul(factor));
        }
    }
    integer(&lower)
}

/// Reads an integer as Python's `int()` does: sign, digits with single underscores between them,
/// white space around. Numbers beyond 64 bits are cut to its bounds.
pub fn integer(text: &str) -> Result<i64, BadSize> {
    let bad = || BadSize(text.to_owned());
    let trimmed = text.trim();
    let (negative, digits) = match trimmed.as_bytes().first() {
        Some(b'-') => (true, &trimmed[1..]),
        Some(b'+') => (false, &trimmed[1..]),
        _ => (false, trimmed),
    };
    let groups: Vec<&str> = digits.split('_').collect();
    if groups.iter().any(|g| g.is_empty() || !g.bytes().all(|b| b.is_ascii_digit())) {
        return Err(bad());
    }
    let magnitude = groups.concat().parse::<i64>().unwrap_or(i64::MAX);
    Ok(if negative { -magnitude } else { magnitude })
}

#[cfg(test)]
mod tests {
    use super::*;

    // D-082
    #[test]
    fn suffixes_in_any_case_with_blanks() {
        assert_eq!(parse("50MB"), Ok(50 << 20));
        assert_eq!(parse("1 kb"), Ok(1024));
        assert_eq!(parse("2Gb"), Ok(2 << 30));
        assert_eq!(parse(" 7 "), Ok(7));
        assert_eq!(parse("10q"), Err(BadSize("10q".into())));
        assert_eq!(parse("1.5MB"), Err(BadSize("1.5".into())));
        assert!(parse("5K").is_err() && parse("5M").is_err() && parse("5B").is_err() && parse("").is_err());
    }

    // D-081
    #[test]
    fn integers_as_python_reads_them() {
        assert_eq!(integer("+5"), Ok(5));
        assert_eq!(integer("-5"), Ok(-5));
        assert_eq!(integer("1_000"), Ok(1000));
        assert!(integer("1__0").is_err() && integer("_1").is_err() && integer("- 1").is_err());
        assert_eq!(integer("99999999999999999999"), Ok(i64::MAX));
    }
}
