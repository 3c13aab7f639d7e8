//! `cairn lab check-policy`.

use crate::args::lab::CheckPolicyArgs;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use cairn_lab::policies::{Breach, RandomWinner, check_policy};
use cairn_policy::Policy;
use serde_json::json;

/// Tries the policy and says which laws it breaks.
pub(super) fn run(args: &CheckPolicyArgs, output: Output) -> Result<Exit, Failure> {
    let name = args.name.as_str();
    let random = RandomWinner { seed: 0 };
    let policy: &dyn Policy = match name {
        "random-winner" => &random,
        "oracle" => {
            return Err(Failure::usage(
                "the oracle knows how each ledger ends, and so is no policy that could be tried; it is there to be compared with",
            ));
        }
        name => cairn_policy::named(name).ok_or_else(|| {
            Failure::not_found(format!(
                "there is no policy `{name}`; there are: {}, random-winner",
                cairn_policy::ids().join(", ")
            ))
        })?,
    };
    let breaches = check_policy(policy);
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
