//! `demo`: `serve`, with the demo nation loaded, in a directory that goes away with it unless one is named.

mod accounts;

use std::{
    fs::Permissions, ops::ControlFlow, os::unix::fs::PermissionsExt as _, path::PathBuf, sync::Arc,
};

use auth::Caller;
use bytes::Bytes;
use interactions::{Body, Conditions, Fhir, Prefer, Query, Request, Verb};

use crate::{
    config::Config,
    console,
    import::{self, Piece, Place, Progress, Record, Sink},
    nation, serve,
    trouble::Trouble,
};

/// Loads the nation, unless it is there already, and serves it.
///
/// With a file for the accounts it asks for tokens, as there are some to be had.
pub(crate) async fn run(config: Config, file: Option<PathBuf>) -> Result<(), Trouble> {
    let (config, is_opened) =
        if file.is_some() { (config, false) } else { config.open_unless_told() };
    let throw_away = if config.is_place_named {
        None
    } else {
        let private = Permissions::from_mode(0o700);
        let made = tempfile::Builder::new().prefix("medvault-demo-").permissions(private).tempdir();
        Some(made.map_err(Trouble::when("make a directory for the demo"))?)
    };
    let config = match &throw_away {
        Some(directory) => config.in_directory(directory.path()),
        None => config,
    };
    let config = serve::with_port(config)?;
    let mut stop = Box::pin(serve::stop_signal()?);
    let fhir = serve::open(&config).await?;
    if !is_loaded(&fhir).await {
        console::remark("Loading the demo nation ...");
        let resources = tokio::select! {
            resources = load(&fhir) => resources?,
            () = &mut stop => return Ok(()),
        };
        console::remark(&format!(
            "{resources} resources of six hospitals and a hundred patients loaded"
        ));
    }
    if let Some(directory) = &throw_away {
        console::remark(&format!(
            "The data is in {} until the demo stops",
            directory.path().display()
        ));
    }
    accounts::make(&fhir, file.as_deref()).await?;
    if is_opened {
        console::say("open to everybody on this machine; with --auth smart it asks for a login");
    }
    serve::listen(&config, fhir, stop).await
}

/// Stores the nation; gives the number of its resources.
async fn load(fhir: &Fhir) -> Result<u64, Trouble> {
    let people = store(fhir, nation::bundles()).await?;
    // only when all the rest is there
    let seal = store(fhir, std::iter::once(nation::seal())).await?;
    Ok(people + seal)
}

async fn store(
    fhir: &Fhir,
    bundles: impl Iterator<Item = Vec<u8>> + Send + 'static,
) -> Result<u64, Trouble> {
    let file: Arc<str> = "demo nation".into();
    let source = move |sink: &mut Sink<'_>| {
        for (bundle, number) in bundles.zip(1..) {
            let record = Record { place: Place::new(&file, number), bytes: Bytes::from(bundle) };
            sink(Piece::Records(vec![record]))?;
        }
        ControlFlow::Continue(())
    };
    let progress = Arc::new(Progress::quiet());
    let tally = import::pieces(fhir.clone(), source, Arc::clone(&progress)).await?;
    match progress.rejections().into_iter().next() {
        None => Ok(tally.stored),
        Some(why) => Err(Trouble::when("load the demo nation")(std::io::Error::other(why))),
    }
}

/// Whether the vault holds the nation from an earlier run.
async fn is_loaded(fhir: &Fhir) -> bool {
    let (ty, id) = nation::SEAL;
    let request = Request {
        verb: Verb::Get,
        path: vec![ty.to_owned(), id.to_owned()],
        query: Query::default(),
        conditions: Conditions::default(),
        prefer: Prefer::default(),
        body: Body::None,
        id: String::new(),
    };
    Box::pin(fhir.answer(&Caller::Operator, request)).await.is_ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::setting::Flags;

    #[tokio::test]
    async fn the_nation_is_loaded_once() {
        let directory = tempfile::tempdir().unwrap();
        let config = Config::of(&Flags::default(), &BTreeMap::new(), None).unwrap();
        let fhir = serve::open(&config.in_directory(directory.path())).await.unwrap();
        assert!(!is_loaded(&fhir).await);
        assert!(load(&fhir).await.unwrap() > 4000);
        assert!(is_loaded(&fhir).await);
    }
}
