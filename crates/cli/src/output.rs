//! What is shown: data on stdout, everything else on stderr.

use crate::control::Step;
use crate::exit::{Exit, Failure};
use comfy_table::{ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use std::io::{self, IsTerminal, Write};

/// Where output goes, and in which form.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    /// Whether data is JSON.
    pub(crate) json: bool,
}

impl Output {
    /// One line of data.
    pub(crate) fn line(&self, text: impl AsRef<str>) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        written(writeln!(out, "{}", text.as_ref()))
    }

    /// Data as it is.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        written(out.write_all(bytes).and_then(|()| out.flush()))
    }

    /// One JSON value: in lines for a person, compact for a program.
    pub(crate) fn json(&self, value: &impl Serialize) -> Result<(), Failure> {
        let text = if io::stdout().is_terminal() {
            serde_json::to_string_pretty(value)
        } else {
            serde_json::to_string(value)
        };
        match text {
            Ok(text) => self.line(text),
            Err(error) => Err(Failure::usage(format!(
                "the answer cannot be written as JSON: {error}"
            ))),
        }
    }

    /// A table, as wide as the terminal; columns apart by blanks elsewhere.
    pub(crate) fn table(&self, heading: &[&str], rows: Vec<Vec<String>>) -> Result<(), Failure> {
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled);
        if let Some(width) = terminal_width() {
            table
                .set_content_arrangement(ContentArrangement::Dynamic)
                .set_width(width);
        }
        table.set_header(heading.iter().map(|name| name.to_uppercase()));
        table.add_rows(rows);
        table.column_iter_mut().for_each(|column| {
            column.set_padding((0, 2));
        });
        let text: Vec<String> = table
            .lines()
            .map(|line| line.trim_end().to_owned())
            .collect();
        self.line(text.join("\n"))
    }

    /// Facts about one thing, a line each.
    pub(crate) fn facts(&self, facts: &[(&str, String)]) -> Result<(), Failure> {
        let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        facts
            .iter()
            .try_for_each(|(name, value)| self.line(format!("{name:width$}  {value}").trim_end()))
    }

    /// A sentence for the person: on stderr, so that data stays data.
    pub(crate) fn say(&self, text: impl AsRef<str>) {
        writeln!(io::stderr().lock(), "{}", text.as_ref()).ok();
    }

    /// Why the command failed: a sentence for a person, one JSON object on a
    /// line for a program.
    pub(crate) fn failure(&self, failure: &Failure) {
        let told = serde_json::to_string(&failure.told());
        match told.ok().filter(|_| self.json) {
            Some(object) => self.say(object),
            None => self.say(format!("cairn: {failure}")),
        }
    }

    /// A bar for long work, where a person watches.
    pub(crate) fn bar(&self) -> Bar {
        Bar {
            bar: None,
            shown: io::stderr().is_terminal() && !self.json,
            silent: self.json,
        }
    }
}

fn terminal_width() -> Option<u16> {
    if !io::stdout().is_terminal() {
        return None;
    }
    terminal_size::terminal_size().map(|(width, _)| width.0)
}

/// Whoever reads stdout may stop early; that is no failure.
fn written(outcome: io::Result<()>) -> Result<(), Failure> {
    match outcome {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Done, ""))
        }
        Err(error) => Err(Failure::storage(format!(
            "the output cannot be written: {error}"
        ))),
    }
}

/// A progress bar that appears with the first step.
pub(crate) struct Bar {
    bar: Option<ProgressBar>,
    shown: bool,
    silent: bool,
}

impl Bar {
    /// Shows how far the work has come.
    pub(crate) fn show(&mut self, step: &Step) {
        if step.aloud {
            self.say(&step.what);
            return;
        }
        if !self.shown {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
        });
        let template = if step.total.is_some() {
            "{msg} {wide_bar} {human_pos}/{human_len} {eta}"
        } else {
            "{msg} {human_pos} {per_sec}"
        };
        if bar.length() != step.total || bar.message() != step.what {
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            match step.total {
                Some(total) => bar.set_length(total),
                None => bar.unset_length(),
            }
            bar.set_message(step.what.clone());
        }
        bar.set_position(step.done);
    }

    fn say(&self, sentence: &str) {
        match &self.bar {
            _ if self.silent => {}
            Some(bar) => bar.println(sentence),
            None => {
                writeln!(io::stderr().lock(), "{sentence}").ok();
            }
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A number of things: `1 operation`, `2 operations`.
pub(crate) fn count(number: u64, thing: &str) -> String {
    if number == 1 {
        format!("1 {thing}")
    } else {
        format!("{number} {thing}s")
    }
}
