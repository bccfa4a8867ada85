//! `medvault client`: which apps and systems there are.

use std::{fs, path::PathBuf};

use auth::oauth::{
    client::{About, Client, Method, Status},
    registration,
};
use clap::{Args, Subcommand};

use super::{open, reference, refuse};
use crate::{config::Config, console, trouble::Trouble};

#[derive(Debug, Subcommand)]
pub(crate) enum ClientCommand {
    /// Register a client, or change the one of that id
    ///
    /// With --jwks it signs who it is (`private_key_jwt`), with --secret it sends that (`client_secret_basic`), else it
    /// is public. With system/ scopes and --jwks it may act on its own (`client_credentials`).
    Add(Box<Add>),
    /// Print every client, one a line: id, state, how it proves itself, scopes
    List,
    /// Let a client in that registered itself and waits
    Approve {
        /// The client's id
        id: String,
    },
    /// End a client now, with every token that it holds
    Revoke {
        /// The client's id
        id: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Add {
    /// The id it calls itself by
    #[arg(long)]
    id: String,
    /// The name that people see
    #[arg(long)]
    name: Option<String>,
    /// Where a browser is sent back to; may be repeated
    #[arg(long = "redirect-uri", value_name = "U")]
    redirect_uris: Vec<String>,
    /// Where an EHR launches it; may be repeated
    #[arg(long = "launch-uri", value_name = "U")]
    launch_uris: Vec<String>,
    /// A file with its public keys, a JWK set
    #[arg(long, value_name = "FILE", conflicts_with = "secret")]
    jwks: Option<PathBuf>,
    /// Its secret
    #[arg(long, value_name = "S")]
    secret: Option<String>,
    /// What it may ask for at most, separated by blanks
    #[arg(long, value_name = "S")]
    scope: Option<String>,
    /// The organization it acts for: Organization/1
    #[arg(long, value_name = "REF")]
    organization: Option<String>,
}

/// Carries a command out; whether it did anything.
pub(crate) async fn run(config: &Config, command: ClientCommand) -> Result<bool, Trouble> {
    let accounts = open(config).await?;
    match command {
        ClientCommand::Add(add) => {
            let secret = add.secret.as_deref().map(|secret| accounts.keyed_secret(secret));
            let client = client(*add, secret)?;
            accounts.keep_client(&client, None).await?;
            Ok(true)
        }
        ClientCommand::List => {
            for registered in accounts.clients().await? {
                console::say(&line(&registered.client));
            }
            Ok(true)
        }
        ClientCommand::Approve { id } => {
            let was_there = accounts.approve_client(&id).await?;
            if !was_there {
                console::remark(&format!("No client {id} waits"));
            }
            Ok(was_there)
        }
        ClientCommand::Revoke { id } => {
            let was_there = accounts.revoke_client(&id).await?;
            if !was_there {
                console::remark(&format!("There is no client {id}"));
            }
            Ok(was_there)
        }
    }
}

fn client(add: Add, secret: Option<String>) -> Result<Client, Trouble> {
    let jwks = match &add.jwks {
        None => None,
        Some(path) => {
            let text = fs::read_to_string(path);
            let text = text.map_err(Trouble::when(format!("read {}", path.display())))?;
            let keys = serde_json::from_str(&text);
            Some(keys.map_err(|error| refuse(format!("{}: {error}", path.display())))?)
        }
    };
    let method = match (&jwks, &secret) {
        (Some(_), _) => Method::PrivateKeyJwt,
        (None, Some(_)) => Method::ClientSecretBasic,
        (None, None) => Method::None,
    };
    let about = About {
        client_name: add.name.unwrap_or_default(),
        redirect_uris: add.redirect_uris,
        launch_uris: add.launch_uris,
        token_endpoint_auth_method: method,
        scope: add.scope.unwrap_or_default(),
        jwks,
        ..About::default()
    };
    let about = registration::complete(about).map_err(|why| refuse(why.why))?;
    let organization =
        add.organization.map(|text| reference(text, &["Organization"])).transpose()?;
    Ok(Client { id: add.id, status: Status::Active, organization, secret, about })
}

fn line(client: &Client) -> String {
    let method = match client.about.token_endpoint_auth_method {
        Method::None => "public",
        Method::ClientSecretBasic => "client_secret_basic",
        Method::ClientSecretPost => "client_secret_post",
        Method::PrivateKeyJwt => "private_key_jwt",
    };
    format!("{}\t{}\t{method}\t{}", client.id, client.status.name(), client.about.scope)
}
