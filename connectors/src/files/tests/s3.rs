//! On a server of another maker: `dev/s3` starts one.

use super::*;

#[tokio::test]
async fn files_are_kept_in_an_s3_compatible_store() {
    // Without a server this says nothing; `./test` names one.
    let Ok(endpoint) = std::env::var("IMS_TEST_S3") else { return };
    let folder = tempfile::tempdir().unwrap();
    let secret_key_file = folder.path().join("secret");
    fs::write(&secret_key_file, "test-only\n").unwrap();
    let settings = FileSettings {
        url: "s3://ims-test/files".into(),
        endpoint,
        region: "ap-northeast-2".into(),
        access_key: "test".into(),
        secret_key_file,
        ..settings()
    };
    assert_eq!(settings.mistakes(), Vec::<String>::new());
    let open = |settings: &FileSettings| FileStore::open(settings, folder.path(), cipher()).unwrap();
    keeps_files(&open(&settings)).await;
    let nowhere = open(&FileSettings { url: "s3://no-such-bucket".into(), ..settings.clone() });
    let told = nowhere.write("hana", "FILE1", &statement()).await.unwrap_err();
    assert!(!told.cause.contains("test-only"), "{told}");
    let gone = open(&FileSettings { endpoint: "http://127.0.0.1:1".into(), timeout_ms: 2000, ..settings });
    assert!(gone.read("hana", "FILE1").await.is_err());
}
