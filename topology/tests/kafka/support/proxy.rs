//! Stands between a client and the shared broker, and loses what it is told to lose: the way to an outcome that
//! nobody knows, on a real Kafka.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

/// Requests of Kafka's protocol, by their key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i16)]
pub enum Request {
    Produce = 0,
    OffsetCommit = 8,
    InitProducerId = 22,
    AddPartitionsToTxn = 24,
    AddOffsetsToTxn = 25,
    EndTxn = 26,
    TxnOffsetCommit = 28,
}

/// What is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// The request: the broker never sees it.
    Question,
    /// The answer: the broker has done it.
    Answer,
    /// The request, until something else is lost: the broker sees and answers it first.
    Late,
}

/// How the client gets to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// The connection ends.
    Cut,
    /// The connection stays, and nothing ever comes.
    Silence,
}

struct Plan {
    /// A word of the request, such as its transactional id.
    word: String,
    request: Request,
    lost: Lost,
    then: Then,
}

impl Plan {
    fn meets(&self, frame: &[u8]) -> bool {
        let key = i16::from_be_bytes([frame[4], frame[5]]);
        let word = self.word.as_bytes();
        self.request as i16 == key && (word.is_empty() || frame.windows(word.len()).any(|window| window == word))
    }
}

/// A request that is late.
struct Kept {
    frame: Vec<u8>,
    to_server: TcpStream,
    answered: mpsc::Receiver<()>,
}

impl Kept {
    /// Returns when the broker has answered it.
    fn arrive(mut self) -> io::Result<()> {
        self.to_server.write_all(&self.frame)?;
        let answered = self.answered.recv_timeout(Duration::from_secs(30));
        answered.map_err(|_| io::Error::other("the broker does not answer a late request"))
    }
}

/// What is to happen.
#[derive(Default)]
struct Plans {
    next: Mutex<Option<Plan>>,
    kept: Mutex<Option<Kept>>,
}

impl Plans {
    fn let_arrive(&self) {
        if let Some(kept) = self.kept.lock().unwrap().take() {
            kept.arrive().unwrap();
        }
    }
}

/// A listener that passes everything on to a broker.
pub struct Proxy {
    pub address: String,
    plans: Arc<Plans>,
}

impl Proxy {
    /// In front of `broker`, a `127.0.0.1:port`.
    pub fn before(broker: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let plans = Arc::new(Plans::default());
        let (broker, known) = (broker.to_owned(), Arc::clone(&plans));
        let told = [&b"127.0.0.1"[..], &i32::from(port_of(&broker)).to_be_bytes()].concat();
        let tell = [&b"127.0.0.1"[..], &i32::from(address.port()).to_be_bytes()].concat();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(&broker) else { continue };
                client.set_nodelay(true).unwrap();
                server.set_nodelay(true).unwrap();
                pass(client, server, Arc::clone(&known), (told.clone(), tell.clone()));
            }
        });
        Self { address: address.to_string(), plans }
    }

    /// Loses the next request of this kind, or its answer.
    pub fn lose(&self, request: Request, lost: Lost, then: Then) {
        self.lose_with("", request, lost, then);
    }

    /// The same of the next one that has this word in it.
    pub fn lose_with(&self, word: &str, request: Request, lost: Lost, then: Then) {
        *self.plans.next.lock().unwrap() = Some(Plan { word: word.to_owned(), request, lost, then });
    }

    /// Gives the broker what is late, and waits for its answer.
    pub fn let_arrive(&self) {
        self.plans.let_arrive();
    }

    /// Whether it has happened.
    pub fn has_lost(&self) -> bool {
        self.plans.next.lock().unwrap().is_none()
    }
}

fn port_of(address: &str) -> u16 {
    address.rsplit(':').next().unwrap().parse().unwrap()
}

fn pass(client: TcpStream, server: TcpStream, plans: Arc<Plans>, names: (Vec<u8>, Vec<u8>)) {
    let mute = Arc::new(AtomicBool::new(false));
    let (tell_answer, answered) = mpsc::channel();
    let mut answered = Some(answered);
    let (mut questions, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let (mut answers, mut to_client) = (server, client);
    let muted = Arc::clone(&mute);
    thread::spawn(move || {
        let mut late = false;
        let _ = each_frame(&mut questions, |frame| {
            if mute.load(Ordering::SeqCst) {
                return Ok(());
            }
            let hit = plans.next.lock().unwrap().take_if(|plan| plan.meets(frame));
            let Some(hit) = hit else { return to_server.write_all(frame) };
            mute.store(true, Ordering::SeqCst);
            plans.let_arrive();
            match (hit.lost, answered.take()) {
                (Lost::Answer, _) => to_server.write_all(frame)?,
                (Lost::Late, Some(answered)) => {
                    let kept = Kept { frame: frame.clone(), to_server: to_server.try_clone()?, answered };
                    *plans.kept.lock().unwrap() = Some(kept);
                    late = true;
                }
                _ => {}
            }
            if hit.then == Then::Cut {
                if !late {
                    questions_end(&to_server, hit.lost);
                }
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            Ok(())
        });
        let _ = questions.shutdown(Shutdown::Both);
        if !late {
            // A client that died is gone for the broker too.
            let _ = to_server.shutdown(Shutdown::Write);
        }
    });
    thread::spawn(move || {
        let (told, tell) = names;
        let _ = each_frame(&mut answers, |frame| {
            if muted.load(Ordering::SeqCst) {
                let _ = tell_answer.send(());
                return Ok(());
            }
            // The broker tells its own address; the client shall come here instead.
            while let Some(at) = frame.windows(told.len()).position(|window| window == told) {
                frame[at..at + tell.len()].copy_from_slice(&tell);
            }
            to_client.write_all(frame)
        });
        if !muted.load(Ordering::SeqCst) {
            let _ = to_client.shutdown(Shutdown::Both);
        }
    });
}

/// A request that was passed on is read by the broker before it sees the end.
fn questions_end(server: &TcpStream, lost: Lost) {
    let how = if lost == Lost::Answer { Shutdown::Write } else { Shutdown::Both };
    let _ = server.shutdown(how);
}

/// Gives each frame, its length included, to `each`.
fn each_frame(from: &mut TcpStream, mut each: impl FnMut(&mut Vec<u8>) -> io::Result<()>) -> io::Result<()> {
    loop {
        let mut length = [0; 4];
        from.read_exact(&mut length)?;
        let mut frame = length.to_vec();
        frame.resize(4 + u32::from_be_bytes(length) as usize, 0);
        from.read_exact(&mut frame[4..])?;
        each(&mut frame)?;
    }
}
