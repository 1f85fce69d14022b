//! The connection to Toru: frames, and what is sent in them. See plugins/PROTOCOL.md.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Mutex};

use crate::json::Json;

const MOST_BYTES: usize = 16 << 20;

/// Sends messages; its copies share one connection and never write into each other.
#[derive(Clone)]
pub struct Sender(Arc<Mutex<UnixStream>>);

impl Sender {
    /// Sends one message, header and body together.
    pub fn send(&self, kind: &str, request_id: &Json, payload: Json) -> Result<()> {
        let message = Json::object([("type", kind.into()), ("request_id", request_id.clone()), ("payload", payload)]);
        let body = message.to_string();
        let mut frame = (body.len() as u32).to_be_bytes().to_vec();
        frame.extend_from_slice(body.as_bytes());
        self.0.lock().unwrap_or_else(|broken| broken.into_inner()).write_all(&frame)
    }
}

/// Listens, and takes the one connection: its two sides.
pub fn accept(path: &str) -> Result<(UnixStream, Sender)> {
    let (stream, _) = UnixListener::bind(path)?.accept()?;
    let sender = Sender(Arc::new(Mutex::new(stream.try_clone()?)));
    Ok((stream, sender))
}

/// The next message.
pub fn read(stream: &mut UnixStream) -> Result<Json> {
    let mut head = [0; 4];
    stream.read_exact(&mut head)?;
    let length = u32::from_be_bytes(head) as usize;
    if length > MOST_BYTES {
        return Err(Error::new(ErrorKind::InvalidData, "a frame is too large"));
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    let text = String::from_utf8(body).map_err(|_| Error::new(ErrorKind::InvalidData, "a frame is not text"))?;
    Json::parse(&text).ok_or_else(|| Error::new(ErrorKind::InvalidData, "a frame is not JSON"))
}
