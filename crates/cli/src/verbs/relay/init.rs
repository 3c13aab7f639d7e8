//! `cairn relay init`.

use crate::args::relay::InitArgs;
use crate::context::Context;
use crate::control::{Answer, Command};
use crate::exit::{Exit, Failure};
use crate::settings::{Directory, Owner, RelaySettings, make_private_directory};
use crate::verbs::org::{OrgAnswer, OrgCommand};
use crate::{folder, key_file};
use cairn_model::text::{self, SourceFile};
use cairn_model::{Definition, OrganizationId};
use serde::Serialize;
use std::path::Path;

const TEMPLATE_DEFAULT: &str = "field-service";

/// The relay that was made.
#[derive(Debug, Serialize)]
struct Made {
    directory: String,
    name: String,
    organization: String,
    key: String,
    listen: String,
    record_types: usize,
    users: Vec<String>,
}

pub(super) async fn run(args: InitArgs, context: &Context) -> Result<Exit, Failure> {
    let directory = &context.directory;
    let files = definition_files(&args)?;
    let definition = crate::verbs::org::read_definition(&files, &Definition::default())?;
    check_listen(&args.listen)?;
    refuse_other_owner(directory).await?;
    make_private_directory(&directory.path)?;
    make_private_directory(&directory.data())?;
    let key = key_file::read_or_create(&directory.relay_key())?;
    let settings = settings(&args, directory)?;

    let mut session = context.session().await?;
    let command = OrgCommand::Publish {
        files: files
            .into_iter()
            .map(|file| (file.path, file.text))
            .collect(),
        name: args.name.clone(),
    };
    let published = session.run(Command::Org(command)).await;
    session.close().await;
    let Answer::Org(OrgAnswer::Published(_)) = published? else {
        return Err(Failure::other_answer());
    };
    read_back(context).await?;
    let made = Made {
        directory: directory.path.display().to_string(),
        name: args.name.unwrap_or(definition.name),
        organization: settings.organization.to_string(),
        key: key.public().to_string(),
        listen: settings.listen,
        record_types: definition.types.len(),
        users: definition.users.into_keys().collect(),
    };
    show(&made, context)?;
    Ok(Exit::Done)
}

/// Opens what was made once more: it is there, whole, and the next start has
/// nothing to recover.
async fn read_back(context: &Context) -> Result<(), Failure> {
    match super::ask(context, super::RelayCommand::Status { digest: false }).await? {
        super::RelayAnswer::Status(_) => Ok(()),
        _ => Err(Failure::other_answer()),
    }
}

fn definition_files(args: &InitArgs) -> Result<Vec<SourceFile>, Failure> {
    if let Some(org) = &args.org {
        return folder::read(org);
    }
    let name = args.template.as_deref().unwrap_or(TEMPLATE_DEFAULT);
    text::template(name).ok_or_else(|| Failure::not_found(format!("there is no template `{name}`")))
}

fn check_listen(listen: &str) -> Result<(), Failure> {
    match listen
        .rsplit_once(':')
        .and_then(|(_, port)| port.parse::<u16>().ok())
    {
        Some(_) => Ok(()),
        None => Err(Failure::usage(format!(
            "`{listen}` is no address to listen on; write HOST:PORT, such as 127.0.0.1:4433"
        ))),
    }
}

/// A directory can be a relay's or a device's, and a relay is made once. One
/// whose making was cut short is made to the end.
async fn refuse_other_owner(directory: &Directory) -> Result<(), Failure> {
    match directory.owner() {
        None => Ok(()),
        Some(Owner::Device) => Err(Failure::usage(format!(
            "{} is the directory of a device; a relay needs one of its own",
            directory.path.display()
        ))),
        Some(Owner::Relay) if is_published(directory).await? => Err(Failure::usage(format!(
            "there is a relay in {} already; `cairn relay run` starts it, and `cairn org publish` changes its definition",
            directory.path.display()
        ))),
        Some(Owner::Relay) => Ok(()),
    }
}

async fn is_published(directory: &Directory) -> Result<bool, Failure> {
    let relay = match crate::session::open_relay(directory, None).await {
        Ok(relay) => relay,
        Err(error) => return Err(error.into()),
    };
    let number = match relay.host.relay() {
        Ok(host) => host.look(|relay| relay.state().definition().number).await,
        Err(failure) => Err(failure),
    };
    relay.stop().await;
    Ok(number? > 0)
}

fn settings(args: &InitArgs, directory: &Directory) -> Result<RelaySettings, Failure> {
    if Path::exists(&directory.relay_file()) {
        return RelaySettings::read(directory);
    }
    let settings = RelaySettings {
        organization: OrganizationId(key_file::random()?),
        listen: args.listen.clone(),
        address: args.address.clone(),
    };
    settings.write(directory)?;
    Ok(settings)
}

fn show(made: &Made, context: &Context) -> Result<(), Failure> {
    let output = &context.output;
    if output.json {
        return output.json(made);
    }
    output.facts(&[
        ("relay", format!("made in {}", made.directory)),
        (
            "organization",
            format!("{} ({})", made.name, made.organization),
        ),
        ("relay key", made.key.clone()),
        ("record types", made.record_types.to_string()),
        ("users", made.users.join(", ")),
    ])?;
    let user = made.users.first().map_or("LOGIN", String::as_str);
    output.say(format!(
        "Keep relay.key safe: who has it can speak for this relay.\nNext: cairn relay run --dir {dir}\n      cairn relay ticket --dir {dir} --user {user}",
        dir = made.directory
    ));
    Ok(())
}
