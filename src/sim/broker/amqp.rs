//! AMQP 0-9-1, as much of it as a client needs that looks at queues and hears notifications.

mod channel;
mod login;
mod queues;
mod refusal;
mod table;
mod talk;
#[cfg(test)]
mod tests;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::sim::http::Front;
use talk::Talk;
use wire::{GREETING, Reader};

/// Connections at a time; more are closed at once.
const CLIENTS: usize = 500;
/// How long the handshake may take, and how long a close is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a client may take nothing of what is sent to it.
const STUCK: Duration = Duration::from_secs(30);

/// Takes connections as long as the task lives.
pub async fn serve(door: TcpListener, front: Arc<Front>) {
    let mut tasks = JoinSet::new();
    loop {
        let Ok((stream, peer)) = door.accept().await else {
            // Out of descriptors: it passes.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        while tasks.try_join_next().is_some() {}
        if tasks.len() < CLIENTS {
            let talk = Talk::new(front.clone(), peer);
            tasks.spawn(converse(stream, talk));
        }
    }
}

/// One connection, until either side has enough.
async fn converse(mut stream: TcpStream, mut talk: Talk) {
    let _ = stream.set_nodelay(true);
    let mut reader = Reader::new();
    let mut chunk = vec![0; 16 << 10];
    let began = Instant::now();
    let (mut heard, mut said) = (began, began);
    loop {
        let more = talk.deliver();
        if !talk.out.is_empty() {
            let out = std::mem::take(&mut talk.out);
            if !matches!(timeout(STUCK, stream.write_all(&out)).await, Ok(Ok(()))) {
                return;
            }
            said = Instant::now();
        }
        if talk.is_over() {
            let _ = stream.shutdown().await;
            return;
        }
        let beat = talk.heartbeat();
        let until = match beat {
            _ if !talk.is_open() => talk.closing_since().unwrap_or(began) + PATIENCE,
            Some(beat) => (said + beat / 2).min(heard + beat * 2),
            None => Instant::now() + Duration::from_secs(86_400),
        };
        let wake = talk.wake();
        tokio::select! {
            () = std::future::ready(()), if more => {}
            read = stream.read(&mut chunk) => {
                let Ok(n @ 1..) = read else { return };
                heard = Instant::now();
                reader.push(&chunk[..n]);
                listen(&mut reader, &mut talk);
            }
            () = wake.notified() => {}
            () = tokio::time::sleep_until(until) => {
                match beat {
                    Some(beat) if talk.is_open() && heard + beat * 2 > Instant::now() => talk.beat(),
                    // It does not get on with the handshake, or is silent for too long.
                    _ => return,
                }
            }
        }
    }
}

/// Takes in all that is whole.
fn listen(reader: &mut Reader, talk: &mut Talk) {
    while !talk.is_over() {
        match reader.next() {
            Ok(Some(heard)) => {
                talk.hear(heard);
                reader.set_limit(talk.frame_max());
            }
            Ok(None) => return,
            Err(wire::Broken::Greeting) => {
                // Which versions it speaks; then it closes.
                talk.out.extend_from_slice(&GREETING);
                talk.leave();
            }
            Err(wire::Broken::Frame(kind, why)) => {
                talk.break_off(kind, why);
                return;
            }
        }
    }
}
