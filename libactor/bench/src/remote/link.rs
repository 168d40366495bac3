//! The raw tokio link: a channel, whose messages are encoded, as many as there are, into one buffer, which is written; and frames
//! that are read and decoded. One thread at each end.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::{BufMut, BytesMut};
use futures::StreamExt;
use prost::Message;
use tepui_bench::{Figures, Other, percentiles, rate};
use tokio::io::{AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_util::codec::{FramedRead, LengthDelimitedCodec};

use super::{Count, Load, ROUNDS, STEP, TOLD, WARM, WARM_ROUNDS, WINDOW, address, load};

/// Written at once at most.
const BATCH: usize = 256;

type Frames = FramedRead<ReadHalf<TcpStream>, LengthDelimitedCodec>;

/// The other end: counts, or sends back.
pub fn play(arguments: &[String]) -> Result<()> {
    let echoes = arguments.first().is_some_and(|argument| argument == "echo");
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        Other::say(listener.local_addr()?);
        let (stream, _) = listener.accept().await?;
        let (frames, write) = split(stream)?;
        if echoes { echo(frames, write).await } else { count(frames, write).await }
    })
}

fn run<T>(main: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(main)
}

fn split(stream: TcpStream) -> Result<(Frames, WriteHalf<TcpStream>)> {
    stream.set_nodelay(true)?;
    let (read, write) = tokio::io::split(stream);
    Ok((FramedRead::with_capacity(read, LengthDelimitedCodec::new(), 64 << 10), write))
}

fn put(message: &impl Message, buffer: &mut BytesMut) {
    buffer.put_u32(message.encoded_len() as u32);
    message.encode(buffer).expect("a buffer grows");
}

async fn count(mut frames: Frames, mut write: WriteHalf<TcpStream>) -> Result<()> {
    let (mut count, mut buffer) = (0, BytesMut::new());
    while let Some(frame) = frames.next().await {
        std::hint::black_box(Load::decode(frame?)?);
        count += 1;
        if u64::is_multiple_of(count, STEP) {
            put(&Count { count }, &mut buffer);
            write.write_all_buf(&mut buffer).await?;
        }
    }
    Ok(())
}

async fn echo(mut frames: Frames, write: WriteHalf<TcpStream>) -> Result<()> {
    let queue = queue(write);
    while let Some(frame) = frames.next().await {
        queue.send(Load::decode(frame?)?)?;
    }
    Ok(())
}

/// The writing half of a link.
fn queue(mut write: WriteHalf<TcpStream>) -> mpsc::UnboundedSender<Load> {
    let (queue, mut queued) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let (mut batch, mut buffer) = (Vec::with_capacity(BATCH), BytesMut::new());
        while queued.recv_many(&mut batch, BATCH).await > 0 {
            batch.drain(..).for_each(|load| put(&load, &mut buffer));
            // The other end may be done.
            if write.write_all_buf(&mut buffer).await.is_err() {
                return;
            }
        }
    });
    queue
}

pub fn tell() -> Result<Figures> {
    run(async {
        let mut other = Other::start("link", &["count"])?;
        let (mut frames, write) = split(TcpStream::connect(address(&mut other)?).await?)?;
        let queue = queue(write);
        let (mut told, mut acknowledged, mut started) = (0, 0, Instant::now());
        loop {
            while told < WARM + TOLD && told < acknowledged + WINDOW {
                queue.send(load(told))?;
                told += 1;
            }
            let frame = frames.next().await.context("the other end closed")??;
            acknowledged = Count::decode(frame)?.count;
            if acknowledged == WARM {
                started = Instant::now();
            }
            if acknowledged == WARM + TOLD {
                return Ok(rate(TOLD, started.elapsed()));
            }
        }
    })
}

pub fn round_trips() -> Result<Figures> {
    run(async {
        let mut other = Other::start("link", &["echo"])?;
        let (mut frames, write) = split(TcpStream::connect(address(&mut other)?).await?)?;
        let queue = queue(write);
        let mut samples: Vec<Duration> = Vec::with_capacity(ROUNDS);
        for round in 0..WARM_ROUNDS + ROUNDS {
            let started = Instant::now();
            queue.send(load(round as u64))?;
            let frame = frames.next().await.context("the other end closed")??;
            let number = Load::decode(frame)?.number;
            let took = started.elapsed();
            ensure!(number == round as u64, "echo {number} in round {round}");
            if round >= WARM_ROUNDS {
                samples.push(took);
            }
        }
        Ok(percentiles(&mut samples))
    })
}
