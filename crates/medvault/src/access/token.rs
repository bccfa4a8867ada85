//! `medvault token`: an access token minted straight in the database, for scripts and tests.

use auth::oauth::{answer::Context, scopes};
use clap::Args;
use fhir_model::Instant;
use storage::{
    Accounts,
    accounts::{Consent, Minting},
};

use super::{open, refuse};
use crate::{config::Config, console, trouble::Trouble};

#[derive(Debug, Args)]
pub(crate) struct TokenWish {
    /// What it opens, separated by blanks: "user/*.rs"
    #[arg(long, value_name = "S")]
    scope: String,
    /// The login of the person it is for; without this and --client it is the operator's
    #[arg(long, value_name = "L")]
    user: Option<String>,
    /// Logical id of the patient in context
    #[arg(long, value_name = "ID")]
    patient: Option<String>,
    /// The client that holds it
    #[arg(long, value_name = "ID")]
    client: Option<String>,
    /// For how long
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, value_parser = clap::value_parser!(i64).range(1..=31_536_000))]
    expires: i64,
}

impl TokenWish {
    /// A token of a person, for an hour.
    pub(crate) fn of(login: &str, scope: &str, patient: Option<String>) -> Self {
        let (scope, user) = (scope.to_owned(), Some(login.to_owned()));
        Self { scope, user, patient, client: None, expires: 3600 }
    }
}

/// Prints a token.
pub(crate) async fn run(config: &Config, wish: TokenWish) -> Result<bool, Trouble> {
    let accounts = open(config).await?;
    let token = mint(&accounts, wish).await?;
    console::say(&token);
    Ok(true)
}

/// Mints a token.
pub(crate) async fn mint(accounts: &Accounts, wish: TokenWish) -> Result<String, Trouble> {
    scopes::parse(&wish.scope).map_err(|why| refuse(why.why))?;
    if let Some(login) = &wish.user
        && accounts.user(login).await?.is_none()
    {
        return Err(refuse(format!("There is no account {login}: medvault user add")));
    }
    if let Some(id) = &wish.client
        && accounts.client(id).await?.is_none()
    {
        return Err(refuse(format!("There is no client {id}: medvault client add")));
    }
    let consent = Consent {
        client: wish.client,
        login: wish.user,
        scopes: wish.scope,
        context: Context { patient: wish.patient, ..Context::default() },
        ..Consent::default()
    };
    let id = accounts.keep_consent(&consent).await?;
    let minting = Minting {
        consent: &id,
        scopes: &consent.scopes,
        expires: Instant::from_millis(accounts.now().millis() + wish.expires * 1000),
        refresh_expires: None,
    };
    Ok(accounts.mint(&minting).await?.access)
}
