//! Reference data that changes while the program runs.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, ChildStderr, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

/// What `ims run` promises for a change of the file.
const TAKEN_UP_WITHIN: Duration = Duration::from_secs(5);
/// How long a busy machine may take for anything else.
const PATIENCE: Duration = Duration::from_secs(60);

const PROGRAM: &str = env!("CARGO_BIN_EXE_ims");
const WITHOUT_SERVERS: [&str; 5] =
    ["log.kind=memory", "state.kind=memory", "admin.listen=127.0.0.1:0", "http.listen=127.0.0.1:0", "logs.format=json"];

/// `ims run` without servers, and its log.
struct Running {
    child: Child,
    log: Receiver<serde_json::Value>,
}

impl Running {
    fn start(folder: &Path, reference: &str) -> Self {
        Self::start_with(folder, &[reference])
    }

    fn start_with(folder: &Path, sets: &[&str]) -> Self {
        Self::start_as("ingest,router", folder, sets)
    }

    fn start_as(roles: &str, folder: &Path, sets: &[&str]) -> Self {
        let mut command = Command::new(PROGRAM);
        command.current_dir(folder).env_clear().args(["run", "--roles", roles]);
        for set in WITHOUT_SERVERS.iter().chain(sets) {
            command.args(["--set", set]);
        }
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let log = lines(child.stderr.take().unwrap());
        Self { child, log }
    }

    /// The next line of the log that says so.
    fn says(&self, message: &str, within: Duration) -> serde_json::Value {
        let end = Instant::now() + within;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let line =
                self.log.recv_timeout(left).unwrap_or_else(|_| panic!("{message:?} is not said within {within:?}"));
            if line["message"].as_str().is_some_and(|said| said.starts_with(message)) {
                return line;
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines of JSON; what else is written is not for programs.
fn lines(stderr: ChildStderr) -> Receiver<serde_json::Value> {
    let (to, from) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            if let Ok(line) = serde_json::from_str(&line) {
                let _ = to.send(line);
            }
        }
    });
    from
}

fn metrics(address: &str) -> String {
    page(address, "/metrics")
}

fn page(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: ims\r\nConnection: close\r\n\r\n").unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    page
}

#[test]
fn a_changed_file_is_taken_up_while_the_program_runs_and_a_wrong_one_is_told_and_left() {
    let demo = include_str!("../../connectors/seed/demo.toml");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("reference.toml");
    std::fs::write(&file, demo).unwrap();
    let running = Running::start(folder.path(), &format!("reference.file={}", file.display()));
    let address = running.says("admin port", PATIENCE)["address"].as_str().unwrap().to_owned();
    running.says("assigned", PATIENCE);

    let health = |arguments: &[&str]| {
        let listen = format!("admin.listen={address}");
        Command::new(env!("CARGO_BIN_EXE_ims")).args(["health", "--set", &listen]).args(arguments).output().unwrap()
    };
    let end = Instant::now() + PATIENCE;
    while !health(&[]).status.success() {
        assert!(Instant::now() < end, "{:?}", health(&[]));
    }
    assert!(String::from_utf8_lossy(&health(&[]).stdout).starts_with("ready: "));
    assert!(serde_json::from_slice::<serde_json::Value>(&health(&["--json"]).stdout).unwrap()["ready"] == true);

    let secret = "Z".repeat(40);
    std::fs::write(&file, format!("{demo}\n[[service_keys]]\nkey = \"{secret}\"\nusername = \"nobody\"\n")).unwrap();
    let told = running.says("changed reference data refused", TAKEN_UP_WITHIN);
    assert_eq!(told["level"], "WARN");
    let told = told.to_string();
    assert!(told.contains("nobody") && told.contains("does not exist") && !told.contains(&secret), "{told}");

    std::fs::write(&file, format!("{demo}\n[[customers]]\nusername = \"somebody\"\n")).unwrap();
    let told = running.says("reference data taken up", TAKEN_UP_WITHIN);
    assert_eq!(told["changes"], "1 customers added");

    let page = metrics(&address);
    for line in [
        "ims_reference_reloads_total{result=\"refused\"} 1",
        "ims_reference_reloads_total{result=\"taken\"} 1",
        "ims_reference_stale_seconds 0",
        "ims_reference_age_seconds ",
    ] {
        assert!(page.contains(line), "{line} is missing in {page}");
    }
}

/// A change of the store, and how it ended.
fn import(folder: &Path, file: &str, text: &str) -> (bool, String) {
    std::fs::write(folder.join(file), text).unwrap();
    let mut command = Command::new(PROGRAM);
    command.current_dir(folder).env_clear().args(["reference", "import", file, "--by", "kim"]);
    let done = command.args(["--set", "reference.kind=sql"]).output().unwrap();
    let told = [done.stdout, done.stderr].concat();
    (done.status.success(), String::from_utf8(told).unwrap())
}

#[test]
fn a_changed_store_is_taken_up_while_the_program_runs() {
    let demo = include_str!("../../connectors/seed/demo.toml");
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), "reference.kind=sql");
    let address = running.says("admin port", PATIENCE)["address"].as_str().unwrap().to_owned();
    running.says("assigned", PATIENCE);

    let (imported, told) = import(folder.path(), "demo.toml", demo);
    assert!(imported && told.contains("5 customers added"), "{told}");
    let told = running.says("reference data taken up", TAKEN_UP_WITHIN);
    assert!(told["changes"].as_str().unwrap().starts_with("5 customers added, 6 service keys added"), "{told}");

    let wrong =
        format!("{demo}\n[[sender_numbers]]\nnumber = \"0212345678\"\nusername = \"nobody\"\nchannel = \"MT\"\n");
    let (imported, told) = import(folder.path(), "wrong.toml", &wrong);
    assert!(!imported && told.contains("wrong.toml") && told.contains("customer \"nobody\""), "{told}");
    let (imported, told) = import(folder.path(), "demo.toml", demo);
    assert!(imported && told.contains("says the same already"), "{told}");
    let (imported, told) =
        import(folder.path(), "more.toml", &format!("{demo}\n[[customers]]\nusername = \"somebody\"\n"));
    assert!(imported && told.contains("1 customers added"), "{told}");
    let told = running.says("reference data taken up", TAKEN_UP_WITHIN);
    assert_eq!(told["changes"], "1 customers added");
    let page = metrics(&address);
    assert!(page.contains("ims_reference_reloads_total{result=\"taken\"} 2"), "{page}");

    let named = "username = \"hanbit-shop\"\n";
    let by_consent = demo.replacen(named, &format!("{named}ads_by_consent = true\n"), 1);
    let (imported, told) = import(folder.path(), "by_consent.toml", &by_consent);
    assert!(imported && !told.contains("ads_by_consent"), "{told}");
    let (imported, told) =
        import(folder.path(), "more.toml", &format!("{demo}\n[[customers]]\nusername = \"somebody\"\n"));
    assert!(
        imported && told.contains("ads_by_consent is off from now on for hanbit-shop: more.toml does not"),
        "{told}"
    );

    let mut export = Command::new(PROGRAM);
    export.current_dir(folder.path()).env_clear().args(["reference", "export"]);
    let exported = export.output().unwrap();
    let told = String::from_utf8(exported.stderr).unwrap();
    assert!(exported.status.success() && told.contains("6 customers") && told.contains("in the clear"), "{told}");
    let (imported, told) = import(folder.path(), "copy.toml", &String::from_utf8(exported.stdout).unwrap());
    assert!(imported && told.contains("says the same already"), "{told}");
}

/// The demo's reference data with a group that has topics of its own, as a file of this folder.
fn write_a_group(folder: &Path) {
    let demo = include_str!("../../connectors/seed/demo.toml");
    let group = "[[routing_groups]]\nname = \"VIP\"\npriority = \"MASS\"\ntopics = [\"SMS\"]\n";
    std::fs::write(folder.join("reference.toml"), format!("{demo}\n{group}")).unwrap();
}

#[test]
fn a_start_with_a_group_waits_for_brokers_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    write_a_group(folder.path());
    let sets =
        ["reference.file=reference.toml", "log.kind=kafka", "state.kind=sqlite", "kafka.bootstrap_servers=127.0.0.1:1"];
    let running = Running::start_with(folder.path(), &sets);
    let address = running.says("admin port", PATIENCE)["address"].as_str().unwrap().to_owned();
    let told = running.says("a routing group is without its topics", PATIENCE);
    assert!(told["group"] == "VIP" && told["cause"].as_str().unwrap().contains("log is away"), "{told}");
    running.says("waiting, nothing is lost", PATIENCE);
    let page = page(&address, "/health/ready");
    assert!(page.contains(r#""refused_groups":[{"group":"VIP","cause":""#), "{page}");
}

#[test]
fn topics_of_a_group_need_kafka() {
    let folder = tempfile::tempdir().unwrap();
    write_a_group(folder.path());
    let mut command = Command::new(PROGRAM);
    command.current_dir(folder.path()).env_clear().args(["run", "--set", "reference.file=reference.toml"]);
    for set in WITHOUT_SERVERS {
        command.args(["--set", set]);
    }
    let done = command.output().unwrap();
    let told = String::from_utf8(done.stderr).unwrap();
    assert!(done.status.code() == Some(2) && told.contains("\"VIP\"") && told.contains("log.kind"), "{told}");
}

/// `ims user`, on the store of this folder, and what it says.
fn user(folder: &Path, arguments: &[&str]) -> serde_json::Value {
    let mut command = Command::new(PROGRAM);
    command.current_dir(folder).env_clear().args(["--json", "user"]).args(arguments);
    let done = command.args(["--set", "reference.kind=sql"]).output().unwrap();
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).unwrap()
}

#[test]
fn the_first_operator_signs_in_and_is_out_when_it_is_disabled() {
    let demo = include_str!("../../connectors/seed/demo.toml");
    let folder = tempfile::tempdir().unwrap();
    let (imported, told) = import(folder.path(), "demo.toml", demo);
    assert!(imported, "{told}");
    let running = Running::start_as("api,ingest", folder.path(), &["reference.kind=sql"]);
    let address = running.says("HTTP door", PATIENCE)["address"].as_str().unwrap().to_owned();

    let made = user(folder.path(), &["add", "kim", "--by", "test"]);
    assert_eq!((&made["role"], &made["customer"]), (&serde_json::json!("operator"), &serde_json::Value::Null));
    let told = running.says("reference data taken up", TAKEN_UP_WITHIN);
    assert_eq!(told["changes"], "1 users added");
    let path = "/ims/IMSDEMO0SERVICEKEY0000000000000000000001/operators";
    let signs_in = || {
        let mut stream = TcpStream::connect(&address).unwrap();
        let header = made["header"].as_str().unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: ims\r\nx-ims-key: {header}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let answer = signs_in();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(r#""login":"kim""#), "{answer}");

    assert_eq!(user(folder.path(), &["disable", "kim", "--by", "test"])["active"], false);
    let told = running.says("reference data taken up", TAKEN_UP_WITHIN);
    assert_eq!(told["changes"], "1 users changed");
    let answer = signs_in();
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    let listed = user(folder.path(), &["list"]);
    let logins: Vec<&str> = listed.as_array().unwrap().iter().map(|user| user["login"].as_str().unwrap()).collect();
    assert!(logins == ["kim", "hana"] && !listed.to_string().contains("argon2"), "{listed}");
}
