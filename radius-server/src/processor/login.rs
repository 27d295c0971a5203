//! Logins: from the packet to whoever judges, and back.
//!
//! A login can be judged by several: first the password, by PAM or a directory; then the code, by
//! the verifier; then, for what the accept carries, groups are looked up. Until the last of them has
//! spoken the request stays open, and its retransmissions get silence.

use std::net::SocketAddr;
use std::sync::Arc;

use sekisho_radius_protocol::authenticator::Authenticator;
use sekisho_radius_protocol::mppe::Salt;
use sekisho_radius_protocol::server::{
    Action, Answer, Arrival, Conclusion, First, Ignored, MsChapKeys, Question, SendCause, Ticket,
    Verdict,
};
use sekisho_radius_protocol::state::{FirstFactor, FirstTicket};
use sekisho_radius_protocol::template::{Cover, Expanded};
use sekisho_radius_protocol::user_password::Password;
use sekisho_settings::FirstFactor as Judge;
use sekisho_verifier_socket::radius::PasswordCheck;
use sekisho_verifier_socket::{
    Accepted, Attempt, First as WireFirst, MsChapKeys as WireKeys, Place, Request, Secret,
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
    /// What hides attributes on the way back.
    authenticator: Authenticator,
    /// Whether an accept lets somebody in: it may take another round.
    is_final: bool,
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
            Action::Send(_) if self.is_too_fast(client) => {}
            Action::Hold(ticket, _) if self.is_too_fast(client) => self.server.forget(ticket),
            Action::Ask(question) if self.is_too_fast(client) => {
                self.server.forget(question.ticket);
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
                self.ask(client, datagram.peer, question);
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

    fn ask(&mut self, client: &Arc<Client>, peer: SocketAddr, question: Question<'_>) {
        let ticket = question.ticket;
        if let Err(why) = self.begin(client, peer, question) {
            self.dropped(client, why);
            self.server.forget(ticket);
        }
    }

    /// Without whoever judges nothing can be known: silence, and the retransmission starts afresh.
    fn begin(
        &mut self,
        client: &Arc<Client>,
        peer: SocketAddr,
        question: Question<'_>,
    ) -> Result<(), Counter> {
        let ticket = question.ticket;
        let authenticator = question.request.authenticator();
        let is_final = question.is_final;
        let place = attempt::place(&client.name, &question.request);
        let judged_here = !matches!(client.first_factor, Judge::None | Judge::Stored);
        let password = match &question.first {
            First::Password(password) if judged_here => Some(attempt::password_mark(
                &self.password_key,
                password.octets(),
            )),
            _ => None,
        };
        let correlation = attempt::correlation(&client.name, peer, &question, password);
        // In the middle of a conversation: its State was opened, so it is one of ours.
        let preferred = question.conversation.is_some();
        let account = question.account.into_owned();
        let Some(answer) = attempt::answer(question.proof) else {
            let First::Password(password) = question.first else {
                return Err(Counter::NothingToJudge);
            };
            let stage = self.judge_alone(client, ticket, account, &password, place)?;
            self.open.insert(
                ticket,
                Open {
                    client: Arc::clone(client),
                    authenticator,
                    is_final,
                    stage,
                },
            );
            return Ok(());
        };
        let mut attempt = Attempt {
            account,
            answer,
            place,
            first: None,
            conversation: question.conversation.map(attempt::conversation),
            correlation,
            packet: Some(attempt::packet(authenticator, password)),
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
        self.open.insert(
            ticket,
            Open {
                client: Arc::clone(client),
                authenticator,
                is_final,
                stage,
            },
        );
        Ok(())
    }

    /// The first round of a challenge: a password without a code.
    fn judge_alone(
        &mut self,
        client: &Client,
        ticket: Ticket,
        account: String,
        password: &Password,
        place: Place,
    ) -> Result<Stage, Counter> {
        if client.first_factor == Judge::Stored {
            let check = PasswordCheck {
                account,
                password: Secret::new(password.octets().to_vec()),
                place,
            };
            self.submit(Errand::Password(ticket), Request::Password(check), false)?;
            return Ok(Stage::Asked);
        }
        self.judge(client, ticket, &account, password, &place.remote)?;
        Ok(Stage::FirstRound)
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

    /// A password was judged, by PAM or a directory.
    pub(super) fn judged(&mut self, ticket: Ticket, judged: Judged) {
        let Some(open) = self.open.remove(&ticket) else {
            return;
        };
        let client = Arc::clone(&open.client);
        if judged == Judged::Unavailable {
            self.metrics.count(Counter::FirstFactorAway);
            self.tell(&client, Counter::FirstFactorAway.reason(), "rejected");
        }
        match open.stage {
            Stage::Password(mut attempt) => {
                attempt.first = Some(match judged {
                    Judged::Right => WireFirst::Right,
                    Judged::Wrong => WireFirst::Wrong,
                    Judged::Unavailable => WireFirst::Unavailable,
                });
                match self.attempt(ticket, *attempt, true) {
                    Ok(()) => {
                        let stage = Stage::Asked;
                        self.open.insert(ticket, Open { stage, ..open });
                    }
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
                self.open.insert(ticket, Open { stage, ..open });
            }
        }
    }

    /// The verifier has spoken.
    pub(super) fn conclude(&mut self, ticket: Ticket, opinion: Opinion) {
        let Some(open) = self.open.remove(&ticket) else {
            return;
        };
        let client = Arc::clone(&open.client);
        match opinion {
            Opinion::Accept(accepted) => self.accepted(open, ticket, accepted),
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

    /// The code was right. What is still missing for the reply is looked up.
    fn accepted(&mut self, open: Open, ticket: Ticket, accepted: Box<Accepted>) {
        if !open.is_final {
            self.metrics.count(Counter::HalfAccepted);
            return self.accept(&open, ticket, &accepted, &Expanded::default());
        }
        let client = Arc::clone(&open.client);
        let stored = client.replies.stored(&accepted);
        let Some(sources) = client.replies.look_up() else {
            return self.let_in(&open, ticket, &accepted, stored);
        };
        let name = &accepted.account;
        match self.judges.groups(sources, ticket, name, stored) {
            true => {
                let stage = Stage::Groups(accepted);
                self.open.insert(ticket, Open { stage, ..open });
            }
            false => self.without_groups(&client, ticket),
        }
    }

    /// The groups of an account have come, or can not be had.
    pub(super) fn gathered(&mut self, ticket: Ticket, groups: Option<Vec<String>>) {
        let Some(open) = self.open.remove(&ticket) else {
            return;
        };
        match (&open.stage, groups) {
            (Stage::Groups(accepted), Some(groups)) => {
                self.let_in(&open, ticket, accepted, &groups);
            }
            (Stage::Groups(_), None) => self.without_groups(&open.client, ticket),
            _ => {
                self.open.insert(ticket, open);
            }
        }
    }

    /// Silence: an accept without what the groups give could let somebody in with more rights than
    /// are theirs. When the gateway sends the login again, the verifier gives the same verdict.
    fn without_groups(&mut self, client: &Client, ticket: Ticket) {
        self.dropped(client, Counter::GroupsAway);
        self.server.forget(ticket);
    }

    fn let_in(&mut self, open: &Open, ticket: Ticket, accepted: &Accepted, groups: &[String]) {
        let client = &open.client;
        self.metrics.count(Counter::Accepted);
        self.seen.accepted(client.number, self.wall_ms());
        let [a, b, ..] = self.random.jitter().to_be_bytes();
        let cover = Cover {
            secret: &client.rules.secret,
            request: &open.authenticator,
            salt: Salt::for_templates([a, b]),
        };
        let expanded = client.replies.expand(accepted, groups, cover);
        self.left_out(client, &expanded);
        self.accept(open, ticket, accepted, &expanded);
    }

    fn accept(&mut self, open: &Open, ticket: Ticket, accepted: &Accepted, expanded: &Expanded) {
        let keys = accepted.ms_chap.as_ref().and_then(keys);
        let mut answer = Answer::from(Verdict::Accept).with_attributes(&expanded.octets);
        if let Some(keys) = &keys {
            answer = answer.with_ms_chap(keys);
        }
        self.answer(&open.client, ticket, &answer);
    }

    fn left_out(&mut self, client: &Client, expanded: &Expanded) {
        let Some(first) = expanded.left_out.first() else {
            return;
        };
        let count = expanded.left_out.len();
        self.metrics.add(Counter::AttributesLeftOut, count);
        let why = format!("{} ({})", first.attribute, first.why);
        self.tell(client, Counter::AttributesLeftOut.reason(), &why);
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
