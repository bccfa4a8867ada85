//! throwaway
use std::io::Read;
use auth::Caller;
use interactions::*;
use storage::*;
fn main() {
    let url = std::env::args().nth(1).unwrap();
    let n: usize = std::env::args().nth(2).unwrap().parse().unwrap();
    let rt = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    rt.block_on(async {
        let vault = Vault::open(&Options { url: url.parse().unwrap(), clock: Clock::system(), base: "http://x/fhir".into(), connections_max: 16 }).await.unwrap();
        let fhir = Fhir::new(vault, "http://x/fhir", Software { name: "a", version: "1" });
        let mut files: Vec<_> = std::fs::read_dir("/work/shared/data/synthea-r4").unwrap().map(|e| e.unwrap().path()).collect();
        files.sort();
        let bodies: Vec<bytes::Bytes> = files.iter().take(n).map(|p| { let mut v = vec![]; flate2::read::GzDecoder::new(std::fs::File::open(p).unwrap()).read_to_end(&mut v).unwrap(); v.into() }).collect();
        let t = std::time::Instant::now();
        let mut count = 0;
        use futures_util::StreamExt;
        let fhir = &fhir;
        let mut s = futures_util::stream::iter(bodies).map(|b| async move {
            let t0 = std::time::Instant::now();
            let v = fhir_model::json::parse(b, fhir.limits()).map_err(|e| e.to_string())?;
            let t1 = t0.elapsed();
            let k = v.tree().root().named("entry").count();
            let r = Request { verb: Verb::Post, path: vec![], query: Query::default(), conditions: Conditions::default(), prefer: Prefer::default(), body: Body::Resource(Box::new(v)) };
            let a = fhir.answer(&Caller::Operator, r).await.map_err(|e| e.to_string())?;
            if a.status != 200 { return Err(format!("{}", a.status)); }
            Ok((k, t1, t0.elapsed()))
        }).buffer_unordered(4);
        while let Some(r) = s.next().await {
            match r { Ok((k, a, b)) => { count += k; if count < 3000 { println!("{k} parse {a:?} all {b:?}"); } } Err(e) => println!("ERR {}", &e[..e.len().min(300)]) }
        }
        let e = t.elapsed();
        println!("{count} resources {e:?} {:.0}/s", count as f64 / e.as_secs_f64());
    });
}
