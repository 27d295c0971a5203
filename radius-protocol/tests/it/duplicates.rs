//! The duplicate cache: notes 1.4, and a model that it must agree with.

use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;
use sekisho_radius_protocol::duplicate::{
    Admission, Bounds, CAPACITY_MAX, DuplicateCache, Key, LIFETIME_MAX, LIFETIME_MIN, Ticket,
    WORK_MAX,
};

const START: Duration = Duration::from_secs(1000);

fn key(port: u16, identifier: u8) -> Key {
    Key {
        peer: ([192, 0, 2, 1], port).into(),
        socket: 0,
        identifier,
    }
}

fn cache(capacity: usize) -> DuplicateCache<()> {
    DuplicateCache::new(Bounds::new(LIFETIME_MIN, capacity).expect("within bounds"))
}

/// What `admit` said, without borrows.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    New,
    InProgress,
    Answered(Vec<u8>),
    Full,
}

fn ask(
    cache: &mut DuplicateCache<()>,
    now: Duration,
    key: Key,
    authenticator: u8,
) -> (Said, Option<Ticket>) {
    match cache.admit(now, key, &[authenticator; 16], || ()) {
        Admission::New(ticket) => (Said::New, Some(ticket)),
        Admission::InProgress => (Said::InProgress, None),
        Admission::Answered(reply) => (Said::Answered(reply.to_vec()), None),
        Admission::Full => (Said::Full, None),
    }
}

fn admit(cache: &mut DuplicateCache<()>, now: Duration, key: Key, authenticator: u8) -> Ticket {
    ask(cache, now, key, authenticator)
        .1
        .expect("this request is new")
}

fn finish(cache: &mut DuplicateCache<()>, now: Duration, ticket: Ticket, reply: &[u8]) -> bool {
    cache.hold(ticket, reply.into()) && cache.release(now, ticket).is_some()
}

#[test]
fn bounds_outside_of_5_to_30_seconds_or_without_capacity_are_refused() {
    let second = Duration::from_secs(1);
    assert!(Bounds::new(LIFETIME_MIN, 1).is_some());
    assert!(Bounds::new(LIFETIME_MAX, CAPACITY_MAX).is_some());
    assert!(Bounds::new(LIFETIME_MIN - second, 1).is_none());
    assert!(Bounds::new(LIFETIME_MAX + second, 1).is_none());
    assert!(Bounds::new(LIFETIME_MIN, 0).is_none());
    assert!(Bounds::new(LIFETIME_MIN, CAPACITY_MAX + 1).is_none());
}

#[test]
fn same_packet_is_ignored_while_in_work_and_answered_alike_after() {
    let mut cache = cache(10);
    let ticket = admit(&mut cache, START, key(1, 1), 1);
    assert_eq!(ask(&mut cache, START, key(1, 1), 1).0, Said::InProgress);
    assert!(cache.hold(ticket, (*b"reply").into()));
    assert_eq!(
        ask(&mut cache, START, key(1, 1), 1).0,
        Said::InProgress,
        "a reply that is held back must not leave early"
    );
    assert!(cache.release(START, ticket).is_some());
    for _ in 0..3 {
        assert_eq!(
            ask(&mut cache, START, key(1, 1), 1).0,
            Said::Answered(b"reply".to_vec())
        );
    }
}

#[test]
fn reply_lives_as_long_as_set_counted_from_when_it_was_sent() {
    let mut cache = cache(10);
    let ticket = admit(&mut cache, START, key(1, 1), 1);
    let sent = START + Duration::from_secs(3);
    assert!(finish(&mut cache, sent, ticket, b"reply"));
    let last = sent + LIFETIME_MIN - Duration::from_millis(1);
    assert_eq!(
        ask(&mut cache, last, key(1, 1), 1).0,
        Said::Answered(b"reply".to_vec())
    );
    assert_eq!(
        ask(&mut cache, sent + LIFETIME_MIN, key(1, 1), 1).0,
        Said::New
    );
}

#[test]
fn port_identifier_socket_and_address_tell_requests_apart() {
    let mut cache = cache(10);
    let mut other_socket = key(1, 1);
    other_socket.socket = 1;
    let mut other_address = key(1, 1);
    other_address.peer = ([192, 0, 2, 2], 1).into();
    for key in [key(1, 1), key(2, 1), key(1, 2), other_socket, other_address] {
        assert_eq!(ask(&mut cache, START, key, 1).0, Said::New);
    }
    assert_eq!(cache.len(), 5);
}

#[test]
fn other_authenticator_replaces_the_old_request_and_its_ticket_is_dead() {
    let mut cache = cache(10);
    let old = admit(&mut cache, START, key(1, 1), 1);
    let new = admit(&mut cache, START, key(1, 1), 2);
    assert_eq!(cache.len(), 1);
    assert!(cache.judging(old).is_none());
    assert!(!finish(&mut cache, START, old, b"old"));
    cache.forget(old);
    assert!(finish(&mut cache, START, new, b"new"));
    assert_eq!(
        ask(&mut cache, START, key(1, 1), 2).0,
        Said::Answered(b"new".to_vec())
    );
}

#[test]
fn forgotten_request_is_new_when_it_comes_again() {
    let mut cache = cache(10);
    let ticket = admit(&mut cache, START, key(1, 1), 1);
    cache.forget(ticket);
    assert!(cache.is_empty());
    assert_eq!(ask(&mut cache, START, key(1, 1), 1).0, Said::New);
}

#[test]
fn finished_request_can_not_be_forgotten_or_finished_again() {
    let mut cache = cache(10);
    let ticket = admit(&mut cache, START, key(1, 1), 1);
    assert!(finish(&mut cache, START, ticket, b"first"));
    cache.forget(ticket);
    assert!(!finish(&mut cache, START, ticket, b"second"));
    assert_eq!(
        ask(&mut cache, START, key(1, 1), 1).0,
        Said::Answered(b"first".to_vec())
    );
}

#[test]
fn full_cache_gives_up_the_oldest_finished_and_no_request_in_work() {
    let mut cache = cache(3);
    let slow = admit(&mut cache, START, key(1, 0), 1);
    for identifier in 1..=100 {
        let ticket = admit(&mut cache, START, key(1, identifier), 1);
        assert!(finish(&mut cache, START, ticket, &[identifier]));
        assert!(cache.len() <= 3);
    }
    assert_eq!(
        ask(&mut cache, START, key(1, 99), 1).0,
        Said::Answered(vec![99])
    );
    assert_eq!(ask(&mut cache, START, key(1, 98), 1).0, Said::New);
    assert!(finish(&mut cache, START, slow, b"slow"));
}

#[test]
fn cache_full_of_work_takes_nothing_and_loses_nothing() {
    let mut cache = cache(2);
    let first = admit(&mut cache, START, key(1, 1), 1);
    admit(&mut cache, START, key(1, 2), 1);
    assert_eq!(ask(&mut cache, START, key(1, 3), 1).0, Said::Full);
    assert!(finish(&mut cache, START, first, b"reply"));
    assert_eq!(ask(&mut cache, START, key(1, 3), 1).0, Said::New);
}

#[test]
fn work_that_never_ends_does_not_fill_the_cache_for_ever() {
    let mut cache = cache(1);
    admit(&mut cache, START, key(1, 1), 1);
    let before = START + WORK_MAX - Duration::from_millis(1);
    assert_eq!(ask(&mut cache, before, key(1, 2), 1).0, Said::Full);
    assert_eq!(ask(&mut cache, START + WORK_MAX, key(1, 2), 1).0, Said::New);
}

/// The cache as a plain list: slow, and obviously right.
#[derive(Default)]
struct Model {
    entries: Vec<Entry>,
}

struct Entry {
    key: Key,
    authenticator: u8,
    since: Duration,
    finished: Option<Vec<u8>>,
}

impl Model {
    fn admit(&mut self, now: Duration, key: Key, authenticator: u8, capacity: usize) -> Said {
        self.entries.retain(|entry| {
            let life = if entry.finished.is_some() {
                LIFETIME_MIN
            } else {
                WORK_MAX
            };
            now - entry.since < life
        });
        let same = |entry: &&Entry| entry.key == key && entry.authenticator == authenticator;
        if let Some(entry) = self.entries.iter().find(same) {
            let reply = entry.finished.clone();
            return reply.map_or(Said::InProgress, Said::Answered);
        }
        self.entries.retain(|entry| entry.key != key);
        if self.entries.len() >= capacity {
            match self
                .entries
                .iter()
                .position(|entry| entry.finished.is_some())
            {
                Some(oldest) => drop(self.entries.remove(oldest)),
                None => return Said::Full,
            }
        }
        self.entries.push(Entry {
            key,
            authenticator,
            since: now,
            finished: None,
        });
        Said::New
    }

    fn working(&self, key: Key, authenticator: u8) -> Option<usize> {
        self.entries.iter().position(|entry| {
            entry.key == key && entry.authenticator == authenticator && entry.finished.is_none()
        })
    }

    /// The list is kept in the order of finishing, so that the first finished is the oldest.
    fn finish(&mut self, now: Duration, at: usize, reply: Vec<u8>) {
        let mut entry = self.entries.remove(at);
        entry.finished = Some(reply);
        entry.since = now;
        self.entries.push(entry);
    }
}

#[derive(Debug, Clone)]
enum Step {
    Request { port: u16, authenticator: u8 },
    Finish(usize),
    Forget(usize),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0u16..6, 0u8..3).prop_map(|(port, authenticator)| Step::Request { port, authenticator }),
        3 => any::<usize>().prop_map(Step::Finish),
        1 => any::<usize>().prop_map(Step::Forget),
        2 => (0u64..8_000).prop_map(Step::Wait),
    ]
}

proptest! {
    #[test]
    fn cache_agrees_with_a_plain_list(
        steps in proptest::collection::vec(step(), 1..200),
        capacity in 1usize..5,
    ) {
        let mut cache = cache(capacity);
        let mut model = Model::default();
        let mut tickets: Vec<(Ticket, Key, u8)> = Vec::new();
        let mut current: HashMap<(Key, u8), Ticket> = HashMap::new();
        let mut now = START;
        let mut replies = 0u32;
        for step in steps {
            match step {
                Step::Request { port, authenticator } => {
                    let (said, ticket) = ask(&mut cache, now, key(port, 0), authenticator);
                    let expected = model.admit(now, key(port, 0), authenticator, capacity);
                    prop_assert_eq!(said, expected);
                    if let Some(ticket) = ticket {
                        tickets.push((ticket, key(port, 0), authenticator));
                        current.insert((key(port, 0), authenticator), ticket);
                    }
                }
                Step::Finish(which) if !tickets.is_empty() => {
                    let (ticket, key, authenticator) = tickets[which % tickets.len()];
                    replies += 1;
                    let reply = replies.to_be_bytes();
                    let done = finish(&mut cache, now, ticket, &reply);
                    let living = current.get(&(key, authenticator)) == Some(&ticket);
                    let at = model.working(key, authenticator).filter(|_| living);
                    prop_assert_eq!(done, at.is_some());
                    if let Some(at) = at {
                        model.finish(now, at, reply.to_vec());
                    }
                }
                Step::Forget(which) if !tickets.is_empty() => {
                    let (ticket, key, authenticator) = tickets[which % tickets.len()];
                    cache.forget(ticket);
                    let living = current.get(&(key, authenticator)) == Some(&ticket);
                    if let Some(at) = model.working(key, authenticator).filter(|_| living) {
                        model.entries.remove(at);
                    }
                }
                Step::Wait(milliseconds) => now += Duration::from_millis(milliseconds),
                Step::Finish(_) | Step::Forget(_) => {}
            }
            prop_assert_eq!(cache.len(), model.entries.len());
            prop_assert!(cache.len() <= capacity);
        }
    }
}
