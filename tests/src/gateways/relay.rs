//! A bad network between a gateway and the server: a UDP relay whose test decides what becomes of
//! each datagram.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// How often a thread looks whether it shall end.
const GLANCE: Duration = Duration::from_millis(50);
const DATAGRAM_MAX: usize = 65_535;

/// Where a datagram goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the gateway to the server.
    Request,
    /// From the server to the gateway.
    Reply,
}

/// What becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It arrives.
    Pass,
    /// It is lost.
    Lose,
    /// It arrives twice.
    Twice,
    /// It arrives late; others overtake it.
    Late(Duration),
    /// A request that arrives from a port that was never seen before, as behind some load balancers.
    FromNewPort,
    /// Something else arrives.
    Instead(Vec<u8>),
}

type Judge = dyn FnMut(Direction, usize, &[u8]) -> Fate + Send;

/// A relay. It ends when it is dropped.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    inner: Arc<Inner>,
    thread: Option<thread::JoinHandle<()>>,
}

struct Inner {
    front: UdpSocket,
    server: SocketAddr,
    ends: AtomicBool,
    state: Mutex<State>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

struct State {
    judge: Box<Judge>,
    seen: Vec<Seen>,
}

/// A datagram that reached the relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Where to.
    pub direction: Direction,
    /// The gateway's own address and port.
    pub gateway: SocketAddr,
    /// The datagram.
    pub octets: Vec<u8>,
}

impl Relay {
    /// Listens at `front` for gateways and hands on to `server`. `judge` is told the direction, how
    /// many of that direction there were before, and the datagram.
    #[track_caller]
    pub fn start(
        front: SocketAddr,
        server: SocketAddr,
        judge: impl FnMut(Direction, usize, &[u8]) -> Fate + Send + 'static,
    ) -> Self {
        let front = UdpSocket::bind(front).expect("the relay's own address is free");
        front
            .set_read_timeout(Some(GLANCE))
            .expect("a time limit can be set");
        let address = front.local_addr().expect("it is bound");
        let inner = Arc::new(Inner {
            front,
            server,
            ends: AtomicBool::new(false),
            state: Mutex::new(State {
                judge: Box::new(judge),
                seen: Vec::new(),
            }),
        });
        let thread = thread::spawn({
            let inner = Arc::clone(&inner);
            move || inner.hand_on_requests()
        });
        Self {
            address,
            inner,
            thread: Some(thread),
        }
    }

    /// Loses the first reply, and nothing else.
    #[track_caller]
    pub fn losing_the_first_reply(front: SocketAddr, server: SocketAddr) -> Self {
        Self::start(front, server, |direction, nth, _| {
            if (direction, nth) == (Direction::Reply, 0) {
                Fate::Lose
            } else {
                Fate::Pass
            }
        })
    }

    /// Where gateways find it.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// All that reached it so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.inner.state().seen.clone()
    }

    /// All that reached it so far in this direction.
    pub fn seen_of(&self, direction: Direction) -> Vec<Seen> {
        let mut seen = self.seen();
        seen.retain(|datagram| datagram.direction == direction);
        seen
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.inner.ends.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            // A relay that panicked has said so.
            let _ = thread.join();
        }
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ended(&self) -> bool {
        self.ends.load(Ordering::SeqCst)
    }

    fn fate(&self, direction: Direction, gateway: SocketAddr, octets: &[u8]) -> Fate {
        let mut state = self.state();
        let before = state.seen.iter().filter(|s| s.direction == direction);
        let nth = before.count();
        state.seen.push(Seen {
            direction,
            gateway,
            octets: octets.to_vec(),
        });
        (state.judge)(direction, nth, octets)
    }

    fn hand_on_requests(self: Arc<Self>) {
        let mut backs: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
        let mut buffer = vec![0; DATAGRAM_MAX];
        while !self.ended() {
            let Ok((length, gateway)) = self.front.recv_from(&mut buffer) else {
                continue;
            };
            let octets = buffer[..length].to_vec();
            let fate = self.fate(Direction::Request, gateway, &octets);
            if fate == Fate::FromNewPort {
                backs.remove(&gateway);
            }
            let back = backs
                .entry(gateway)
                .or_insert_with(|| self.new_back(gateway));
            let back = Arc::clone(back);
            arrive(fate, octets, move |octets| {
                let _ = back.send(octets);
            });
        }
    }

    /// A socket towards the server, whose replies go to `gateway`.
    fn new_back(self: &Arc<Self>, gateway: SocketAddr) -> Arc<UdpSocket> {
        let back = UdpSocket::bind((self.address_towards_server(), 0)).expect("a socket");
        back.connect(self.server).expect("the server's address");
        back.set_read_timeout(Some(GLANCE))
            .expect("a time limit can be set");
        let back = Arc::new(back);
        let (inner, socket) = (Arc::clone(self), Arc::clone(&back));
        thread::spawn(move || {
            let mut buffer = vec![0; DATAGRAM_MAX];
            while !inner.ended() {
                let Ok(length) = socket.recv(&mut buffer) else {
                    continue;
                };
                let octets = buffer[..length].to_vec();
                let fate = inner.fate(Direction::Reply, gateway, &octets);
                let inner = Arc::clone(&inner);
                arrive(fate, octets, move |octets| {
                    let _ = inner.front.send_to(octets, gateway);
                });
            }
        });
        back
    }

    fn address_towards_server(&self) -> std::net::IpAddr {
        self.front
            .local_addr()
            .map_or(self.server.ip(), |address| address.ip())
    }
}

fn arrive(fate: Fate, octets: Vec<u8>, send: impl Fn(&[u8]) + Send + 'static) {
    match fate {
        Fate::Pass | Fate::FromNewPort => send(&octets),
        Fate::Lose => {}
        Fate::Twice => {
            send(&octets);
            send(&octets);
        }
        Fate::Late(delay) => {
            thread::spawn(move || {
                thread::sleep(delay);
                send(&octets);
            });
        }
        Fate::Instead(other) => send(&other),
    }
}
