//! What a verdict comes to: an accept, a reject, or another challenge.

use super::client::{Client, Mode};
use super::reply::{Answer, Body, Verdict};
use super::rounds::Rounds;
use super::work::{Shape, Then, Work};
use super::{Moment, Random, Server, Ticket};
use crate::mppe;

impl Server {
    /// What a verdict comes to, and whether it is held back. Nothing if nobody waits for it, or if
    /// there are no keys (any more) for a State.
    pub(super) fn outcome<'a>(
        &mut self,
        at: &Moment,
        ticket: Ticket,
        answer: &Answer<'a>,
        random: &Random,
    ) -> Option<(Body<'a>, bool)> {
        let (_, _, work) = self.duplicates.judging(ticket)?;
        let rounds = Rounds {
            keys: &self.keys,
            client: &work.client,
            account: &work.account,
            shape: work.shape,
            at,
            random,
            until: None,
        };
        let at_once = |body| Some((body, false));
        let body = match (answer.verdict, &work.then) {
            (Verdict::Accept, Then::End | Then::Code { .. } | Then::Acknowledged) => {
                accept(work, answer)
            }
            (Verdict::Accept, Then::Acknowledge { id, proved }) => match answer.ms_chap {
                Some(keys) => {
                    let challenge = rounds.acknowledge(*id, proved, keys)?;
                    return at_once(Body::Challenge(challenge));
                }
                None => None,
            },
            (Verdict::Challenge(first), &Then::FirstCode { id, until }) => {
                let rounds = Rounds { until, ..rounds };
                return at_once(Body::Challenge(rounds.code(id, 1, first)?));
            }
            (
                Verdict::Reject,
                &Then::Code {
                    id,
                    round,
                    expires,
                    first,
                },
            ) if work.client.has_round_after(round)
                && work.client.next_expiry(expires) > at.wall
                && self.asked.take(at.now, work.client.account(&work.account)) =>
            {
                // For whatever cause: a wrong password, a locked account and a code that was used
                // before are all told like this.
                let until = Some(work.client.next_expiry(expires));
                let rounds = Rounds { until, ..rounds };
                return Some((Body::Challenge(rounds.code(id, round + 1, first)?), true));
            }
            // An accept of a password alone, or a challenge in the place of a verdict, is a
            // mistake of the caller. It lets nobody in.
            _ => None,
        };
        match body {
            Some(body) => at_once(body),
            None => Some((Body::Reject, true)),
        }
    }
}

impl Client {
    fn has_round_after(&self, round: u8) -> bool {
        matches!(self.mode, Mode::Challenge { rounds } if round < rounds)
    }
}

/// Nothing if the keys are not there that this reply must have.
fn accept<'a>(work: &Work, answer: &Answer<'a>) -> Option<Body<'a>> {
    let keys = match (work.shape, &work.then) {
        (Shape::MsChap(_), _) | (_, Then::Acknowledged) => Some(answer.ms_chap?),
        (Shape::Plain | Shape::Eap(_), _) => None,
    };
    Some(Body::Accept {
        text: answer.reply_message.unwrap_or_default(),
        attributes: answer.attributes,
        authenticator_response: keys.map(|keys| &keys.authenticator_response),
        keys: keys.map(|keys| mppe::Keys {
            receive: &keys.receive,
            send: &keys.send,
        }),
    })
}
