//! `serve`: opens the vault and answers until told to stop.

use std::{
    fs::{self, DirBuilder},
    io,
    net::TcpListener,
    os::unix::fs::DirBuilderExt as _,
    path::Path,
    time::Duration,
};

use api::{Server, Tls};
use auth::Mode;
use interactions::{Fhir, Software};
use storage::{Clock, Drift, Options, Vault};
use tokio::signal::unix::{SignalKind, signal};

use crate::{config::Config, console, trouble::Trouble};

/// Serves until SIGTERM or SIGINT.
pub(crate) async fn run(config: Config) -> Result<(), Trouble> {
    let config = with_port(config)?;
    let stop = stop_signal()?;
    let fhir = open(&config).await?;
    listen(&config, fhir, stop).await
}

/// Opens the vault behind its FHIR service.
pub(crate) async fn open(config: &Config) -> Result<Fhir, Trouble> {
    make_private(&config.data_dir)?;
    let options = options(config);
    let vault = Vault::open(&options).await?;
    vault.clean_beds(config.bed_cleaning);
    if let Some(seconds) = config.bed_order_due_seconds {
        vault.expect_orders_within(seconds);
    }
    let software = Software { name: "MedVault", version: env!("CARGO_PKG_VERSION") };
    let fhir = Fhir::new(vault, &options.base, software);
    let fhir = fhir
        .holding_beds_for(config.bed_hold_seconds)
        .keeping_bed_decisions_for(config.bed_decision_days)
        .answering_studies(config.study_questions);
    // where everybody is the operator, there is nobody to be named
    let is_audited = config.mode() == Mode::Smart && config.has_audit;
    Ok(if is_audited { fhir.audited() } else { fhir })
}

/// How the configuration says to open the vault.
pub(crate) fn options(config: &Config) -> Options {
    Options {
        url: config.database.clone(),
        clock: Clock::system(),
        base: config.base(),
        connections_max: config.connections_max,
    }
}

/// Answers requests until told to stop.
pub(crate) async fn listen(
    config: &Config,
    fhir: Fhir,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Trouble> {
    let base = fhir.base().to_owned();
    let sweeping = sweep_beds(fhir.clone());
    let tls = config.certificate.as_deref().map(tls).transpose()?;
    let server = Server::bind(
        api::Config {
            listen: config.listen,
            mode: config.mode(),
            fhir,
            workers: config.workers,
            limits: config.limits.clone(),
            tls,
            issuer: config.issuer.clone(),
            sign_in: config.sign_in(),
        },
        stop,
    );
    let listening_on = format!("listen on {}", config.listen);
    let server = server.map_err(Trouble::when(listening_on))?;
    console::say(&format!("listening on {base}"));
    tokio::select! {
        served = server.serve() => served.map_err(Trouble::when("serve")),
        () = sweeping => Ok(()),
    }
}

/// The certificate and the key of a file.
fn tls(file: &Path) -> Result<Tls, Trouble> {
    let pem = fs::read(file).map_err(Trouble::when(format!("read {}", file.display())))?;
    let read = Tls::of(&pem).map_err(|why| io::Error::new(io::ErrorKind::InvalidData, why));
    read.map_err(Trouble::when(format!("use {}", file.display())))
}

async fn reconcile(fhir: &Fhir) {
    match fhir.vault().beds_adrift().await {
        Ok(drift) if drift.adrift.is_empty() => {
            tracing::info!(claims = drift.claims, "beds: 0 drift");
        }
        Ok(drift) => set_right(fhir, &drift).await,
        Err(outcome) => tracing::warn!(%outcome, "reconciling beds"),
    }
}

async fn set_right(fhir: &Fhir, drift: &Drift) {
    let set_right = fhir.vault().set_beds_right(drift).await;
    tracing::error!(adrift = ?drift.adrift, ?set_right, "beds do not show their claims");
}

/// How often it is looked whether the time of a hold is over.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// Ends holds whose time is over, until the server stops; before that, looks whether what was written before the
/// last stop is in order.
async fn sweep_beds(fhir: Fhir) {
    reconcile(&fhir).await;
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        if let Err(outcome) = Box::pin(fhir.sweep_beds()).await {
            tracing::warn!(%outcome, "sweeping beds");
        }
    }
}

/// Port 0 means any free port; the base URL needs to know which.
pub(crate) fn with_port(mut config: Config) -> Result<Config, Trouble> {
    if config.listen.port() == 0 {
        let probe = TcpListener::bind(config.listen).and_then(|listener| listener.local_addr());
        config.listen = probe.map_err(Trouble::when("find a free port"))?;
    }
    Ok(config)
}

/// Makes a directory that only its owner may look into; one that is there stays as it is.
pub(crate) fn make_private(directory: &Path) -> Result<(), Trouble> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.map_err(Trouble::when(format!("make the data directory {}", directory.display())))
}

/// Ends with the first SIGTERM or SIGINT from now on.
pub(crate) fn stop_signal() -> Result<impl Future<Output = ()> + Send + 'static, Trouble> {
    let waiting = || Trouble::when("wait for signals");
    let mut terminate = signal(SignalKind::terminate()).map_err(waiting())?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(waiting())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
    })
}
