//! What a fault came to: claims, and whether they held.

use std::fmt::Write;

/// Whether a claim held, with what there is to tell of it.
pub type Verdict = Result<String, String>;

/// A claim about a fault.
#[derive(Clone, Debug)]
pub struct Row {
    claim: &'static str,
    verdict: Verdict,
}

/// The claims about one fault.
#[derive(Clone, Debug)]
pub struct Report {
    /// Its name, as that of its test.
    pub fault: &'static str,
    /// It cannot be injected here.
    pub left_out: bool,
    rows: Vec<Row>,
}

/// Held, if this is so; the detail is told either way.
pub fn held(is_so: bool, detail: impl Into<String>) -> Verdict {
    if is_so { Ok(detail.into()) } else { Err(detail.into()) }
}

impl Report {
    /// Nothing claimed yet.
    pub fn new(fault: &'static str) -> Self {
        Self { fault, left_out: false, rows: Vec::new() }
    }

    /// One more claim.
    pub fn claim(&mut self, claim: &'static str, verdict: Verdict) {
        self.rows.push(Row { claim, verdict });
    }

    /// It needs what there is not here, such as root.
    pub fn leave_out(&mut self) {
        self.left_out = true;
    }

    /// Claims that did not hold.
    pub fn broken(&self) -> Vec<String> {
        let broken = self.rows.iter().filter_map(|row| Some((row.claim, row.verdict.as_ref().err()?)));
        broken.map(|(claim, why)| format!("{}: {claim}: {why}", self.fault)).collect()
    }

    /// Lines of the table: fault, claim, held or not; with what there is to tell, where that is wanted.
    pub fn lines(&self, with_details: bool) -> String {
        let mut lines = String::new();
        let fault = self.fault.replace('_', " ");
        for row in &self.rows {
            let (held, detail) = match &row.verdict {
                Ok(detail) => ("held", detail),
                Err(why) => ("NOT HELD", why),
            };
            let _ = write!(lines, "| {fault} | {} | {held} |", row.claim);
            if with_details {
                let _ = write!(lines, " {} |", detail.replace('\n', " "));
            }
            lines.push('\n');
        }
        lines
    }
}
