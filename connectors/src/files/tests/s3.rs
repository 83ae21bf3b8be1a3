//! A server of another maker: moto, which dev/s3 starts.

#![allow(clippy::print_stderr, reason = "a test that cannot run says so")]

use super::*;
use std::{
    path::Path,
    process::{Command, Output},
};

/// A server, which ends with this.
struct Server {
    script: PathBuf,
    folder: tempfile::TempDir,
}

impl Server {
    fn run(&self, what: &str) -> Output {
        Command::new(&self.script).arg(what).arg("--dir").arg(self.folder.path()).output().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.run("stop");
    }
}

/// A server and where it is; none where no script is to be had, which is said.
fn started() -> Option<(Server, FileSettings)> {
    let Some(dev) = std::env::var_os("IMS_TEST_DEV") else {
        eprintln!("not tested: IMS_TEST_DEV names no folder of scripts that start servers (./test sets it)");
        return None;
    };
    let server = Server { script: Path::new(&dev).join("s3"), folder: tempfile::tempdir().unwrap() };
    let started = server.run("start");
    assert!(started.status.success(), "dev/s3 start: {}", String::from_utf8_lossy(&started.stderr));
    let told = String::from_utf8(started.stdout).unwrap();
    let of = |key: &str| told.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).unwrap().to_owned();
    let secret_key_file = server.folder.path().join("secret");
    fs::write(&secret_key_file, "test-only-secret\n").unwrap();
    let settings = FileSettings {
        url: format!("s3://{}/files", of("S3_BUCKET")),
        endpoint: of("S3_URL"),
        region: "ap-northeast-2".into(),
        access_key: "test".into(),
        secret_key_file,
        ..settings()
    };
    Some((server, settings))
}

#[tokio::test]
async fn files_are_kept_in_an_s3_compatible_store() {
    let Some((server, settings)) = started() else { return };
    assert_eq!(settings.mistakes(), Vec::<String>::new());
    let open = |settings: &FileSettings| FileStore::open(settings, Path::new("unused"), cipher()).unwrap();
    let store = open(&settings);
    keeps_files(&store).await;
    store.write("hana", "FILE1", &statement()).await.unwrap();
    assert_eq!(open(&settings).read("hana", "FILE1").await.unwrap().unwrap(), statement(), "by another process");
    let nowhere = open(&FileSettings { url: "s3://no-such-bucket".into(), ..settings.clone() });
    let told = nowhere.write("hana", "FILE1", &statement()).await.unwrap_err();
    assert!(!told.cause.contains("test-only-secret"), "{told}");
    let within = FileSettings { timeout_ms: 2_000, ..settings };
    let store = open(&within);
    drop(server);
    assert!(store.read("hana", "FILE1").await.is_err(), "a store that is away has lost nothing");
}
