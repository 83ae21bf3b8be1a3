//! How a store comes to this program's version, and what it is refused for.

use super::testing::{Store, on_both};
use super::*;
use std::sync::Barrier;

on_both! {
    an_older_store_is_brought_up_and_a_newer_one_refused
    a_migration_that_was_edited_after_the_fact_is_refused
    what_is_pending_is_told_without_touching_the_store
    two_processes_that_start_together_migrate_once
    half_a_migration_is_not_taken_for_a_whole_one
    a_row_that_no_column_holds_is_told_apart
}

fn schema(of: &[(i64, &'static str)]) -> Schema {
    let script = |&(version, sql): &(i64, &'static str)| Script { version, name: "a step", sql };
    let scripts: Scripts = of.iter().map(script).collect();
    Schema { name: "store", file: scripts.clone(), server: scripts }
}

const FIRST: (i64, &str) = (1, "CREATE TABLE IF NOT EXISTS a (x INT)");
const SECOND: (i64, &str) = (2, "CREATE TABLE IF NOT EXISTS b (x INT)");

fn an_older_store_is_brought_up_and_a_newer_one_refused(store: &Store) {
    Database::open(&store.location, &schema(&[FIRST])).unwrap();
    Database::open(&store.location, &schema(&[FIRST, SECOND])).unwrap();
    store.execute("INSERT INTO b (x) VALUES (1)");
    for refused in [
        Database::open(&store.location, &schema(&[FIRST])).unwrap_err(),
        schema(&[FIRST]).migrate(&store.location).unwrap_err(),
        schema(&[FIRST]).check(&store.location).unwrap_err(),
    ] {
        assert!(matches!(refused, StoreError::Newer { migration: 2, .. }), "{refused}");
        assert!(refused.to_string().contains(&store.location.to_string()), "{refused}");
    }
}

fn a_migration_that_was_edited_after_the_fact_is_refused(store: &Store) {
    Database::open(&store.location, &schema(&[FIRST])).unwrap();
    let edited = schema(&[(1, "CREATE TABLE IF NOT EXISTS a (x INT, y INT)"), SECOND]);
    for refused in [
        Database::open(&store.location, &edited).unwrap_err(),
        edited.migrate(&store.location).unwrap_err(),
        edited.check(&store.location).unwrap_err(),
    ] {
        assert!(matches!(refused, StoreError::Altered { migration: 1, .. }), "{refused}");
        assert!(refused.to_string().contains(&store.location.to_string()), "{refused}");
    }
    // Nor is what comes behind it applied.
    assert_eq!(schema(&[FIRST, SECOND]).check(&store.location).unwrap().pending, ["0002 a step"]);
}

fn what_is_pending_is_told_without_touching_the_store(store: &Store) {
    let both = schema(&[FIRST, SECOND]);
    let pending = ["0001 a step".to_owned(), "0002 a step".to_owned()];
    for _ in 0..2 {
        let found = both.check(&store.location).unwrap();
        assert_eq!((&*found.applied, &*found.pending), (&[][..], &pending[..]));
    }
    if let Location::File(path) = &store.location {
        assert!(!path.exists());
    }
    assert_eq!(schema(&[FIRST]).migrate(&store.location).unwrap().pending, pending[..1]);
    assert_eq!(both.check(&store.location).unwrap().pending, pending[1..]);
    assert_eq!(both.migrate(&store.location).unwrap().pending, pending[1..]);
    assert_eq!(both.check(&store.location).unwrap().applied, [1, 2]);
}

fn two_processes_that_start_together_migrate_once(store: &Store) {
    // Not to be repeated: who does it a second time fails.
    let both = schema(&[(1, "CREATE TABLE a (x INT)"), (2, "CREATE TABLE b (x INT)")]);
    // Of forty new files one makes two meet while they turn to its log.
    let stores = match &store.location {
        Location::File(_) => (0..150).map(|n| store.file_beside(&format!("new-{n}.db"))).collect(),
        Location::Server(_) => vec![store.location.clone()],
    };
    for location in &stores {
        let together = Barrier::new(4);
        let start = || {
            together.wait();
            Database::open(location, &both)
        };
        std::thread::scope(|scope| {
            let starting: Vec<_> = (0..4).map(|_| scope.spawn(start)).collect();
            for started in starting {
                started.join().unwrap().unwrap();
            }
        });
    }
}

fn half_a_migration_is_not_taken_for_a_whole_one(store: &Store) {
    let broken = schema(&[(1, "CREATE TABLE IF NOT EXISTS a (x INT); CREATE TABLE nonsense")]);
    Database::open(&store.location, &broken).unwrap_err();
    // What a process leaves on a server that was killed between the two statements is what this leaves there.
    assert_eq!(broken.check(&store.location).unwrap().applied, [] as [i64; 0]);
    Database::open(&store.location, &schema(&[FIRST])).unwrap();
    store.execute("INSERT INTO a (x) VALUES (1)");
}

#[test]
fn a_migration_of_a_file_that_is_marked_as_not_ended_is_told_as_that() {
    let store = Store::file();
    let schema = schema(&[FIRST]);
    Database::open(&store.location, &schema).unwrap();
    store.execute("UPDATE _sqlx_migrations SET success = FALSE");
    for refused in [schema.check(&store.location).err(), schema.migrate(&store.location).err()] {
        assert!(matches!(refused, Some(StoreError::HalfDone { migration: 1, .. })), "{refused:?}");
    }
}

fn a_row_that_no_column_holds_is_told_apart(store: &Store) {
    let mut database =
        Database::open(&store.location, &schema(&[(1, "CREATE TABLE a (x INT, t VARCHAR(3))")])).unwrap();
    let insert = Insert::new("INSERT INTO a (x, t)", "");
    // A whole statement of 256 and one of 16, with a bad row in each.
    let mut rows: Vec<(i64, &str)> = (0..272).map(|n| (n, "abc")).collect();
    (rows[7].1, rows[260].0) = ("abcd", 1 << 40);
    let write = async |connection: &mut Connection| {
        insert.rows(connection, &rows, |(x, t), row| row.put(*x)?.put(*t).map(drop)).await
    };
    let inserted = database.run(write).unwrap();
    match store.location.dialect() {
        // Its columns take values of every length.
        Dialect::Sqlite => assert_eq!((inserted.affected, inserted.refused.len()), (272, 0)),
        Dialect::MySql => {
            assert_eq!(inserted.affected, 270);
            let told: Vec<_> = inserted.refused.iter().map(|refused| (refused.row, &*refused.reason)).collect();
            let expected = [
                (7, "the store cannot hold its t (MySQL error 1406)"),
                (260, "the store cannot hold its x (MySQL error 1264)"),
            ];
            assert_eq!(told, expected);
        }
    }
}

#[test]
fn what_is_no_database_is_refused_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    let notes = "these are the notes of a meeting, longer than a header would be, and no database";
    std::fs::write(&path, notes.repeat(20)).unwrap();
    let refused = Database::open(&Location::file(&path), &schema(&[FIRST])).unwrap_err();
    assert!(refused.to_string().contains("notes.txt"), "{refused}");
    let missing = Location::file(folder.path().join("no/such/folder/store.db"));
    assert!(matches!(Database::open(&missing, &schema(&[])), Err(StoreError::Open { .. })));
}

#[test]
fn an_address_is_told_without_its_password() {
    let location = Location::server("mysql://ims:geheim@db.example:3307/ims?ssl-mode=DISABLED", None).unwrap();
    assert_eq!(location.to_string(), "mysql://ims@db.example:3307/ims");
    assert_eq!(format!("{location:?}"), "mysql://ims@db.example:3307/ims");
    for bad in ["postgres://ims:geheim@db/ims", "mysql://ims:geheim@db", "mysql://ims:geheim@db:port/ims"] {
        let refused = Location::server(bad, None).unwrap_err().to_string();
        assert!(refused.starts_with("store.url: ") && !refused.contains("geheim"), "{refused}");
    }
}

#[test]
fn a_server_that_does_not_answer_is_away_and_told_without_its_password() {
    // A port that was free a moment ago, and refuses.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let location = Location::server(&format!("mysql://ims:geheim@127.0.0.1:{port}/ims"), None).unwrap();
    let refused = Database::open(&location, &schema(&[])).unwrap_err();
    assert!(matches!(refused, StoreError::Away { .. }), "{refused}");
    assert!(!refused.to_string().contains("geheim"), "{refused}");
}

#[test]
fn a_password_that_was_exchanged_is_that_of_the_next_connection() {
    let Some(store) = Store::server() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    let user = format!("exchanged_{}", std::process::id());
    let password = |word: &str| {
        std::fs::write(&file, format!("{word}\n")).unwrap();
        store.execute(&format!("ALTER USER {user}@'127.0.0.1' IDENTIFIED BY '{word}'"));
    };
    store.execute(&format!("CREATE USER {user}@'127.0.0.1'"));
    store.execute(&format!("GRANT SELECT ON *.* TO {user}@'127.0.0.1'"));
    password("one");
    let url = std::env::var("IMS_TEST_MARIADB").unwrap();
    let (_, place) = url.split_once('@').unwrap();
    let url = format!("mysql://{user}@{place}");
    let location = Location::server(&url, Some(&file)).unwrap();
    let mut database = Database::connect(&location, &schema(&[])).unwrap();
    let mut ask = || database.run(async |connection| connection.query("SELECT 1 AS one").fetch_one().await).is_ok();
    assert!(ask());
    password("two");
    assert!(ask(), "a connection that is open stays");
    store.execute(&format!("KILL USER {user}"));
    let _ = ask();
    assert!(ask(), "the next is by the new one");
    store.execute(&format!("DROP USER {user}@'127.0.0.1'"));

    std::fs::remove_file(&file).unwrap();
    let refused = Location::server(&url, Some(&file)).unwrap_err().to_string();
    assert!(refused.contains("store.password_file") && refused.contains("/password: "), "{refused}");
}
