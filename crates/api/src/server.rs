//! The HTTP server: its limits, its addresses, its start and its end.

use std::{future::Future, io, net::SocketAddr, time::Duration};

use actix_web::{App, FromRequest, Handler, HttpResponse, HttpServer, web};
use auth::Mode;
use interactions::Fhir;
use storage::Accounts;

use crate::{
    admission::Admission, auth as authorization, endpoint, metrics::Metrics, pages, probes,
    rate::Rates, refusal, request_id::RequestIds, research, tls::Tls,
};

/// What the server is told.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// How callers are known.
    pub mode: Mode,
    /// What answers.
    pub fhir: Fhir,
    /// Threads that serve requests; as many as cores when `None`.
    pub workers: Option<usize>,
    /// What a request may ask of the server.
    pub limits: Limits,
    /// The certificate; without one the server speaks clear text.
    pub tls: Option<Tls>,
    /// Whose access tokens are taken instead of the vault's own.
    pub issuer: Option<authorization::Issuer>,
    /// Where people may log in besides here.
    pub sign_in: Option<authorization::SignIn>,
}

/// What a request may ask of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a body, inflated.
    pub body_bytes_max: usize,
    /// Bytes of the body of a batch or transaction, inflated.
    pub bundle_bytes_max: usize,
    /// Bytes of path and query.
    pub url_bytes_max: usize,
    /// Bytes of names and values of the headers.
    pub header_bytes_max: usize,
    /// From the first byte of a request to the last of its headers.
    pub header_timeout: Duration,
    /// Between two pieces of a body.
    pub body_idle_timeout: Duration,
    /// For the whole body, however fast it comes.
    pub body_timeout: Duration,
    /// Bytes a second that a body has to reach on average, [`Self::body_idle_timeout`] aside.
    pub body_rate_min: usize,
    /// For which a connection without a request stays open.
    pub keep_alive: Duration,
    /// Requests that are answered at once; more are sent away with 503.
    pub in_flight_max: usize,
    /// Bytes of all bodies that are held at once; more are sent away with 503.
    pub held_bytes_max: usize,
    /// Connections of one worker.
    pub connections_max: usize,
    /// For which requests in flight may go on after a signal to stop.
    pub shutdown_timeout: Duration,
    /// Reads and searches a second of one user at one client; 0 for no limit.
    pub reads_per_s: u32,
    /// Writes a second of one user at one client; 0 for no limit.
    pub writes_per_s: u32,
    /// Requests a second without a token, of one address; 0 for no limit.
    pub public_per_s: u32,
    /// What is posted to the authorization server a second, of one address; 0 for no limit.
    pub auth_per_s: u32,
    /// Whether a proxy stands in front that says in `X-Forwarded-For` for which address it asks.
    pub is_forwarded: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: 16 << 20,
            bundle_bytes_max: 64 << 20,
            url_bytes_max: 16 << 10,
            header_bytes_max: 32 << 10,
            header_timeout: Duration::from_secs(10),
            body_idle_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_mins(1),
            body_rate_min: 4 << 10,
            keep_alive: Duration::from_secs(75),
            in_flight_max: 1024,
            held_bytes_max: 256 << 20,
            connections_max: 8192,
            shutdown_timeout: Duration::from_secs(9),
            reads_per_s: 0,
            writes_per_s: 0,
            public_per_s: 200,
            auth_per_s: 20,
            is_forwarded: false,
        }
    }
}

/// What every request needs.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) fhir: Fhir,
    pub(crate) mode: Mode,
    pub(crate) limits: Limits,
    pub(crate) admission: Admission,
    pub(crate) metrics: Metrics,
    pub(crate) rates: Rates,
    pub(crate) request_ids: RequestIds,
    pub(crate) made: pages::Made,
    pub(crate) keys: authorization::KeySource,
    pub(crate) sign_in: Option<authorization::Elsewhere>,
    pub(crate) federation: Option<authorization::Federation>,
    /// The issuer of tokens: what the FHIR base stands under.
    issuer: String,
}

impl Door {
    /// Who may log in, which clients there are, what they were granted.
    pub(crate) fn accounts(&self) -> &Accounts {
        self.fhir.vault().accounts()
    }

    /// The issuer of tokens, an absolute URL without a slash at the end.
    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }
}

/// `https://vault.example` of `https://vault.example/fhir`.
fn issuer(base: &str) -> String {
    base.strip_suffix("/fhir").unwrap_or(base).to_owned()
}

/// A server that is bound to its address.
#[derive(Debug)]
#[must_use = "a server serves while it is awaited"]
pub struct Server {
    addresses: Vec<SocketAddr>,
    running: Running,
}

struct Running(actix_web::dev::Server);

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Running")
    }
}

impl Server {
    /// Binds to the address and begins to accept, inside a Tokio runtime or an actix system. When `stop`
    /// ends, requests in flight are finished and the rest is refused.
    ///
    /// # Errors
    /// When the address is not free.
    pub fn bind(
        config: Config,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<Self> {
        let limits = config.limits.clone();
        let workers = config.workers;
        let door = web::Data::new(Door {
            admission: Admission::new(limits.in_flight_max, limits.held_bytes_max),
            metrics: Metrics::default(),
            rates: Rates::new(&limits),
            request_ids: RequestIds::new(),
            made: pages::Made::default(),
            keys: authorization::KeySource::new(&issuer(config.fhir.base())),
            sign_in: config.sign_in.map(authorization::Elsewhere::new),
            federation: (config.issuer)
                .map(|issuer| authorization::Federation::new(issuer, config.fhir.base())),
            issuer: issuer(config.fhir.base()),
            fhir: config.fhir,
            mode: config.mode,
            limits: config.limits,
        });
        let authorization = if door.federation.is_some() {
            authorization::routes_of_resource_server
        } else {
            authorization::routes
        };
        let app = move || {
            App::new().app_data(web::Data::clone(&door)).configure(authorization).configure(routes)
        };
        let mut server = HttpServer::new(app)
            .client_request_timeout(limits.header_timeout)
            .keep_alive(limits.keep_alive)
            .max_connections(limits.connections_max)
            .shutdown_timeout(limits.shutdown_timeout.as_secs())
            .shutdown_signal(stop);
        if let Some(workers) = workers {
            server = server.workers(workers);
        }
        let server = match config.tls {
            Some(tls) => server.bind_rustls_0_23(config.listen, tls.into_config())?,
            None => server.bind(config.listen)?,
        };
        Ok(Self { addresses: server.addrs(), running: Running(server.run()) })
    }

    /// Where it listens.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Serves until told to stop.
    ///
    /// # Errors
    /// When the listening socket fails.
    pub async fn serve(self) -> io::Result<()> {
        self.running.0.await
    }
}

fn routes(app: &mut web::ServiceConfig) {
    app.service(web::scope("/fhir").default_service(web::to(endpoint::answer)))
        .service(web::scope("/research").default_service(web::to(research::answer)))
        .service(page("/health/live", probes::live))
        .service(page("/health/ready", probes::ready))
        .service(page("/metrics", probes::metrics))
        .service(page("/openapi.json", pages::openapi))
        .service(page("/docs", pages::docs))
        .service(page("/style.css", pages::style))
        .service(page("/", pages::index))
        .default_service(web::to(refusal::no_such_address));
}

/// A page that is only read.
fn page<F, Args>(path: &'static str, handler: F) -> actix_web::Resource
where
    F: Handler<Args, Output = HttpResponse>,
    Args: FromRequest + 'static,
{
    web::resource(path)
        .route(web::get().to(handler.clone()))
        .route(web::head().to(handler))
        .default_service(web::to(refusal::only_get))
}
