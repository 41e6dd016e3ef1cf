//! `doctor`: each step that was tried, whether it is right, and at the end the cause.

use serde::Serialize;

use super::{Exit, Output, Shown, figures::plain};
use crate::doctor::{Finding, Verdict, cause};

/// The whole answer.
#[derive(Debug, Serialize)]
struct Examined<'a> {
    /// The step of the first problem; null where there is none.
    cause: Option<&'a str>,
    findings: &'a [Finding],
}

/// Prints what was found. It ends well where nothing is in the way.
pub fn write_findings(findings: &[Finding], output: &Output) -> Result<(), Exit> {
    let cause = cause(findings);
    match output.shown {
        Shown::Json => output.json(&Examined { cause: cause.map(|cause| cause.step), findings })?,
        Shown::ForPeople => output.result(&findings.iter().map(lines).collect::<String>())?,
    }
    match cause {
        None => Ok(()),
        Some(cause) => Err(Exit::failed("This is in the way", &cause.what, &cause.now)),
    }
}

fn lines(finding: &Finding) -> String {
    let sign = match finding.verdict {
        Verdict::Ok => "ok      ",
        Verdict::Note => "note    ",
        Verdict::Problem => "PROBLEM ",
    };
    let now = if finding.now.is_empty() { String::new() } else { format!("          {}\n", plain(&finding.now)) };
    format!("{sign}  {}\n{now}", plain(&finding.what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_do_stands_under_what_was_found() {
        let finding = Finding {
            step: "clock",
            verdict: Verdict::Problem,
            what: "It is late.\u{1b}[2J".into(),
            now: "Go.".into(),
        };

        assert_eq!(lines(&finding), "PROBLEM   It is late.\u{fffd}[2J\n          Go.\n");
    }
}
