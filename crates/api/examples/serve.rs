use auth::Mode;
use interactions::{Fhir, Software};
use std::path::PathBuf;
use storage::{Clock, DatabaseUrl, Options, Vault};

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).unwrap();
    let listen: std::net::SocketAddr = std::env::args().nth(2).unwrap().parse()?;
    let base = format!("http://{listen}/fhir");
    let options = Options {
        url: DatabaseUrl::Sqlite(PathBuf::from(path)),
        clock: Clock::system(),
        base: base.clone(),
        connections_max: 8,
    };
    let vault = Vault::open(&options).await?;
    let fhir = Fhir::new(vault, &base, Software { name: "MedVault", version: "0.1.0" });
    let config = api::Config {
        listen,
        mode: Mode::Open,
        fhir,
        workers: None,
        limits: api::Limits::default(),
    };
    let server = api::Server::bind(config, async {
        let _ = tokio::signal::ctrl_c().await;
    })?;
    println!("listening on http://{}/fhir", server.addresses()[0]);
    server.serve().await?;
    Ok(())
}
