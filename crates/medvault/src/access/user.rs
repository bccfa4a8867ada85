//! `medvault user`: who may log in.

use auth::User;
use clap::{Args, Subcommand};
use storage::accounts::NewAccount;

use super::{instant, open, reference, refuse};
use crate::{config::Config, console, trouble::Trouble};

/// The roles that an account may have.
pub(super) const ROLES: [&str; 11] = [
    "patient",
    "proxy",
    "doctor",
    "intern",
    "hospital",
    "bed-manager",
    "insurer",
    "researcher",
    "admin",
    "auditor",
    "device",
];

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Make an account, or change the one of that login
    Add(Box<Add>),
    /// Print every account, one a line: login, role, fhirUser, organization, end
    List,
    /// Tie whom an OpenID provider names by a subject to an account
    Link {
        /// The login
        login: String,
        /// The provider, by the letter as it names itself
        #[arg(long, value_name = "URL")]
        issuer: String,
        /// Its `sub` for the person
        #[arg(long)]
        subject: String,
    },
    /// End an account now, with every token that came of it
    Expire {
        /// The login
        login: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Add {
    /// The name to log in with
    #[arg(long)]
    login: String,
    /// What the account is for
    #[arg(long, value_parser = ROLES)]
    role: String,
    /// Who they are in the record: Patient/1, Practitioner/1, RelatedPerson/1
    #[arg(long, value_name = "REF")]
    fhir_user: Option<String>,
    /// The organization they work for: Organization/1
    #[arg(long, value_name = "REF")]
    organization: Option<String>,
    /// An intern's supervisor: Practitioner/1
    #[arg(long, value_name = "REF")]
    supervisor: Option<String>,
    /// When the account ends by the clock: 2027-06-30T00:00:00Z
    #[arg(long, value_name = "INSTANT")]
    until: Option<String>,
    /// The password; without one nobody logs in, but tokens can be minted
    #[arg(long, value_name = "P")]
    password: Option<String>,
}

/// Carries a command out; whether it did anything.
pub(crate) async fn run(config: &Config, command: UserCommand) -> Result<bool, Trouble> {
    let accounts = open(config).await?;
    match command {
        UserCommand::Add(add) => {
            accounts.add_user(account(*add)?).await?;
            Ok(true)
        }
        UserCommand::List => {
            for account in accounts.users().await? {
                console::say(&line(&account.user));
            }
            Ok(true)
        }
        UserCommand::Link { login, issuer, subject } => {
            accounts.link((&issuer, &subject), &login).await?;
            Ok(true)
        }
        UserCommand::Expire { login } => {
            let was_there = accounts.expire_user(&login).await?;
            if !was_there {
                console::remark(&format!("There is no account {login}"));
            }
            Ok(was_there)
        }
    }
}

fn account(add: Add) -> Result<NewAccount, Trouble> {
    const PEOPLE: [&str; 7] = [
        "Patient",
        "Practitioner",
        "PractitionerRole",
        "RelatedPerson",
        "Person",
        "Organization",
        "Device",
    ];
    let checked =
        |text: Option<String>, types: &[&str]| text.map(|text| reference(text, types)).transpose();
    let until = match add.until {
        None => None,
        Some(text) => Some(instant(&text).ok_or_else(|| {
            refuse(format!("--until {text:?}: write a time such as 2027-06-30T00:00:00Z"))
        })?),
    };
    if add.role == "intern" && add.supervisor.is_none() {
        return Err(refuse("An intern has a supervisor: add --supervisor Practitioner/ID"));
    }
    let user = User {
        login: add.login,
        role: add.role,
        fhir_user: checked(add.fhir_user, &PEOPLE)?,
        organization: checked(add.organization, &["Organization"])?,
        supervisor: checked(add.supervisor, &["Practitioner", "PractitionerRole"])?,
        until,
    };
    Ok(NewAccount { user, password: add.password })
}

fn line(user: &User) -> String {
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let until = user.until.map_or_else(|| "-".to_owned(), |until| until.to_string());
    let (who, of) = (or_dash(&user.fhir_user), or_dash(&user.organization));
    format!("{}\t{}\t{who}\t{of}\t{until}", user.login, user.role)
}
