//! The floor of two hops: API → RECV → SEND as bytes, exactly-once, in batches of what is there.
//!
//! `IMS_TEST_KAFKA=host:port cargo run --release -p topology --example kafka_relay -- [messages] [batch] [bytes]`
//! prints a line of JSON: messages per second, CPU microseconds per message and hop, the largest memory.

use bytes::Bytes;
use schemas::{Channel, Family, Lane, Topic};
use std::{
    fs,
    sync::Arc,
    thread,
    time::{Duration, Instant, SystemTime},
};
use topology::log::{
    Limits, Log, LogError, Offsets, Outgoing, Place, Polled, Position, StreamSpec,
    kafka::{KafkaLog, KafkaSettings},
};

fn main() -> Result<(), LogError> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<usize>().unwrap_or(0));
    let messages = arguments.next().unwrap_or(1_000_000);
    let batch = arguments.next().unwrap_or(5_000);
    let bytes = arguments.next().unwrap_or(350);
    let own = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_millis());
    let settings = KafkaSettings {
        bootstrap_servers: std::env::var("IMS_TEST_KAFKA").unwrap_or_else(|_| "127.0.0.1:9092".into()),
        deployment: format!("relay-{own}"),
        topic_prefix: format!("relay-{own}-"),
        ..KafkaSettings::default()
    };
    let log = KafkaLog::new(settings, Arc::new(|line| panic!("{line}")))?;
    let hops = [Topic::api(Lane::Mass), Topic::recv(Channel::At, Lane::Mass), Topic::send(Family::At, Lane::Mass)];
    log.admin()?.create(&hops, &[("first", &hops[..1]), ("second", &hops[1..2])])?;
    fill(&log, hops[0], messages, bytes)?;

    let (began, cpu_before) = (Instant::now(), cpu());
    let first = relay(&log, "first", hops[0], hops[1], messages, batch)?;
    let second = relay(&log, "second", hops[1], hops[2], messages, batch)?;
    let ends = [first, second].map(|thread| thread.join().unwrap_or(Duration::ZERO));
    let (took, cpu) = (began.elapsed(), cpu() - cpu_before);
    let rate = messages as f64 / took.as_secs_f64();
    let cpu_us = cpu.as_secs_f64() * 1e6 / messages as f64 / 2.0;
    let commit_ms = ends.map(|commits| commits.as_secs_f64() * 1e3);
    print(&format!(
        r#"{{"messages":{messages},"batch":{batch},"bytes":{bytes},"per_second":{rate:.0},"cpu_us_per_hop":{cpu_us:.2},"commit_ms":{commit_ms:.1?},"peak_mb":{}}}"#,
        peak_mb()
    ));
    Ok(())
}

#[allow(clippy::print_stdout)] // what this program is for
fn print(line: &str) {
    println!("{line}");
}

fn fill(log: &KafkaLog, topic: Topic, messages: usize, bytes: usize) -> Result<(), LogError> {
    // Half of it repeats, as text in records does.
    let value: Bytes = (0..bytes).map(|i| if i % 2 == 0 { b'x' } else { (i * 7 % 251) as u8 }).collect();
    let mut producer = log.producer()?;
    for from in (0..messages).step_by(10_000) {
        let records = (from..messages.min(from + 10_000)).map(|n| Outgoing {
            topic,
            partition: None,
            key: Some(format!("01J{n:023}").into()),
            value: Some(value.clone()),
            headers: vec![],
        });
        producer.append(&records.collect::<Vec<_>>())?;
    }
    Ok(())
}

/// Relays all messages on a thread; its result is the mean duration of a commit.
fn relay(
    log: &KafkaLog,
    name: &str,
    from: Topic,
    to: Topic,
    messages: usize,
    batch: usize,
) -> Result<thread::JoinHandle<Duration>, LogError> {
    let spec =
        StreamSpec { name: name.into(), sources: vec![from], offsets: Offsets::Log, urgent: false, produces: true };
    let mut stream = log.stream(spec)?;
    Ok(thread::spawn(move || {
        let limits = Limits { records: batch, bytes: 8 << 20, wait: Duration::from_millis(100) };
        let (mut done, mut commits, mut committing) = (0, 0, Duration::ZERO);
        let mut records = Vec::new();
        while done < messages {
            records.clear();
            match stream.poll(limits, &mut records) {
                Ok(Polled::Records) if records.is_empty() => continue,
                Ok(Polled::Records) => {}
                Ok(_) | Err(LogError::Away(_) | LogError::Rewound(_)) => continue,
                Err(LogError::Stop(line)) => panic!("{line}"),
            }
            let outputs: Vec<Outgoing> = records
                .iter()
                .map(|record| Outgoing {
                    topic: to,
                    partition: None,
                    key: record.key.clone(),
                    value: record.value.clone(),
                    headers: vec![],
                })
                .collect();
            let mut positions: Vec<Position> = Vec::new();
            for record in &records {
                let next = record.offset + 1;
                match positions.iter_mut().find(|position| position.place == record.place) {
                    Some(position) => position.next = next,
                    None => {
                        let place = Place { ..record.place };
                        positions.push(Position { place, next, metadata: String::new() });
                    }
                }
            }
            let begun = Instant::now();
            if let Err(error) = stream.commit(&outputs, &positions) {
                panic!("{error}");
            }
            committing += begun.elapsed();
            commits += 1;
            done += records.len();
        }
        stream.leave();
        committing / commits.max(1)
    }))
}

/// CPU time of this process so far.
fn cpu() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Fields 14 and 15, in hundredths of a second; the name in field 2 may hold blanks.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}

fn peak_mb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) / 1024
}
