//! Rules of the configuration, as rows.

use super::*;

struct Given<'a> {
    flags: &'a [(&'static str, &'a str)],
    env: &'a [(&'a str, &'a str)],
    file: Option<&'a str>,
}

const NOTHING: Given<'_> = Given { flags: &[], env: &[], file: None };

fn config(given: &Given<'_>) -> Result<Config, Faults> {
    let values = given.flags.iter().map(|(key, text)| (*key, (*text).to_owned())).collect();
    let env =
        given.env.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    let file = given.file.map(|text| (Path::new("medvault.toml"), text));
    Config::of(&Flags { file: None, values }, &env, file)
}

#[test]
fn defaults_are_those_of_the_manual() {
    let config = config(&NOTHING).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.base(), "http://127.0.0.1:8080/fhir");
    assert_eq!(config.data_dir, Path::new("./medvault-data"));
    assert_eq!(config.database.to_string(), "sqlite:./medvault-data/medvault.sqlite");
    assert_eq!(config.mode(), Mode::Smart);
    assert_eq!(config.log_format, LogFormat::Pretty);
    assert_eq!(config.limits, api::Limits::default());
}

#[test]
fn a_flag_beats_the_environment_which_beats_the_file_which_beats_the_default() {
    let flags = [("server.listen", "127.0.0.1:1")];
    let env = [("MEDVAULT__SERVER__LISTEN", "127.0.0.1:2"), ("HOME", "/")];
    let file = Some("[server]\nlisten = '127.0.0.1:3'");
    let cases = [
        (Given { flags: &flags, env: &env, file }, 1),
        (Given { flags: &[], env: &env, file }, 2),
        (Given { flags: &[], env: &[], file }, 3),
        (NOTHING, 8080),
    ];
    for (given, port) in cases {
        assert_eq!(config(&given).unwrap().listen.port(), port);
    }
}

#[test]
fn every_setting_can_be_given_in_every_way() {
    for setting in setting::SETTINGS {
        let text = match setting.key {
            "server.listen" => "[::1]:9000",
            "server.base_url" => "https://vault.example/fhir/",
            "storage.data_dir" => "/srv/vault",
            "storage.database_url" => "postgres://u:p@h/n",
            "auth.mode" => "open",
            "audit.events" => "off",
            "beds.cleaning" => "elsewhere",
            "limits.forwarded" => "on",
            "login.issuer" => "https://vault:secret@id.example",
            "login.newcomers" => "patients",
            "auth.issuer" => "https://id.example/realm",
            "log.format" => "json",
            "log.filter" => "warn,storage=debug",
            _ => "7",
        };
        let (section, name) = setting.key.split_once('.').unwrap();
        let by_file = format!("[{section}]\n{name} = '{text}'");
        let env_name = setting.env_name();
        let from_file = config(&Given { file: Some(&by_file), ..NOTHING }).unwrap();
        let from_env = config(&Given { env: &[(&env_name, text)], ..NOTHING }).unwrap();
        assert_eq!(from_file, from_env, "{}", setting.key);
        assert_ne!(from_file, config(&NOTHING).unwrap(), "{} does nothing", setting.key);
        if setting.flag.is_some() {
            let from_flag = config(&Given { flags: &[(setting.key, text)], ..NOTHING }).unwrap();
            assert_eq!(from_flag, from_env, "{}", setting.key);
        }
    }
}

#[test]
fn an_issuer_may_be_asked_by_name_and_secret() {
    let issuer = |url: &str| {
        let given = [("MEDVAULT__AUTH__ISSUER", url)];
        config(&Given { env: &given, ..NOTHING }).ok().and_then(|config| config.issuer)
    };
    let asked = issuer("https://vault:s3:c@id.example/realm/").unwrap();
    assert_eq!(asked.url, "https://id.example/realm/");
    assert_eq!(asked.known_as, Some(("vault".to_owned(), "s3:c".to_owned())));
    assert_eq!(issuer("http://127.0.0.1:9/x").unwrap().known_as, None);
    for wrong in ["http://id.example", "https://", "id.example", "https://name@id.example"] {
        assert_eq!(issuer(wrong), None, "{wrong}");
    }
}

#[test]
fn what_is_wrong_is_named() {
    let file = |text| Given { file: Some(text), ..NOTHING };
    let cases = [
        (file("[server]\nlisen = 'x'"), "medvault.toml: server.lisen: there is no such setting"),
        (file("listen = 'x'"), "medvault.toml: listen stands outside a section"),
        (file("[server\n"), "medvault.toml: TOML parse error at line 1"),
        (file("[server]\nlisten = []"), "medvault.toml: server.listen: write a text or a number"),
        (
            Given { env: &[("MEDVAULT__SERVER__PORT", "1")], ..NOTHING },
            "MEDVAULT__SERVER__PORT: there is no such setting",
        ),
        (
            Given { env: &[("MEDVAULT__SERVER__LISTEN", "here")], ..NOTHING },
            "MEDVAULT__SERVER__LISTEN: \"here\": write ADDRESS:PORT",
        ),
        (
            Given { flags: &[("server.base_url", "vault")], ..NOTHING },
            "--base-url: \"vault\": write an",
        ),
        (
            Given { flags: &[("log.format", "xml")], ..NOTHING },
            "--log: \"xml\": write json or pretty",
        ),
        (
            file("[limits]\nin_flight_max = 0"),
            "medvault.toml: limits.in_flight_max: \"0\": number would be zero",
        ),
        (
            file("[limits]\nkeep_alive_s = -1"),
            "medvault.toml: limits.keep_alive_s: \"-1\": write a number",
        ),
    ];
    for (given, fault) in cases {
        let faults = config(&given).unwrap_err().to_string();
        assert!(faults.starts_with(fault), "{faults}");
    }
}

#[test]
fn all_faults_are_reported_together() {
    let flags = [("server.listen", "x"), ("auth.mode", "y"), ("storage.database_url", "mysql://h")];
    assert_eq!(config(&Given { flags: &flags, ..NOTHING }).unwrap_err().0.len(), 3);
}

#[test]
fn open_is_for_loopback_only() {
    let cases = [
        ("127.0.0.1:1", true),
        ("localhost:1", true),
        ("127.8.9.1:1", true),
        ("[::1]:1", true),
        ("[::ffff:127.0.0.1]:1", true),
        ("0.0.0.0:1", false),
        ("[::]:1", false),
        ("10.0.0.1:1", false),
    ];
    for (listen, allowed) in cases {
        let flags = [("server.listen", listen), ("auth.mode", "open")];
        assert_eq!(config(&Given { flags: &flags, ..NOTHING }).is_ok(), allowed, "{listen}");
        let (config, opened) = config(&Given { flags: &[("server.listen", listen)], ..NOTHING })
            .unwrap()
            .open_unless_told();
        assert_eq!((opened, config.mode() == Mode::Open), (allowed, allowed), "{listen}");
    }
}

#[test]
fn the_base_follows_the_address_unless_it_is_given() {
    let cases = [
        (&[("server.listen", "0.0.0.0:80")][..], "http://localhost:80/fhir"),
        (&[("server.listen", "[::1]:8081")], "http://[::1]:8081/fhir"),
        (&[("server.base_url", "https://v.example/r4/")], "https://v.example/r4"),
    ];
    for (flags, base) in cases {
        assert_eq!(config(&Given { flags, ..NOTHING }).unwrap().base(), base);
    }
}
