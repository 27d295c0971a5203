//! What each client was seen to send: for whoever has to find out why a gateway gets no answer.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sekisho_radius_protocol::attribute::microsoft;
use sekisho_radius_protocol::{AttributeType, Packet};
use sekisho_verifier_socket::radius::{ClientSeen, SEEN_MAX};

use crate::metrics::Counter;

/// Requests that are remembered to recognise their retransmissions.
const RECENT_MAX: usize = 8_192;
/// Where the type of an EAP packet stands, and what is there when it is a response.
const EAP_TYPE_AT: usize = 4;
const EAP_RESPONSE: u8 = 2;
/// After how long a line about the same trouble of the same client may come again.
const LINE_INTERVAL: Duration = Duration::from_secs(60);

/// Ways to prove who one is; those of the settings first, then some that nobody can turn on.
const METHODS: [&str; 11] = [
    "pap",
    "chap",
    "ms-chap-v2",
    "eap-gtc",
    "eap-ms-chap-v2",
    "ms-chap",
    "eap-md5",
    "eap-tls",
    "eap-ttls",
    "eap-peap",
    "eap-other",
];

/// What all clients were seen to send.
#[derive(Debug)]
pub(crate) struct Seen {
    clients: Mutex<Vec<One>>,
}

#[derive(Debug)]
struct One {
    told: ClientSeen,
    /// The bits of [`METHODS`].
    methods: u16,
}

/// A request, as far as it matters here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sight {
    methods: u16,
    has_message_authenticator: bool,
    is_access_request: bool,
}

impl Sight {
    /// Looks at a packet, whether it is authentic or not.
    pub(crate) fn of(packet: &Packet<'_>) -> Self {
        let mut sight = Self {
            is_access_request: packet.code() == sekisho_radius_protocol::Code::ACCESS_REQUEST,
            ..Self::default()
        };
        let mut eap_is_known = false;
        for attribute in packet.attributes() {
            let method = match attribute.kind {
                AttributeType::MESSAGE_AUTHENTICATOR => {
                    sight.has_message_authenticator = true;
                    continue;
                }
                AttributeType::USER_PASSWORD => Some("pap"),
                AttributeType::CHAP_PASSWORD => Some("chap"),
                AttributeType::VENDOR_SPECIFIC => ms_chap(&attribute),
                // The type stands in the first piece.
                AttributeType::EAP_MESSAGE if !eap_is_known => {
                    eap_is_known = true;
                    eap(attribute.value)
                }
                _ => None,
            };
            if let Some(method) = method {
                let at = METHODS.iter().position(|name| *name == method);
                sight.methods |= at.map_or(0, |at| 1 << at);
            }
        }
        sight
    }
}

fn ms_chap(attribute: &sekisho_radius_protocol::Attribute<'_>) -> Option<&'static str> {
    attribute
        .vendor_attributes()
        .filter(|inner| inner.vendor == microsoft::VENDOR_ID)
        .find_map(|inner| match inner.kind {
            microsoft::CHAP_RESPONSE => Some("ms-chap"),
            microsoft::CHAP2_RESPONSE => Some("ms-chap-v2"),
            _ => None,
        })
}

/// Identity, Notification and Nak are no methods.
fn eap(packet: &[u8]) -> Option<&'static str> {
    if packet.first() != Some(&EAP_RESPONSE) {
        return None;
    }
    match *packet.get(EAP_TYPE_AT)? {
        1..=3 => None,
        4 => Some("eap-md5"),
        6 => Some("eap-gtc"),
        13 => Some("eap-tls"),
        21 => Some("eap-ttls"),
        25 => Some("eap-peap"),
        26 => Some("eap-ms-chap-v2"),
        _ => Some("eap-other"),
    }
}

impl Seen {
    /// The clients by their numbers. Nothing was seen of them yet.
    pub(crate) fn new<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        let one = |name: &str| One {
            told: ClientSeen {
                client: name.to_owned(),
                ..ClientSeen::default()
            },
            methods: 0,
        };
        Self {
            clients: Mutex::new(names.map(one).collect()),
        }
    }

    /// Everything that was seen, in as many parts as it takes; one, if it is nothing.
    pub(crate) fn frames(&self) -> Vec<Vec<ClientSeen>> {
        let all: Vec<ClientSeen> = self
            .lock()
            .iter()
            .filter(|one| one.told.last_seen_ms.is_some())
            .map(One::tell)
            .collect();
        if all.is_empty() {
            return vec![Vec::new()];
        }
        all.chunks(SEEN_MAX).map(<[_]>::to_vec).collect()
    }

    /// An authentic request, or one that only lacks what would make it authentic.
    pub(crate) fn request(&self, client: usize, wall_ms: u64, sight: Sight) {
        self.change(client, |one| {
            one.methods |= sight.methods;
            one.told.last_seen_ms = Some(wall_ms);
            if sight.is_access_request {
                match sight.has_message_authenticator {
                    true => one.told.with_message_authenticator += 1,
                    false => one.told.without_message_authenticator += 1,
                }
            }
        });
    }

    pub(crate) fn dropped(&self, client: usize, wall_ms: u64, why: Counter) {
        self.change(client, |one| {
            one.told.dropped += 1;
            one.told.last_seen_ms = Some(wall_ms);
            if one.told.last_drop.as_deref() != Some(why.reason()) {
                one.told.last_drop = Some(why.reason().to_owned());
            }
        });
    }

    /// It sent the same again, this long after the last time if that is known.
    pub(crate) fn again(&self, client: usize, after: Option<Duration>) {
        self.change(client, |one| {
            let told = &mut one.told;
            told.retransmissions += 1;
            if let Some(after) = after {
                let ms = u32::try_from(after.as_millis()).unwrap_or(u32::MAX);
                told.retry_ms_min = Some(told.retry_ms_min.map_or(ms, |least| least.min(ms)));
                told.retry_ms_max = Some(told.retry_ms_max.map_or(ms, |most| most.max(ms)));
            }
        });
    }

    pub(crate) fn accepted(&self, client: usize, wall_ms: u64) {
        self.change(client, |one| {
            one.told.accepts += 1;
            one.told.last_accept_ms = Some(wall_ms);
        });
    }

    pub(crate) fn rejected(&self, client: usize) {
        self.change(client, |one| one.told.rejects += 1);
    }

    pub(crate) fn accounting(&self, client: usize) {
        self.change(client, |one| one.told.accounting += 1);
    }

    /// What `message-authenticator = "auto"` has come to.
    pub(crate) fn auto(&self, client: usize, word: &'static str) {
        self.change(client, |one| {
            if one.told.auto.as_deref() != Some(word) {
                one.told.auto = Some(word.to_owned());
            }
        });
    }

    fn change(&self, client: usize, change: impl FnOnce(&mut One)) {
        if let Some(one) = self.lock().get_mut(client) {
            change(one);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<One>> {
        // A panic aborts the daemon, so a poisoned lock is never seen.
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl One {
    fn tell(&self) -> ClientSeen {
        let is_seen = |at: &usize| self.methods & (1 << at) != 0;
        ClientSeen {
            methods: (0..METHODS.len())
                .filter(is_seen)
                .map(|at| METHODS[at].to_owned())
                .collect(),
            ..self.told.clone()
        }
    }
}

/// The last requests, to tell how long clients wait before they send one again.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    hasher: RandomState,
    sent: HashMap<u64, Duration>,
    order: VecDeque<u64>,
}

impl Recent {
    /// How long ago the same request came last, if it did.
    pub(crate) fn note(
        &mut self,
        now: Duration,
        peer: SocketAddr,
        packet: &Packet<'_>,
    ) -> Option<Duration> {
        let key = (peer, packet.identifier(), packet.authenticator());
        let mark = self.hasher.hash_one(key);
        if let Some(last) = self.sent.insert(mark, now) {
            return Some(now.saturating_sub(last));
        }
        self.order.push_back(mark);
        if self.order.len() > RECENT_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.sent.remove(&oldest);
        }
        None
    }
}

/// What goes into the log, so that a client that is wrong all the time fills no disk.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    /// When the last line was, and how much it left out, for each client and trouble. Both come
    /// from closed lists, so this does not grow for ever.
    last: HashMap<(usize, &'static str), (Duration, u64)>,
}

impl Lines {
    /// Whether a line may be written now; with how often it could not since the last one.
    pub(crate) fn may(&mut self, now: Duration, client: usize, what: &'static str) -> Option<u64> {
        match self.last.get_mut(&(client, what)) {
            Some((last, left_out)) if now.saturating_sub(*last) < LINE_INTERVAL => {
                *left_out += 1;
                None
            }
            Some(entry) => Some(std::mem::replace(entry, (now, 0)).1),
            None => {
                self.last.insert((client, what), (now, 0));
                Some(0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use sekisho_radius_protocol::Secret;
    use sekisho_radius_protocol::packet::PacketWriter;
    use sekisho_radius_protocol::{Code, request};

    use super::*;

    fn seen() -> Seen {
        Seen::new(["vpn", "wlan"].into_iter())
    }

    fn octets(
        fill: impl FnOnce(&mut PacketWriter<'_, sekisho_radius_protocol::packet::Requesting>),
    ) -> Vec<u8> {
        let mut buffer = [0; 512];
        let mut writer =
            PacketWriter::request(&mut buffer, Code::ACCESS_REQUEST, 1, &[7; 16]).unwrap();
        fill(&mut writer);
        let length = writer.seal(&Secret::new(*b"secret").unwrap());
        buffer[..length].to_vec()
    }

    #[test]
    fn methods_are_seen_that_nobody_can_turn_on() {
        let eap = [2, 1, 0, 6, 4, 0];
        for (kind, value, expected) in [
            (AttributeType::CHAP_PASSWORD, &[0; 17][..], "chap"),
            (AttributeType::EAP_MESSAGE, &eap, "eap-md5"),
            (AttributeType::USER_PASSWORD, &[0; 16], "pap"),
            (
                AttributeType::VENDOR_SPECIFIC,
                &[0, 0, 1, 55, 25, 3, 0],
                "ms-chap-v2",
            ),
        ] {
            let octets = octets(|writer| writer.attribute(kind, value).unwrap());
            let seen = seen();
            seen.request(1, 5, Sight::of(&Packet::parse(&octets).unwrap()));
            let told = &seen.frames()[0];
            assert_eq!(told.len(), 1);
            assert_eq!(told[0].client, "wlan");
            assert_eq!(told[0].methods, [expected]);
            assert_eq!(told[0].without_message_authenticator, 1);
            assert_eq!(told[0].last_seen_ms, Some(5));
        }
    }

    #[test]
    fn time_between_retransmissions_is_told_from_the_last_one() {
        let mut buffer = [0; 512];
        let secret = Secret::new(*b"secret").unwrap();
        let length = request::pap(&mut buffer, &secret, 1, &[1; 16], b"hana", b"1").unwrap();
        let packet = Packet::parse(&buffer[..length]).unwrap();
        let peer = ([127, 0, 0, 1], 1).into();
        let mut recent = Recent::default();
        let ms = Duration::from_millis;
        assert_eq!(recent.note(ms(0), peer, &packet), None);
        assert_eq!(recent.note(ms(2_000), peer, &packet), Some(ms(2_000)));
        assert_eq!(recent.note(ms(4_800), peer, &packet), Some(ms(2_800)));
        let other_port = ([127, 0, 0, 1], 2).into();
        assert_eq!(recent.note(ms(4_800), other_port, &packet), None);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut recent = Recent::default();
        let octets = octets(|_| ());
        let packet = Packet::parse(&octets).unwrap();
        for port in 0..=u16::MAX {
            recent.note(Duration::ZERO, ([127, 0, 0, 1], port).into(), &packet);
        }
        assert_eq!(recent.sent.len(), RECENT_MAX);
    }

    #[test]
    fn many_clients_are_told_in_parts() {
        let names: Vec<String> = (0..150).map(|n| format!("client-{n}")).collect();
        let seen = Seen::new(names.iter().map(String::as_str));
        assert_eq!(seen.frames(), vec![Vec::new()]);
        for client in 0..150 {
            seen.dropped(client, 1, Counter::Malformed);
        }
        let parts: Vec<usize> = seen.frames().iter().map(Vec::len).collect();
        assert_eq!(parts, [SEEN_MAX, SEEN_MAX, 22]);
    }

    #[test]
    fn one_line_in_a_minute_and_the_next_says_how_many_it_stands_for() {
        let mut lines = Lines::default();
        let at = Duration::from_secs;
        assert_eq!(lines.may(at(0), 0, "a"), Some(0));
        assert_eq!(lines.may(at(1), 0, "a"), None);
        assert_eq!(lines.may(at(2), 0, "a"), None);
        assert_eq!(lines.may(at(2), 1, "a"), Some(0));
        assert_eq!(lines.may(at(2), 0, "b"), Some(0));
        assert_eq!(lines.may(at(60), 0, "a"), Some(2));
    }
}
