//! The demo as a person reads it.

use super::cast::Who;
use super::departure::Departure;
use super::round::{Opening, Round, Rules, TEMPLATE};
use super::sight::{Aftermath, Entry, Seen, Waiting};
use crate::exit::Failure;
use crate::output::Output;

/// Columns of a round's table: where each begins, and how wide it is.
const NAME_WIDTH: usize = 9;
const SEEN_WIDTH: usize = 29;
const JOURNAL_WIDTH: usize = 32;
const OPEN_WIDTH: usize = 28;
/// Width of sentences.
const LINE_WIDTH: usize = NAME_WIDTH + SEEN_WIDTH + JOURNAL_WIDTH + OPEN_WIDTH;
/// Characters of a digest that tell it from others.
const DIGEST_CHARACTERS: usize = 12;

/// Before the first round: who and what there is, and what will happen.
pub(super) fn opening(opening: &Opening, output: Output) -> Result<(), Failure> {
    output
        .line("One relay, four devices, one bad day without a network: six ways to settle it.\n")?;
    let organization = format!(
        "{} is a made-up company (template {TEMPLATE}, {} record types). The relay has {} records, {} of them work orders, and listens on {} (QUIC).",
        opening.organization,
        opening.record_types,
        opening.records,
        opening.work_orders,
        opening.relay
    );
    paragraph(&organization, output)?;
    let people: Vec<String> = Who::ALL
        .iter()
        .map(|who| format!("{} ({}, {})", who.name(), who.job(), who.device()))
        .collect();
    let devices = format!(
        "Four devices, each with its own key, directory and storage, were enrolled by ticket and synced in {} ms: {}.",
        opening.milliseconds,
        people.join(", ")
    );
    paragraph(&devices, output)?;
    output.line("\nAll links are cut. Then")?;
    for (scene, told) in &opening.story {
        columns(
            &[(scene, NAME_WIDTH), (told, LINE_WIDTH - NAME_WIDTH)],
            output,
        )?;
    }
    let order: Vec<&str> = Who::ALL.iter().map(|who| who.name()).collect();
    let back = format!(
        "They come back one after another: {}. The stolen phone turns up too; Jonas has a new one by then. Every round plays the same day from scratch under other rules.",
        order.join(", ")
    );
    paragraph(&format!("\n{back}"), output)
}

/// What a round came to. What came out as in the first round is said in one
/// line.
pub(super) fn round(
    number: usize,
    round: &Round,
    first: Option<&Round>,
    output: Output,
) -> Result<(), Failure> {
    output.line(format!("\n{number}  {}", rules(round.rules)))?;
    let (same, other): (Vec<&Aftermath>, Vec<&Aftermath>) =
        round.scenes.iter().partition(|scene| {
            first.is_some_and(|first| {
                first
                    .scenes
                    .iter()
                    .any(|one| one.scene == scene.scene && one.is_like(scene))
            })
        });
    let together = other.iter().all(|scene| scene.seen.len() == 1);
    let heading = if together {
        "ALL FOUR SEE"
    } else {
        "PEOPLE SEE"
    };
    columns(
        &[
            ("", NAME_WIDTH),
            (heading, SEEN_WIDTH),
            ("IN THE JOURNAL", JOURNAL_WIDTH),
            ("WAITS FOR", OPEN_WIDTH),
        ],
        output,
    )?;
    for aftermath in other {
        columns(
            &[
                (aftermath.scene, NAME_WIDTH),
                (&seen(&aftermath.seen), SEEN_WIDTH),
                (&lines(&aftermath.journal, entry), JOURNAL_WIDTH),
                (&lines(&aftermath.open, waiting), OPEN_WIDTH),
            ],
            output,
        )?;
    }
    if !same.is_empty() {
        let names: Vec<&str> = same.iter().map(|scene| scene.scene).collect();
        output.line(format!("  {}: as in round 1", names.join(", ")))?;
    }
    output.line(agreement(round))
}

/// After the last round.
pub(super) fn closing(rounds: &[Round], seconds: f64, output: Output) -> Result<(), Failure> {
    let operations: u64 = rounds.iter().map(|round| round.operations).sum();
    let bytes: u64 = rounds.iter().map(|round| round.bytes).sum();
    let differing = rounds.iter().filter(|round| !round.agree).count();
    let verdict = match differing {
        0 => format!("In all {} rounds relay and devices agree.", rounds.len()),
        _ => format!(
            "In {differing} of {} rounds relay and devices do NOT agree.",
            rounds.len()
        ),
    };
    let sums = format!(
        "\n{verdict} {operations} operations and {:.1} KB after the cuts, {seconds:.1} s for everything. ⚑ marks what waits for a decision and shows what arrived first until then.",
        bytes as f64 / 1000.0
    );
    paragraph(&sums, output)?;
    paragraph(NOTHING_LOST, output)?;
    match rounds
        .iter()
        .flat_map(|round| &round.scenes)
        .flat_map(|scene| &scene.open)
        .find_map(told)
    {
        Some(told) => paragraph(&told, output),
        None => Ok(()),
    }
}

/// A record that left a device.
pub(super) fn departure(departure: &Departure, output: Output) -> Result<(), Failure> {
    let came_back = match departure.came_back {
        true => "He follows it (`cairn record follow`), and with the next sync it is there again.",
        false => "He follows it, and it does NOT come back.",
    };
    let told = format!(
        "\nWho holds what: an offline profile gives Callum the work orders where {}, {} records. The office cancels {}; it leaves his tablet, which says: “{}” `cairn profile explain` says: “{}” {came_back}",
        departure.gives,
        departure.held,
        departure.record,
        departure.device_says,
        departure.explained.join(" ")
    );
    paragraph(&told, output)
}

/// What an author is told whose work was set aside.
fn told(waiting: &Waiting) -> Option<String> {
    match waiting {
        Waiting::Issue {
            user,
            code: "conflict.superseded",
            what,
            they_can,
            ..
        } => Some(format!(
            "In round 3, for one, {user} reads: “{what} {they_can}”"
        )),
        _ => None,
    }
}

const NOTHING_LOST: &str = "\
Nothing was lost: what does not show is in the journal with its author, and rejected work is an issue of its author, \
who can change and resubmit it.";

/// What to try on the directories that were kept.
pub(super) fn kept(folder: &str, output: Output) -> Result<(), Failure> {
    output.line(format!(
        "\nEverything is in {folder}, one folder for each round. To look around:"
    ))?;
    let round = format!("{folder}/flag-field");
    for (command, why) in [
        (format!("conflict list --dir {round}/relay"), "the journal"),
        (
            format!("conflict show 1 --dir {round}/relay"),
            "both sides of a conflict, and what they started from",
        ),
        (
            format!("conflict resolve 1 --dir {round}/priya"),
            "decide it; --help says how",
        ),
        (
            format!("record get work_order:WO-5006 --dir {round}/callum"),
            "a record as Callum sees it",
        ),
        (
            format!("record history work_order:WO-5006 --dir {round}/relay"),
            "who did what, when",
        ),
        (
            format!("issue list --dir {round}/farah"),
            "what waits for Farah",
        ),
        (
            format!("log verify --dir {round}/relay"),
            "check every signature and chain again",
        ),
        (
            format!("relay run --dir {round}/relay"),
            "start the relay again; then, elsewhere,",
        ),
        (format!("device sync --dir {round}/priya"), "sync with it"),
    ] {
        output.line(format!("  cairn {command}\n      {why}"))?;
    }
    Ok(())
}

fn rules(rules: Rules) -> String {
    let meaning = match rules.policy {
        "client-wins" => "who arrives later shows",
        "server-wins" => "what was there first stays, and the later author is told",
        _ => "what was there first shows, marked, until somebody decides",
    };
    format!("{} by {}: {meaning}", rules.policy, rules.by())
}

fn seen(seen: &[Seen]) -> String {
    let all = |seen: &Seen| seen.people.len() == Who::ALL.len();
    let one = |seen: &Seen| {
        if all(seen) {
            seen.shows.clone()
        } else {
            format!("{}: {}", seen.people.join(", "), seen.shows)
        }
    };
    lines(seen, one)
}

fn entry(entry: &Entry) -> String {
    let field = entry
        .label
        .as_deref()
        .map(|label| format!("{label}: "))
        .unwrap_or_default();
    let others = entry.others.join(" or ");
    match entry.outcome {
        "open" => format!("#{} {field}{} or {others}?", entry.number, entry.shown),
        outcome => format!("#{} {field}{others} {outcome}", entry.number),
    }
}

fn waiting(waiting: &Waiting) -> String {
    match waiting {
        Waiting::Conflict { number } => format!("anybody: decide conflict #{number}"),
        Waiting::Issue {
            number, user, code, ..
        } => format!("{user}: issue #{number} {code}"),
    }
}

fn lines<T>(things: &[T], shown: impl Fn(&T) -> String) -> String {
    if things.is_empty() {
        return "–".to_owned();
    }
    things.iter().map(shown).collect::<Vec<_>>().join("\n")
}

fn agreement(round: &Round) -> String {
    let short = |digest: &str| digest.chars().take(DIGEST_CHARACTERS).collect::<String>();
    let sums = format!(
        "{} operations, {:.1} KB, {} ms",
        round.operations,
        round.bytes as f64 / 1000.0,
        round.milliseconds
    );
    if round.agree {
        return format!(
            "  relay and {} devices have digest {} · {sums}",
            round.digests.len() - 1,
            short(&round.digests[0].digest)
        );
    }
    let each: Vec<String> = round
        .digests
        .iter()
        .map(|digest| format!("{} {}", digest.of, short(&digest.digest)))
        .collect();
    format!("  DIGESTS DIFFER: {} · {sums}", each.join(", "))
}

fn paragraph(text: &str, output: Output) -> Result<(), Failure> {
    for line in wrapped(text, LINE_WIDTH) {
        output.line(line)?;
    }
    Ok(())
}

/// Texts side by side, each in its width.
fn columns(cells: &[(&str, usize)], output: Output) -> Result<(), Failure> {
    let cells: Vec<(Vec<String>, usize)> = cells
        .iter()
        .map(|(text, width)| (wrapped(text, width - 1), *width))
        .collect();
    let height = cells
        .iter()
        .map(|(lines, _)| lines.len())
        .max()
        .unwrap_or(0);
    for row in 0..height {
        let part = |(lines, width): &(Vec<String>, usize)| {
            let text = lines.get(row).map_or("", String::as_str);
            format!(
                "{text}{}",
                " ".repeat(width.saturating_sub(text.chars().count()))
            )
        };
        let line: String = cells.iter().map(part).collect();
        output.line(format!("  {}", line.trim_end()))?;
    }
    Ok(())
}

/// Lines of at most `width` characters, broken between words.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for part in text.split('\n') {
        let mut line = String::new();
        for word in part.split(' ') {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
                lines.push(std::mem::take(&mut line));
            } else if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_broken_between_words() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("one\ntwo three", 20), ["one", "two three"]);
        assert_eq!(wrapped("incomprehensible", 4), ["incomprehensible"]);
    }
}
