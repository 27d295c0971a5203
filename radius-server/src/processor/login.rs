//! Logins: from the packet to whoever judges, and back.
//!
//! A login can be judged by several: first the password, by PAM or a directory; then the code, by
//! the verifier; then, for what the accept carries, groups are looked up. Until the last of them has
//! spoken the request stays open, and its retransmissions get silence.

use std::sync::Arc;

use sekisho_radius_protocol::server::{
    Action, Answer, Arrival, Conclusion, First, Ignored, MsChapKeys, Question, SendCause, Ticket,
    Verdict,
};
use sekisho_radius_protocol::state::{FirstFactor, FirstTicket};
use sekisho_radius_protocol::user_password::Password;
use sekisho_settings::FirstFactor as Judge;
use sekisho_verifier_socket::radius::PasswordCheck;
use sekisho_verifier_socket::{
    Accepted, Attempt, First as WireFirst, MsChapKeys as WireKeys, Request, Secret,
};

use super::{Processor, attempt};
use crate::authority::Errand;
use crate::clients::Client;
use crate::first_factor::Judged;
use crate::mailbox::{Datagram, Opinion};
use crate::metrics::Counter;

/// A login that somebody was asked about.
pub(super) struct Open {
    client: Arc<Client>,
    stage: Stage,
}

/// What a login waits for.
enum Stage {
    /// The verifier.
    Asked,
    /// Who judges its password; then this attempt is made.
    Password(Box<Attempt>),
    /// Who judges its password; then the code is asked for.
    FirstRound,
    /// Its groups. The code is spent: whatever comes, this is an accept.
    Groups(Box<Accepted>),
}

impl Processor {
    pub(super) fn receive_login(
        &mut self,
        arrival: &Arrival,
        client: &Arc<Client>,
        datagram: &Datagram,
        octets: &[u8],
    ) {
        let action = self
            .server
            .handle(arrival, &client.rules, octets, &mut self.buffer);
        match action {
            Action::Ignore(Ignored::InProgress) => {
                self.metrics.count(Counter::InProgress);
                self.again(client, datagram, octets);
            }
            Action::Ignore(why) => {
                // It is what this client sends, though nobody can know who has sent it.
                if why == Ignored::NoMessageAuthenticator || why == Ignored::ProxyState {
                    self.saw(client, datagram, octets);
                }
                self.dropped(client, Counter::of_ignored(why));
            }
            Action::Send(resend) => {
                match resend.cause {
                    SendCause::Duplicate => {
                        self.again(client, datagram, octets);
                    }
                    _ => self.saw(client, datagram, octets),
                }
                self.resend(datagram, resend);
            }
            Action::Hold(ticket, why) => {
                self.saw(client, datagram, octets);
                let counter = Counter::of_refusal(why);
                self.metrics.count(counter);
                self.seen.rejected(client.number);
                self.tell(
                    client,
                    counter.reason(),
                    "rejected, the verifier was not asked",
                );
                self.hold(client, ticket);
            }
            Action::Ask(question) => {
                self.saw(client, datagram, octets);
                self.ask(client, question);
            }
        }
        self.note_auto(client);
    }

    /// What `message-authenticator = "auto"` has come to.
    fn note_auto(&mut self, client: &Client) {
        use sekisho_radius_protocol::server::MessageAuthenticatorRule as Rule;
        if client.rules.message_authenticator == Rule::Auto {
            let word = match self.server.learned(&client.name) {
                Some(Rule::Require) => "require",
                Some(_) => "off",
                None => "undecided",
            };
            self.seen.auto(client.number, word);
        }
    }

    fn ask(&mut self, client: &Arc<Client>, question: Question<'_>) {
        let ticket = question.ticket;
        if let Err(why) = self.begin(client, question) {
            self.dropped(client, why);
            self.server.forget(ticket);
        }
    }

    /// Without whoever judges nothing can be known: silence, and the retransmission starts afresh.
    fn begin(&mut self, client: &Arc<Client>, question: Question<'_>) -> Result<(), Counter> {
        let ticket = question.ticket;
        let place = attempt::place(&client.name, &question.request);
        let judged_here = !matches!(client.first_factor, Judge::None | Judge::Stored);
        let password = match &question.first {
            First::Password(password) if judged_here => Some(attempt::password_mark(
                &self.password_key,
                password.octets(),
            )),
            _ => None,
        };
        let correlation = attempt::correlation(&client.name, &question, password);
        // In the middle of a conversation: its State was opened, so it is one of ours.
        let preferred = question.conversation.is_some();
        let account = question.account.into_owned();
        let Some(answer) = attempt::answer(question.proof) else {
            return match question.first {
                First::Password(password) => {
                    self.judge_alone(client, ticket, account, password, place)
                }
                First::Known(_) => Err(Counter::NothingToJudge),
            };
        };
        let mut attempt = Attempt {
            account,
            answer,
            place,
            first: None,
            conversation: question.conversation.map(attempt::conversation),
            correlation,
        };
        let stage = match (question.first, client.first_factor) {
            (First::Known(first), _) => {
                attempt.first = attempt::known(first, client.demands_password());
                self.attempt(ticket, attempt, preferred)?;
                Stage::Asked
            }
            (First::Password(password), Judge::Stored) => {
                attempt.first = Some(WireFirst::Password(Secret::new(password.octets().to_vec())));
                self.attempt(ticket, attempt, preferred)?;
                Stage::Asked
            }
            (First::Password(password), _) => {
                self.judge(
                    client,
                    ticket,
                    &attempt.account,
                    &password,
                    &attempt.place.remote,
                )?;
                Stage::Password(Box::new(attempt))
            }
        };
        self.open(client, ticket, stage);
        Ok(())
    }

    /// The first round of a challenge: a password without a code.
    fn judge_alone(
        &mut self,
        client: &Arc<Client>,
        ticket: Ticket,
        account: String,
        password: Password,
        place: sekisho_verifier_socket::Place,
    ) -> Result<(), Counter> {
        let stage = if client.first_factor == Judge::Stored {
            let check = PasswordCheck {
                account,
                password: Secret::new(password.octets().to_vec()),
                place,
            };
            self.submit(Errand::Password(ticket), Request::Password(check), false)?;
            Stage::Asked
        } else {
            self.judge(client, ticket, &account, &password, &place.remote)?;
            Stage::FirstRound
        };
        self.open(client, ticket, stage);
        Ok(())
    }

    fn judge(
        &mut self,
        client: &Client,
        ticket: Ticket,
        account: &str,
        password: &Password,
        remote: &Option<String>,
    ) -> Result<(), Counter> {
        match self.judges.judge(
            client.first_factor,
            ticket,
            account,
            password.octets(),
            remote.as_deref(),
        ) {
            true => Ok(()),
            false => Err(Counter::TooManyPasswords),
        }
    }

    fn attempt(
        &mut self,
        ticket: Ticket,
        attempt: Attempt,
        preferred: bool,
    ) -> Result<(), Counter> {
        self.submit(
            Errand::Attempt(ticket),
            Request::Attempt(attempt),
            preferred,
        )?;
        self.metrics.count(Counter::Asked);
        Ok(())
    }

    fn open(&mut self, client: &Arc<Client>, ticket: Ticket, stage: Stage) {
        let client = Arc::clone(client);
        self.open.insert(ticket, Open { client, stage });
    }

    /// A password was judged, by PAM or a directory.
    pub(super) fn judged(&mut self, ticket: Ticket, judged: Judged) {
        let Some(Open { client, stage }) = self.open.remove(&ticket) else {
            return;
        };
        if judged == Judged::Unavailable {
            self.metrics.count(Counter::FirstFactorAway);
            self.tell(&client, Counter::FirstFactorAway.reason(), "rejected");
        }
        match stage {
            Stage::Password(mut attempt) => {
                attempt.first = Some(match judged {
                    Judged::Right => WireFirst::Right,
                    Judged::Wrong => WireFirst::Wrong,
                    Judged::Unavailable => WireFirst::Unavailable,
                });
                match self.attempt(ticket, *attempt, true) {
                    Ok(()) => self.open(&client, ticket, Stage::Asked),
                    Err(why) => {
                        self.dropped(&client, why);
                        self.server.forget(ticket);
                    }
                }
            }
            Stage::FirstRound => self.answer(
                &client,
                ticket,
                &Answer::from(match judged {
                    Judged::Right => Verdict::Challenge(FirstFactor::Right),
                    Judged::Wrong => Verdict::Challenge(FirstFactor::Wrong),
                    // It tells nothing about the account: all get it.
                    Judged::Unavailable => Verdict::Reject,
                }),
            ),
            stage @ (Stage::Asked | Stage::Groups(_)) => {
                self.open.insert(ticket, Open { client, stage });
            }
        }
    }

    /// The verifier has spoken.
    pub(super) fn conclude(&mut self, ticket: Ticket, opinion: Opinion) {
        let Some(Open { client, .. }) = self.open.remove(&ticket) else {
            return;
        };
        match opinion {
            Opinion::Accept(accepted) => {
                let looked_up = client.needs_groups()
                    && self
                        .judges
                        .groups(&client.groups, ticket, &accepted.account);
                if looked_up {
                    return self.open(&client, ticket, Stage::Groups(accepted));
                }
                let missing = client.needs_groups();
                self.accept(&client, ticket, &accepted, &[], missing);
            }
            Opinion::Reject => {
                self.metrics.count(Counter::Rejected);
                self.seen.rejected(client.number);
                self.answer(&client, ticket, &Answer::from(Verdict::Reject));
            }
            Opinion::Ticket(sealed) => match FirstTicket::new(sealed.expose()) {
                Some(sealed) => {
                    let verdict = Verdict::Challenge(FirstFactor::Ticket(sealed));
                    self.answer(&client, ticket, &Answer::from(verdict));
                }
                None => self.server.forget(ticket),
            },
            Opinion::Undecided | Opinion::Stored => self.server.forget(ticket),
        }
    }

    /// The groups of an account have come, or can not be had.
    pub(super) fn gathered(&mut self, ticket: Ticket, groups: Option<Vec<String>>) {
        let Some(open) = self.open.remove(&ticket) else {
            return;
        };
        let Stage::Groups(accepted) = open.stage else {
            self.open.insert(ticket, open);
            return;
        };
        let missing = groups.is_none();
        let groups = groups.unwrap_or_default();
        self.accept(&open.client, ticket, &accepted, &groups, missing);
    }

    /// The accept stands whatever becomes of its attributes: the code is spent.
    fn accept(
        &mut self,
        client: &Arc<Client>,
        ticket: Ticket,
        accepted: &Accepted,
        groups: &[String],
        groups_are_missing: bool,
    ) {
        self.metrics.count(Counter::Accepted);
        self.seen.accepted(client.number, self.wall_ms());
        if groups_are_missing {
            self.metrics.count(Counter::GroupsAway);
            let what = Counter::GroupsAway.reason();
            self.tell(
                client,
                what,
                "accepted, without the attributes that need them",
            );
        }
        let attributes = client.attributes(accepted, groups);
        let keys = accepted.ms_chap.as_ref().and_then(keys);
        let mut answer = Answer::from(Verdict::Accept).with_attributes(&attributes);
        if let Some(keys) = &keys {
            answer = answer.with_ms_chap(keys);
        }
        self.answer(client, ticket, &answer);
    }

    /// All rejects go this one way, with the same delay, whatever their cause.
    fn answer(&mut self, client: &Arc<Client>, ticket: Ticket, answer: &Answer<'_>) {
        let Some(random) = self.random.next() else {
            self.metrics.count(Counter::NoRandomness);
            return self.server.forget(ticket);
        };
        if matches!(answer.verdict, Verdict::Challenge(_)) {
            self.metrics.count(Counter::Challenged);
        }
        let conclusion = self
            .server
            .conclude(&self.at, ticket, answer, &random, &mut self.buffer);
        match conclusion {
            Conclusion::Send(outgoing, left_out) => {
                self.outbox.push(&outgoing);
                if left_out > 0 {
                    self.metrics.add(Counter::AttributesLeftOut, left_out);
                    let what = Counter::AttributesLeftOut.reason();
                    self.tell(client, what, "the reply would exceed 4096 octets");
                }
            }
            Conclusion::Hold(ticket) => self.hold(client, ticket),
            Conclusion::Nothing => self.metrics.count(Counter::Abandoned),
        }
    }
}

/// Of other lengths they are none, and without them there is no accept.
fn keys(keys: &WireKeys) -> Option<MsChapKeys> {
    Some(MsChapKeys {
        authenticator_response: keys.authenticator_response.expose().try_into().ok()?,
        send: keys.send.expose().try_into().ok()?,
        receive: keys.receive.expose().try_into().ok()?,
    })
}
