//! `cairn lab check-policy`.

use super::script;
use crate::args::lab::CheckPolicyArgs;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use cairn_lab::policies::{Breach, Given, Guarded, RandomWinner, check_policy, check_script};
use cairn_policy::Policy;
use serde_json::json;

/// Tries the policy and says which laws it breaks.
pub(super) fn run(args: &CheckPolicyArgs, output: Output) -> Result<Exit, Failure> {
    let name = args.name.as_str();
    let random = RandomWinner { seed: 0 };
    let guarded;
    let (policy, breaches): (&dyn Policy, Vec<Breach>) = match name {
        "oracle" => {
            return Err(Failure::usage(
                "the oracle knows how each ledger ends, and so is no policy that could be tried; it is there to be compared with",
            ));
        }
        "random-winner" => (&random, check_policy(&random)),
        name if script::is_file(name) => {
            let script = script::read(name)?;
            let breaches = check_script(&script);
            guarded = Guarded::new(Given::Script(script));
            (&guarded, breaches)
        }
        name => {
            let policy = cairn_policy::named(name).ok_or_else(|| script::unknown(name))?;
            (policy, check_policy(policy))
        }
    };
    told(policy, &breaches, output)?;
    Ok(match breaches.is_empty() {
        true => Exit::Done,
        false => Exit::No,
    })
}

fn told(policy: &dyn Policy, breaches: &[Breach], output: Output) -> Result<(), Failure> {
    let sentences: Vec<String> = breaches.iter().map(ToString::to_string).collect();
    if output.json {
        return output.json(&json!({
            "policy": policy.id(),
            "version": policy.version(),
            "order_insensitive": policy.order_insensitive(),
            "compares_values": policy.compares_values(),
            "breaches": sentences,
        }));
    }
    let yes = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    output.facts(&[
        (
            "policy",
            format!("{}, version {}", policy.id(), policy.version()),
        ),
        ("order of arrival matters", yes(!policy.order_insensitive())),
        ("compares values", yes(policy.compares_values())),
    ])?;
    sentences
        .iter()
        .try_for_each(|sentence| output.line(sentence))?;
    output.say(match sentences.len() {
        0 => "It keeps every law in every contest it was tried on.",
        _ => "It breaks a law, so that results under it mean nothing.",
    });
    Ok(())
}
