//! A hospital without bodies worth reading, made by SQL that both databases speak.

use fhir_model::ResourceType;
use sea_orm::{ConnectionTrait as _, Database, DatabaseConnection};
use search::Registry;
use storage::{DatabaseUrl, Options, Vault};

/// Numbers kept free for each patient: itself, 10 Encounters, 60 Observations, 5 Conditions.
const STRIDE: u64 = 100;

pub(super) async fn fill(options: &Options, patients: u64) {
    // makes the schema
    drop(Vault::open(options).await.unwrap());
    let url = match &options.url {
        DatabaseUrl::Sqlite(path) => format!("sqlite://{}", path.display()),
        DatabaseUrl::Postgres(url) => url.clone(),
    };
    let database = Database::connect(&url).await.unwrap();
    let ask = sea_orm::Statement::from_string(
        database.get_database_backend(),
        "select count(*) as n from (select 1 from resource limit 1) as one",
    );
    let row = database.query_one_raw(ask).await.unwrap().unwrap();
    if row.try_get::<i64>("", "n").unwrap() > 0 {
        return;
    }
    let started = std::time::Instant::now();
    let is_sqlite = matches!(options.url, DatabaseUrl::Sqlite(_));
    let body = |length: &str| {
        if is_sqlite {
            format!("cast(char(0) || printf('%.*c', {length}, 'x') as blob)")
        } else {
            format!("('\\x00'::bytea || convert_to(repeat('x', {length}), 'UTF8'))")
        }
    };
    for sql in statements(patients, &body) {
        run(&database, &sql).await;
    }
    if !is_sqlite {
        run(&database, "vacuum analyze").await;
    }
    println!("filled in {:?}", started.elapsed());
}

async fn run(database: &DatabaseConnection, sql: &str) {
    if let Err(error) = database.execute_unprepared(sql).await {
        println!("{sql}\n{error}");
        std::process::abort();
    }
}

#[expect(clippy::too_many_lines, reason = "statements, one after the other")]
fn statements(patients: u64, body: &dyn Fn(&str) -> String) -> Vec<String> {
    let ty = |name: &str| ResourceType::named(name).unwrap();
    let number = |name: &str| ty(name).number();
    let p = |name: &str, code: &str| Registry::r4().parameter(ty(name), code).unwrap().id.number();
    let last = patients - 1;
    // one row a patient, `i`; one row an Observation, `i` and `j`
    let patients = format!(
        "with recursive n (i) as (select cast(0 as bigint) union all select i + 1 from n where i < {last})"
    );
    let each = |from: u64, to: u64| {
        format!(
            "{patients}, m (j) as (select {from} union all select j + 1 from m where j < {to}), \
                 a as (select i, j, i * {STRIDE} + j as res, (i * 7919 + j * 104729) % 1000003 as h from n cross join m)"
        )
    };
    let (encounters, observations, conditions) = (each(1, 10), each(11, 70), each(71, 75));
    let resource = |with: &str, ty: u8, id: &str, from: &str, body: &str| {
        format!(
            "insert into resource (res, type, id, version, updated, commit_no, method, body) {with} \
                 select {from}.res, {ty}, {id}, 1, 1700000000000 + {from}.res, 1 + {from}.res / 100, 2, {body} from {from}"
        )
    };
    let plain = format!(
        "{patients}, a as (select i, i * {STRIDE} + 1000000 - 1000000 as res, (i * 7919) % 1000003 as h from n)"
    );
    let token = |with: &str, p: i32, code: &str, sys: u8| {
        format!(
            "insert into idx_token (p, code, sys, res) {with} select {p}, {code}, {sys}, res from a"
        )
    };
    let reference = |with: &str, p: i32, target: &str| {
        format!(
            "insert into idx_reference (p, target, res) {with} select {p}, {target}, res from a"
        )
    };
    let date = |with: &str, p: i32, lo: &str, length: u64| {
        format!(
            "insert into idx_date (p, lo, hi, res) {with} select {p}, {lo}, {lo} + {length}, res from a"
        )
    };
    let string = |p: i32, folded: &str| {
        format!(
            "insert into idx_string (p, folded, exact, res) {plain} select {p}, {folded}, '', res from a"
        )
    };
    // 50 codes; every Observation of 1,000 is of its own kind; 8480-6 is one in fifty
    let code = "case when h % 1000 = 5 then 'rare' || (h / 1000 % 20) when h % 50 = 1 then '8480-6' else 'c' || (h % 50) end";
    let since_2010 = "(1262304000000000 + (h * 442) * 1000000)";
    vec![
        "insert into token_system (sys, uri) values (1, 'http://loinc.org'), (2, 'http://hospital.example/mrn'), (3, 'http://unitsofmeasure.org')".to_owned(),
        format!("insert into composite_key (k, p, code, sys) {patients} select 1000000000 + i, {}, case when i = 1 then '8480-6' else 'c' || i end, 1 from n where i < 50", p("Observation", "code-value-quantity")),
        resource(&plain, number("Patient"), "'p' || i", "a", &body("1200")),
        resource(&encounters, number("Encounter"), "'e' || i || '-' || j", "a", &body("800")),
        resource(&observations, number("Observation"), "'o' || i || '-' || j", "a", &body("900")),
        resource(&conditions, number("Condition"), "'c' || i || '-' || j", "a", &body("600")),
        format!("insert into resource (res, type, id, version, updated, commit_no, method, body) {patients} select 1000000000 + i, {}, 'd' || i, 1, 1700000000000, 1, 2, {} from n where i < 100", number("Practitioner"), body("500")),
        token(&plain, p("Patient", "gender"), "case when h % 2 = 0 then 'male' else 'female' end", 1),
        token(&plain, p("Patient", "identifier"), "'m' || i", 2),
        date(&plain, p("Patient", "birthdate"), "(h % 30000 - 10000) * 86400000000", 86_400_000_000),
        string(p("Patient", "family"), "'f' || (h % 1000)"),
        string(p("Patient", "given"), "'g' || (h % 300)"),
        token(&encounters, p("Encounter", "status"), "case when h % 10 = 0 then 'planned' else 'finished' end", 1),
        reference(&encounters, p("Encounter", "subject"), &format!("i * {STRIDE}")),
        reference(&encounters, p("Encounter", "patient"), &format!("i * {STRIDE}")),
        reference(&encounters, p("Encounter", "participant"), "1000000000 + h % 100"),
        date(&encounters, p("Encounter", "date"), since_2010, 3_600_000_000),
        token(&observations, p("Observation", "code"), code, 1),
        token(&observations, p("Observation", "category"), "case when h % 3 = 0 then 'lab' else 'vital' end", 1),
        token(&observations, p("Observation", "status"), "case when h % 20 = 0 then 'amended' else 'final' end", 1),
        reference(&observations, p("Observation", "subject"), &format!("i * {STRIDE}")),
        reference(&observations, p("Observation", "patient"), &format!("i * {STRIDE}")),
        reference(&observations, p("Observation", "encounter"), &format!("i * {STRIDE} + 1 + h % 10")),
        date(&observations, p("Observation", "date"), since_2010, 1000),
        format!("insert into idx_quantity (p, value, code, sys, res, unit) {observations} select {}, h % 200, 'mm[Hg]', 3, res, 'mmHg' from a", p("Observation", "value-quantity")),
        format!("insert into idx_quantity (p, value, code, sys, res, unit) {observations} select 1000000000 + h % 50, h % 200, 'mm[Hg]', 3, res, 'mmHg' from a where h % 1000 <> 5"),
        token(&conditions, p("Condition", "code"), "'d' || (h % 300)", 1),
        reference(&conditions, p("Condition", "subject"), &format!("i * {STRIDE}")),
        reference(&conditions, p("Condition", "patient"), &format!("i * {STRIDE}")),
    ]
}
