//! A message centre that does what a test says, written in bytes and not by the connector's crate.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

/// A PDU as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pdu {
    pub id: u32,
    pub status: u32,
    pub sequence: u32,
    pub body: Vec<u8>,
}

/// One connection.
#[derive(Clone)]
pub struct Line {
    stream: Arc<Mutex<TcpStream>>,
    /// What it is bound for: 1 receiver, 2 transmitter, 9 transceiver.
    pub bound: u32,
}

impl Line {
    pub fn write(&self, id: u32, status: u32, sequence: u32, body: &[u8]) {
        let mut bytes = Vec::new();
        for word in [16 + body.len() as u32, id, status, sequence] {
            bytes.extend_from_slice(&word.to_be_bytes());
        }
        bytes.extend_from_slice(body);
        // Who has closed it gets nothing.
        let _ = self.stream.lock().unwrap().write_all(&bytes);
    }

    pub fn accept(&self, submit: &Pdu, message_id: &str) {
        self.write(0x8000_0004, 0, submit.sequence, format!("{message_id}\0").as_bytes());
    }

    pub fn refuse(&self, submit: &Pdu, status: u32) {
        self.write(0x8000_0004, status, submit.sequence, &[]);
    }

    pub fn cut(&self) {
        let _ = self.stream.lock().unwrap().shutdown(Shutdown::Both);
    }
}

/// What it says to a bind.
type Binding = dyn Fn(&Pdu) -> u32 + Send + Sync;
/// What it does with a submit, and the how-manyth it is, counted from 1.
type Submitted = dyn Fn(&Line, &Pdu, usize) + Send + Sync;

/// The centre.
pub struct Centre {
    pub url: String,
    seen: Arc<Mutex<Vec<Pdu>>>,
    lines: Arc<Mutex<Vec<Line>>>,
}

impl Centre {
    pub fn doing(then: impl Fn(&Line, &Pdu, usize) + Send + Sync + 'static) -> Self {
        Self::binding(|_| 0, then)
    }

    /// Accepts everything, with ids that are counted.
    pub fn kind() -> Self {
        Self::doing(|line, submit, number| line.accept(submit, &format!("id-{number}")))
    }

    pub fn binding(
        bind: impl Fn(&Pdu) -> u32 + Send + Sync + 'static,
        then: impl Fn(&Line, &Pdu, usize) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("smpp://{}", listener.local_addr().unwrap());
        let (seen, lines) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
        let bind: Arc<Binding> = Arc::new(bind);
        let then: Arc<Submitted> = Arc::new(then);
        let centre = Self { url, seen: Arc::clone(&seen), lines: Arc::clone(&lines) };
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (seen, lines) = (Arc::clone(&seen), Arc::clone(&lines));
                let (bind, then, stream) = (Arc::clone(&bind), Arc::clone(&then), stream.unwrap());
                std::thread::spawn(move || serve(stream, &seen, &lines, &*bind, &*then));
            }
        });
        centre
    }

    /// What came, by command_id.
    pub fn seen(&self, id: u32) -> Vec<Pdu> {
        self.seen.lock().unwrap().iter().filter(|pdu| pdu.id == id).cloned().collect()
    }

    pub fn submits(&self) -> Vec<Pdu> {
        self.seen(4)
    }

    /// The connections that are bound and open.
    pub fn lines(&self) -> Vec<Line> {
        self.lines.lock().unwrap().clone()
    }

    /// Brings a receipt over one of the connections that receive.
    pub fn deliver(&self, sequence: u32, text: &str) {
        self.bring(sequence, &deliver_sm(0x04, text.as_bytes()));
    }

    pub fn bring(&self, sequence: u32, body: &[u8]) {
        super::until("nobody receives", || self.lines().iter().any(|line| line.bound != 2));
        let lines = self.lines();
        lines.iter().find(|line| line.bound != 2).unwrap().write(5, 0, sequence, body);
    }

    /// What was answered to a deliver_sm, once it is.
    pub fn answered(&self, sequence: u32) -> u32 {
        let answer = || self.seen(0x8000_0005).into_iter().find(|pdu| pdu.sequence == sequence);
        super::until("a receipt is not answered", || answer().is_some());
        answer().unwrap().status
    }
}

/// The body of a deliver_sm.
pub fn deliver_sm(esm_class: u8, text: &[u8]) -> Vec<u8> {
    let mut body = b"\0\x01\x01821012345678\0\0\x000212345678\0".to_vec();
    body.extend_from_slice(&[esm_class, 0, 0, 0, 0, 0, 0, 0, 0, text.len() as u8]);
    body.extend_from_slice(text);
    body
}

/// A receipt as appendix B writes it.
pub fn receipt(id: &str, stat: &str, err: &str) -> String {
    format!(
        "id:{id} sub:001 dlvrd:001 submit date:2603111800 done date:2603111801 stat:{stat} err:{err} text:id:9 stat:LOST"
    )
}

fn serve(stream: TcpStream, seen: &Mutex<Vec<Pdu>>, lines: &Mutex<Vec<Line>>, bind: &Binding, then: &Submitted) {
    let mut from = stream.try_clone().unwrap();
    let mut line = Line { stream: Arc::new(Mutex::new(stream)), bound: 0 };
    while let Some(pdu) = read(&mut from) {
        seen.lock().unwrap().push(pdu.clone());
        match pdu.id {
            1 | 2 | 9 => {
                let status = bind(&pdu);
                line.write(pdu.id | 0x8000_0000, status, pdu.sequence, b"centre\0");
                if status == 0 {
                    line.bound = pdu.id;
                    lines.lock().unwrap().push(line.clone());
                }
            }
            4 => {
                let number = seen.lock().unwrap().iter().filter(|seen| seen.id == 4).count();
                then(&line, &pdu, number);
            }
            0x15 => line.write(0x8000_0015, 0, pdu.sequence, &[]),
            6 => {
                line.write(0x8000_0006, 0, pdu.sequence, &[]);
                break;
            }
            _ => {}
        }
    }
    line.cut();
    lines.lock().unwrap().retain(|open| !Arc::ptr_eq(&open.stream, &line.stream));
}

fn read(from: &mut TcpStream) -> Option<Pdu> {
    let mut header = [0; 16];
    from.read_exact(&mut header).ok()?;
    let word = |at: usize| u32::from_be_bytes(header[at..at + 4].try_into().unwrap());
    let mut body = vec![0; word(0) as usize - 16];
    from.read_exact(&mut body).ok()?;
    Some(Pdu { id: word(4), status: word(8), sequence: word(12), body })
}

/// A submit_sm taken apart by its published places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submit {
    pub service_type: String,
    pub source: (u8, u8, String),
    pub dest: (u8, u8, String),
    pub esm_class: u8,
    pub validity: String,
    pub registered: u8,
    pub data_coding: u8,
    pub short: Vec<u8>,
    pub rest: Vec<u8>,
}

impl Pdu {
    pub fn submit(&self) -> Submit {
        let mut body = &self.body[..];
        let service_type = words(&mut body);
        let source = (octet(&mut body), octet(&mut body), words(&mut body));
        let dest = (octet(&mut body), octet(&mut body), words(&mut body));
        let esm_class = octet(&mut body);
        assert_eq!((octet(&mut body), octet(&mut body)), (0, 0), "protocol_id, priority_flag");
        assert_eq!(words(&mut body), "", "schedule_delivery_time");
        let validity = words(&mut body);
        let registered = octet(&mut body);
        assert_eq!(octet(&mut body), 0, "replace_if_present_flag");
        let data_coding = octet(&mut body);
        assert_eq!(octet(&mut body), 0, "sm_default_msg_id");
        let length = usize::from(octet(&mut body));
        let (short, rest) = (body[..length].to_vec(), body[length..].to_vec());
        Submit { service_type, source, dest, esm_class, validity, registered, data_coding, short, rest }
    }
}

fn octet(body: &mut &[u8]) -> u8 {
    let (first, rest) = body.split_first().unwrap();
    *body = rest;
    *first
}

fn words(body: &mut &[u8]) -> String {
    let end = body.iter().position(|byte| *byte == 0).unwrap();
    let text = String::from_utf8(body[..end].to_vec()).unwrap();
    *body = &body[end + 1..];
    text
}
