//! A FHIR server in a page, in memory, for the tests of the workloads.

use std::collections::BTreeMap;
use std::sync::Mutex;

use actix_web::http::header::{ETAG, IF_MATCH, IF_NONE_MATCH, LOCATION};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, rt, web};
use serde_json::{Value, json};

/// Versions of each `Type/id`; None is a deletion.
#[derive(Default)]
struct Store {
    versions: BTreeMap<String, Vec<Option<Value>>>,
    last_id: u64,
}

type Shared = web::Data<Mutex<Store>>;

/// Serves until the test process ends; gives the base URL.
pub(crate) fn serve() -> String {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let base = format!("http://{}/fhir", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let store = Shared::new(Mutex::new(Store::default()));
        let app = move || {
            App::new()
                .app_data(store.clone())
                .app_data(web::PayloadConfig::new(16 << 20))
                .route("/health/ready", web::get().to(HttpResponse::Ok))
                .route("/fhir", web::post().to(transaction))
                .route("/fhir/{type}", web::post().to(create))
                .route("/fhir/{type}", web::get().to(search))
                .route("/fhir/{type}/{id}", web::get().to(read))
                .route("/fhir/{type}/{id}", web::put().to(update))
                .route("/fhir/{type}/{id}", web::delete().to(delete))
                .route("/fhir/{type}/{id}/_history", web::get().to(history))
                .route("/fhir/{type}/{id}/_history/{version}", web::get().to(vread))
        };
        let server = HttpServer::new(app).workers(1).disable_signals().listen(listener).unwrap();
        rt::System::new().block_on(server.run()).unwrap();
    });
    base
}

impl Store {
    fn put(&mut self, path: &str, mut resource: Value) -> (bool, usize) {
        let id = path.split('/').nth(1).unwrap().to_owned();
        resource["id"] = json!(id);
        let versions = self.versions.entry(path.to_owned()).or_default();
        versions.push(Some(resource));
        (versions.len() == 1, versions.len())
    }

    fn create(&mut self, resource: Value) -> String {
        self.last_id += 1;
        let path = format!("{}/s{}", resource["resourceType"].as_str().unwrap(), self.last_id);
        self.put(&path, resource);
        path
    }

    fn find(&self, resource_type: &str, query: &str) -> Vec<Value> {
        let identifier = query.split('&').find_map(|part| part.strip_prefix("identifier="));
        let value = identifier.map(|token| token.rsplit(['|', 'C']).next().unwrap_or(token));
        let count = query.split('&').find_map(|part| part.strip_prefix("_count=")?.parse().ok());
        let prefix = format!("{resource_type}/");
        let current = self.versions.iter().filter(|(path, _)| path.starts_with(&prefix));
        current
            .filter_map(|(_, versions)| versions.last()?.clone())
            .filter(|resource| value.is_none_or(|v| resource["identifier"][0]["value"] == v))
            .take(count.unwrap_or(usize::MAX))
            .collect()
    }
}

fn answer(code: u16, path: &str, version: usize, body: &Value) -> HttpResponse {
    HttpResponse::build(actix_web::http::StatusCode::from_u16(code).unwrap())
        .insert_header((LOCATION, format!("/fhir/{path}/_history/{version}")))
        .insert_header((ETAG, format!("W/\"{version}\"")))
        .json(body)
}

async fn create(store: Shared, request: HttpRequest, body: web::Json<Value>) -> HttpResponse {
    let mut store = store.lock().unwrap();
    if let Some(query) = request.headers().get("if-none-exist") {
        let found = store.find(&request.match_info()["type"], query.to_str().unwrap());
        if let [one] = found.as_slice() {
            let path = format!("{}/{}", &request.match_info()["type"], one["id"].as_str().unwrap());
            return answer(200, &path, 1, one);
        }
    }
    let path = store.create(body.into_inner());
    answer(201, &path, 1, &json!({}))
}

async fn transaction(store: Shared, body: web::Json<Value>) -> HttpResponse {
    let Some(entries) = body["entry"].as_array() else {
        return HttpResponse::BadRequest().finish();
    };
    let mut store = store.lock().unwrap();
    let entries = entries.iter().map(|entry| {
        let url = entry["request"]["url"].as_str().unwrap();
        let resource = entry["resource"].clone();
        let path = if entry["request"]["method"] == "POST" {
            store.create(resource)
        } else {
            store.put(url, resource);
            url.to_owned()
        };
        let location = format!("{path}/_history/1");
        json!({"response": {"status": "201 Created", "location": location}})
    });
    let entries: Vec<Value> = entries.collect();
    HttpResponse::Ok().json(json!({"resourceType": "Bundle", "entry": entries}))
}

async fn search(store: Shared, path: web::Path<String>, request: HttpRequest) -> HttpResponse {
    let found = store.lock().unwrap().find(&path, request.query_string());
    let total = found.len();
    let entries: Vec<Value> = found.into_iter().map(|r| json!({"resource": r})).collect();
    HttpResponse::Ok().json(json!({"resourceType": "Bundle", "total": total, "entry": entries}))
}

async fn read(store: Shared, path: web::Path<(String, String)>) -> HttpResponse {
    let path = format!("{}/{}", path.0, path.1);
    let store = store.lock().unwrap();
    match store.versions.get(&path).map(|all| (all.len(), all.last())) {
        Some((version, Some(Some(current)))) => answer(200, &path, version, current),
        Some(_) => HttpResponse::Gone().finish(),
        None => HttpResponse::NotFound().finish(),
    }
}

async fn vread(store: Shared, path: web::Path<(String, String, usize)>) -> HttpResponse {
    let name = format!("{}/{}", path.0, path.1);
    let store = store.lock().unwrap();
    match store.versions.get(&name).and_then(|all| all.get(path.2 - 1)) {
        Some(Some(version)) => answer(200, &name, path.2, version),
        _ => HttpResponse::NotFound().finish(),
    }
}

async fn history() -> HttpResponse {
    HttpResponse::Ok().json(json!({"resourceType": "Bundle"}))
}

async fn update(
    store: Shared,
    path: web::Path<(String, String)>,
    request: HttpRequest,
    body: web::Json<Value>,
) -> HttpResponse {
    assert!(!request.headers().contains_key(IF_NONE_MATCH));
    let path = format!("{}/{}", path.0, path.1);
    let mut store = store.lock().unwrap();
    let version = store.versions.get(&path).map_or(0, Vec::len);
    let current = format!("W/\"{version}\"");
    if request.headers().get(IF_MATCH).is_some_and(|asked| asked != current.as_str()) {
        return HttpResponse::PreconditionFailed().finish();
    }
    let (is_new, version) = store.put(&path, body.into_inner());
    answer(if is_new { 201 } else { 200 }, &path, version, &json!({}))
}

async fn delete(store: Shared, path: web::Path<(String, String)>) -> HttpResponse {
    let path = format!("{}/{}", path.0, path.1);
    if let Some(versions) = store.lock().unwrap().versions.get_mut(&path) {
        versions.push(None);
    }
    HttpResponse::NoContent().finish()
}
