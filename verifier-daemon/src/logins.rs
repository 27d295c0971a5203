//! From a request of the wire to an attempt of the core; passwords are judged on the way.

use std::sync::Arc;

use sekisho_verifier::account::{AccountName, PasswordHash};
use sekisho_verifier::place::Place;
use sekisho_verifier::proof::{Chap, First, MsChapV2, Proof, Round};
use sekisho_verifier::time::Time;
use sekisho_verifier::verify::{Attempt, Granted};
use sekisho_verifier_socket as wire;
use sekisho_verifier_socket::radius::{PasswordCheck, StateKey};
use sekisho_verifier_socket::{CORRELATION_OCTETS_MAX, Reply, Secret};
use zeroize::Zeroizing;

use crate::decider::Job;
use crate::outbox::ReplyTo;
use crate::passwords::PASSWORD_OCTETS_MAX;
use crate::second_use::Origin;
use crate::service::Shared;
use crate::tickets;

/// What the keys of RADIUS State are derived with.
const STATE: &[u8] = b"sekisho radius state 1";
/// What a password is told apart by within a correlation.
const PASSWORD: &[u8] = b"password in a correlation";

/// An attempt as far as it can be had without waiting.
pub(crate) fn attempt_of(attempt: &wire::Attempt, place: Place) -> Option<Attempt> {
    let proof = match &attempt.answer {
        wire::Answer::Code(code) => Proof::Code(Zeroizing::new(code.expose().to_vec())),
        wire::Answer::Chap {
            identifier,
            challenge,
            response,
        } => Proof::Chap(Chap {
            identifier: *identifier,
            challenge: challenge.clone(),
            response: *response,
        }),
        wire::Answer::MsChapV2 {
            challenge,
            peer_challenge,
            response,
            user_name,
        } => Proof::MsChapV2(MsChapV2 {
            challenge: *challenge,
            peer_challenge: *peer_challenge,
            response: *response,
            user_name: user_name.clone(),
        }),
        _ => return None,
    };
    Some(Attempt {
        account: attempt.account.clone(),
        proof,
        first: First::None,
        round: None,
        correlation: None,
        packet: None,
        place,
    })
}

/// Adds what only a gateway's attempt has, and has it decided.
pub(crate) fn of_gateway(
    request: wire::Attempt,
    attempt: Attempt,
    to: ReplyTo,
    shared: &Arc<Shared>,
) {
    let mut attempt = Attempt {
        round: request.conversation.map(|conversation| Round {
            id: conversation.id,
            until: Time::from_millis(conversation.until_ms),
        }),
        // Without one it is only stricter.
        correlation: request
            .correlation
            .filter(|octets| octets.len() <= CORRELATION_OCTETS_MAX),
        packet: request.packet.map(Vec::from),
        ..attempt
    };
    match request.first {
        None => {}
        Some(wire::First::Right) => attempt.first = First::Right,
        Some(wire::First::Wrong) => attempt.first = First::Wrong,
        Some(wire::First::Unavailable) => attempt.first = First::Unavailable,
        Some(wire::First::Ticket(ticket)) => {
            let (keyring, now) = (&shared.keyring, shared.clock.now().time);
            attempt.first = tickets::open(keyring, &attempt.account, ticket.expose(), now);
            bind(&mut attempt, ticket.expose());
        }
        Some(wire::First::Password(password)) => {
            let shared = Arc::clone(shared);
            let password = Zeroizing::new(password.expose().to_vec());
            tokio::spawn(async move {
                let tag = shared.keyring.current().tag(PASSWORD, &password);
                bind(&mut attempt, tag.octets());
                attempt.first = match judge(&attempt.account, password, &shared).await {
                    Some(true) => First::Right,
                    Some(false) => First::Wrong,
                    None => First::Unavailable,
                };
                submit(attempt, None, to, &shared);
            });
            return;
        }
        // Of a later version: nobody here can judge it.
        Some(_) => attempt.first = First::Unavailable,
    }
    submit(attempt, None, to, shared);
}

/// Two passwords are two logins: a repetition has the same.
fn bind(attempt: &mut Attempt, octets: &[u8]) {
    let said = [&mut attempt.correlation, &mut attempt.packet];
    for said in said.into_iter().flatten() {
        said.extend_from_slice(octets);
    }
}

pub(crate) fn submit(attempt: Attempt, origin: Option<Origin>, to: ReplyTo, shared: &Shared) {
    let job = Job::Login {
        attempt: Box::new(attempt),
        origin,
        to: to.clone(),
    };
    if shared.queue.put(job).is_err() {
        shared.counters.undecided.add();
        to.answer(Reply::Unavailable);
    }
}

/// Whether `password` is the one of `account`, as sent. It takes the same time whatever is true:
/// where there is no hash, a decoy is judged. `None` if nobody could judge it.
async fn judge(account: &str, password: Zeroizing<Vec<u8>>, shared: &Shared) -> Option<bool> {
    let name = AccountName::parse(account).ok();
    let hash: Option<PasswordHash> = shared
        .queue
        .look(move |store| match name {
            None => Ok(None),
            Some(name) => store.view().account_by_any_name(&name).map(|account| {
                let account = account.filter(|account| !account.disabled);
                account.and_then(|account| account.password)
            }),
        })
        .await?
        .ok()?;
    let fits = password.len() <= PASSWORD_OCTETS_MAX;
    let password = if fits { password } else { Zeroizing::default() };
    let right = shared.passwords.judge(hash, password).await?;
    Some(right && fits)
}

/// Judges a password for a code that comes later, and says what it is to nobody.
pub(crate) fn password(check: PasswordCheck, to: ReplyTo, shared: &Arc<Shared>) {
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        let password = Zeroizing::new(check.password.expose().to_vec());
        let right = judge(&check.account, password, &shared).await;
        let now = shared.clock.now().time;
        let keyring = &shared.keyring;
        let ticket = right.and_then(|right| tickets::seal(keyring, &check.account, right, now));
        to.answer(match ticket {
            Some(ticket) => Reply::Ticket(Secret::new(ticket)),
            None => {
                shared.counters.undecided.add();
                Reply::Unavailable
            }
        });
    });
}

/// The keys that seal RADIUS State, the one that seals first.
pub(crate) fn state_keys(shared: &Shared) -> Reply {
    let keys = shared.keyring.derive(STATE);
    let key = |(number, key): (u32, Zeroizing<[u8; 32]>)| StateKey {
        number,
        key: Secret::new(key.to_vec()),
    };
    Reply::StateKeys(keys.into_iter().map(key).collect())
}

/// What a gateway is told with an accept.
pub(crate) fn accepted(granted: &Granted) -> wire::Accepted {
    let keys = granted.ms_chap.as_ref();
    wire::Accepted {
        account: granted.account.to_string(),
        groups: granted.groups.iter().map(ToString::to_string).collect(),
        attributes: granted
            .attributes
            .iter()
            .map(|attribute| (attribute.name.to_string(), attribute.value.to_string()))
            .collect(),
        ms_chap: keys.map(|keys| wire::MsChapKeys {
            authenticator_response: Secret::new(keys.authenticator_response.to_vec()),
            send: Secret::new(keys.send.to_vec()),
            receive: Secret::new(keys.receive.to_vec()),
        }),
    }
}
