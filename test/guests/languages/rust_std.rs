//! Rust's standard library inside: threads, channels, panics that unwind, atomics, files, processes.
use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Write};
use std::panic;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{channel, sync_channel, RecvTimeoutError};
use std::sync::{Arc, Barrier, Condvar, Mutex, Once, RwLock};
use std::thread;
use std::time::{Duration, Instant};

struct Noisy(&'static str);
impl Drop for Noisy {
    fn drop(&mut self) {
        println!("dropped {}", self.0);
    }
}

fn unwinding() {
    panic::set_hook(Box::new(|info| println!("hook: {}", info.payload().downcast_ref::<&str>().unwrap_or(&"?"))));
    let caught = panic::catch_unwind(|| {
        let _outer = Noisy("outer");
        let inner = || {
            let _inner = Noisy("inner");
            panic!("thrown");
        };
        inner();
    });
    println!("caught: {}", caught.is_err());
    let joined = thread::spawn(|| -> u32 { panic!("in a thread") }).join();
    println!("thread panicked: {}", joined.is_err());
    let index = std::hint::black_box(7usize);
    println!("bounds: {}", panic::catch_unwind(move || [1, 2, 3][index]).is_err());
    let big = std::hint::black_box(i32::MAX);
    println!("overflow: {:?} {}", big.checked_add(1), big.wrapping_add(1));
    let lock = Arc::new(Mutex::new(1));
    let other = lock.clone();
    let _ = thread::spawn(move || {
        let _guard = other.lock().unwrap();
        panic!("poison");
    })
    .join();
    println!("poisoned: {}", lock.is_poisoned());
    let _ = panic::take_hook();
}

fn threads() {
    let total = Arc::new(AtomicU64::new(0));
    let barrier = Arc::new(Barrier::new(4));
    let handles: Vec<_> = (0..4u64)
        .map(|n| {
            let (total, barrier) = (total.clone(), barrier.clone());
            thread::Builder::new().name(format!("worker-{n}")).spawn(move || {
                barrier.wait();
                for i in 0..1000 {
                    total.fetch_add(i * n, Ordering::Relaxed);
                }
                thread::current().name().unwrap().to_string()
            })
        })
        .collect();
    let names: Vec<String> = handles.into_iter().map(|h| h.unwrap().join().unwrap()).collect();
    println!("{names:?} {}", total.load(Ordering::SeqCst));
    let pair = Arc::new((Mutex::new(0), Condvar::new()));
    let waiter = pair.clone();
    let handle = thread::spawn(move || {
        let mut value = waiter.0.lock().unwrap();
        while *value < 3 {
            value = waiter.1.wait(value).unwrap();
        }
        *value
    });
    for _ in 0..3 {
        *pair.0.lock().unwrap() += 1;
        pair.1.notify_all();
        thread::yield_now();
    }
    println!("condition: {}", handle.join().unwrap());
    let shared = RwLock::new(HashMap::new());
    thread::scope(|s| {
        for n in 0..3 {
            let shared = &shared;
            s.spawn(move || shared.write().unwrap().insert(n, n * n));
        }
    });
    let sorted: BTreeMap<_, _> = shared.into_inner().unwrap().into_iter().collect();
    println!("scoped: {sorted:?}");
    static ONCE: Once = Once::new();
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    for _ in 0..3 {
        ONCE.call_once(|| {
            RUNS.fetch_add(1, Ordering::SeqCst);
        });
    }
    println!("once: {}", RUNS.load(Ordering::SeqCst));
    thread_local!(static LOCAL: std::cell::Cell<u32> = const { std::cell::Cell::new(1) });
    LOCAL.with(|l| l.set(5));
    println!("locals: {} {}", LOCAL.with(|l| l.get()), thread::spawn(|| LOCAL.with(|l| l.get())).join().unwrap());
}

fn channels() {
    let (sender, receiver) = channel();
    for n in 0..3 {
        let sender = sender.clone();
        thread::spawn(move || sender.send(n).unwrap());
    }
    drop(sender);
    let mut got: Vec<i32> = receiver.iter().collect();
    got.sort();
    println!("channel: {got:?}");
    let (sender, receiver) = sync_channel::<u8>(1);
    println!("{:?}", receiver.recv_timeout(Duration::from_millis(2)) == Err(RecvTimeoutError::Timeout));
    println!("{:?} {:?}", sender.try_send(1).is_ok(), sender.try_send(2).is_err());
    drop(receiver);
    println!("{:?}", sender.send(3).is_err());
    let start = Instant::now();
    thread::sleep(Duration::from_millis(3));
    println!("slept: {}", start.elapsed() >= Duration::from_millis(3));
}

fn system() {
    std::fs::write("file", b"content").unwrap();
    let mut text = String::new();
    std::fs::File::open("file").unwrap().read_to_string(&mut text).unwrap();
    println!("{text} {:?}", std::fs::metadata("file").unwrap().len());
    std::fs::remove_file("file").unwrap();
    println!("{:?}", std::fs::File::open("file").unwrap_err().kind());
    let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"through cat").unwrap();
    println!("{}", String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap());
    println!("{:?}", Command::new("sh").args(["-c", "exit 7"]).status().unwrap().code());
    println!("{:?}", Command::new("/missing").status().unwrap_err().kind());
    println!("{}", std::env::args().count());
}

fn main() {
    unwinding();
    threads();
    channels();
    system();
    let sum: f64 = (1..=1000).map(|n| (n as f64).sqrt()).sum();
    println!("{sum:.9} {:?}", "text, with, parts".split(", ").collect::<Vec<_>>());
    std::process::exit(3);
}
