//! Reports of sessions: from the port for accounting to the verifier, and back.

use std::time::Duration;

use sekisho_radius_protocol::accounting::{Action, Ignored, Report, Status};
use sekisho_radius_protocol::server::{Arrival, SendCause, Ticket};
use sekisho_verifier_socket::Request;
use sekisho_verifier_socket::radius::{SESSION_TEXT_OCTETS_MAX, SessionReport, SessionStatus};

use super::Processor;
use crate::authority::Errand;
use crate::clients::Client;
use crate::mailbox::{Datagram, Opinion};
use crate::metrics::Counter;

impl Processor {
    pub(super) fn receive_report(
        &mut self,
        arrival: &Arrival,
        client: &Client,
        datagram: &Datagram,
        octets: &[u8],
    ) {
        let action = self
            .accounting
            .handle(arrival, &client.rules, octets, &mut self.buffer);
        match action {
            Action::Ignore(Ignored::InProgress) => self.again(client, datagram, octets),
            Action::Ignore(why) => self.dropped(client, counter(why)),
            Action::Send(_) if self.is_too_fast(client) => {}
            Action::Store(question) if self.is_too_fast(client) => {
                self.accounting.forget(question.ticket);
            }
            Action::Send(resend) => {
                if resend.cause == SendCause::Duplicate {
                    self.again(client, datagram, octets);
                }
                self.resend(datagram, resend);
            }
            Action::Store(question) => {
                self.saw(client, datagram, octets);
                let ticket = question.ticket;
                match session(client, datagram, arrival.at.wall, &question.report) {
                    Some(report) => self.store(client, ticket, report),
                    // Nothing that changes a session, so nothing is lost by the answer.
                    None => {
                        self.metrics.count(Counter::AccountingOther);
                        self.respond(arrival.at.now, ticket);
                    }
                }
            }
        }
    }

    fn store(&mut self, client: &Client, ticket: Ticket, report: SessionReport) {
        let errand = Errand::Session(ticket);
        let request = Request::Session(Box::new(report));
        match self.submit(errand, request, false) {
            Ok(()) => {
                self.reports.insert(ticket, client.number);
            }
            Err(counter) => {
                self.dropped(client, counter);
                self.accounting.forget(ticket);
            }
        }
    }

    /// Answered only when stored, durably: a NAS that has its answer forgets the report.
    pub(super) fn conclude_report(&mut self, now: Duration, ticket: Ticket, opinion: &Opinion) {
        let client = self.reports.remove(&ticket);
        if !matches!(opinion, Opinion::Stored) {
            return self.accounting.forget(ticket);
        }
        self.metrics.count(Counter::AccountingStored);
        if let Some(client) = client {
            self.seen.accounting(client);
        }
        self.respond(now, ticket);
    }

    fn respond(&mut self, now: Duration, ticket: Ticket) {
        match self.accounting.stored(now, ticket, &mut self.buffer) {
            Some(outgoing) => self.outbox.push(&outgoing),
            None => self.metrics.count(Counter::Abandoned),
        }
    }
}

/// What the verifier is told; nothing if the report changes no session.
fn session(
    client: &Client,
    datagram: &Datagram,
    wall: Duration,
    report: &Report<'_>,
) -> Option<SessionReport> {
    let status = match report.status {
        Status::Start => SessionStatus::Start,
        Status::Interim => SessionStatus::Interim,
        Status::Stop => SessionStatus::Stop,
        Status::On => SessionStatus::On,
        Status::Off => SessionStatus::Off,
        Status::Other(_) => return None,
    };
    let text = |text: &str| {
        let end = text.floor_char_boundary(SESSION_TEXT_OCTETS_MAX);
        text[..end].to_owned()
    };
    Some(SessionReport {
        status,
        client: client.name.clone(),
        from: datagram.peer.ip().to_canonical().to_string(),
        nas_identifier: report.nas_identifier.map(text),
        nas_address: report.nas_address.map(|address| address.to_string()),
        session: text(report.session_id),
        user_name: report.user_name.map(text),
        account: report
            .user_name
            .map(|name| text(client.rules.account(name))),
        framed_address: report.framed.map(|framed| framed.to_string()),
        calling_station: report.calling_station.map(text),
        nas_port: report.nas_port,
        nas_port_id: report.nas_port_id.map(text),
        time_ms: report.happened_at(wall.as_secs()).saturating_mul(1_000),
        seconds: report.session_seconds,
        octets_in: report.octets_in,
        octets_out: report.octets_out,
        cause: report.terminate_cause,
    })
}

fn counter(why: Ignored) -> Counter {
    match why {
        Ignored::Malformed(_) => Counter::Malformed,
        Ignored::Code => Counter::Code,
        Ignored::RequestAuthenticator => Counter::WrongAuthenticator,
        Ignored::NoMessageAuthenticator => Counter::NoMessageAuthenticator,
        Ignored::WrongMessageAuthenticator => Counter::WrongMessageAuthenticator,
        Ignored::StatusServerOff => Counter::StatusServerOff,
        Ignored::NotReady => Counter::NotReady,
        Ignored::Forbidden(_) => Counter::AccountingForbidden,
        Ignored::NoStatus => Counter::AccountingNoStatus,
        Ignored::NoSessionId => Counter::AccountingNoSession,
        Ignored::InProgress => Counter::InProgress,
        Ignored::CacheFull => Counter::CacheFull,
        Ignored::ReplyTooLarge => Counter::ReplyTooLarge,
        // The protocol crate may learn new reasons before we give them a counter.
        _ => Counter::Malformed,
    }
}
