//! What it costs to check an access token: `cargo bench -p storage --bench token [-- URL...]`. Without a URL, on SQLite in
//! memory's stead: a fresh directory.

#![expect(clippy::print_stdout, reason = "it is there to say what it measured")]

use std::{
    error::Error,
    time::{Duration, Instant as Moment},
};

use fhir_model::Instant;
use storage::{
    Clock, Options, Vault,
    accounts::{Consent, Minting},
};

/// How long is measured, and how many tokens are asked for in turns.
const TIME: Duration = Duration::from_secs(3);
const TOKENS: usize = 100;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::temp_dir().join(format!("medvault-token-{}", std::process::id()));
    std::fs::create_dir_all(&directory)?;
    let mut urls: Vec<String> =
        std::env::args().skip(1).filter(|it| !it.starts_with('-')).collect();
    if urls.is_empty() {
        urls.push(format!("sqlite:{}/vault.sqlite", directory.display()));
    }
    for url in urls {
        measure(&url).await?;
    }
    std::fs::remove_dir_all(&directory)?;
    Ok(())
}

async fn measure(url: &str) -> Result<(), Box<dyn Error>> {
    let (base, connections_max) = ("http://own.example/fhir".to_owned(), 4);
    let options = Options { url: url.parse()?, clock: Clock::system(), base, connections_max };
    let vault = Vault::open(&options).await?;
    let accounts = vault.accounts();
    let mut tokens = Vec::new();
    for _ in 0..TOKENS {
        let scopes = "user/*.cruds";
        let consent = Consent { scopes: scopes.to_owned(), ..Consent::default() };
        let id = accounts.keep_consent(&consent).await?;
        let expires = Instant::from_millis(accounts.now().millis() + 3_600_000);
        let minting = Minting { consent: &id, scopes, expires, refresh_expires: None };
        tokens.push(accounts.mint(&minting).await?.access);
    }
    for (what, tokens) in [("one token", tokens.get(..1)), ("a hundred tokens", Some(&tokens[..]))]
    {
        let tokens = tokens.unwrap_or_default();
        let (started, mut checks) = (Moment::now(), 0_u32);
        while started.elapsed() < TIME {
            for token in tokens {
                assert!(accounts.grant(token).await?.is_some(), "it is valid");
                checks += 1;
            }
        }
        let each = started.elapsed().as_secs_f64() * 1e6 / f64::from(checks);
        let kind = url.split(':').next().unwrap_or_default();
        println!("{kind}, {what}: {each:.2} us a check, what is looked up every 200 ms included");
    }
    Ok(())
}
