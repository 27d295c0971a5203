//! Accounting-Requests (RFC 2866): who sent them, and whether they are duplicates.
//!
//! What a report says is for the caller; it is answered once it is stored, and not before.

use std::sync::Arc;
use std::time::Duration;

use super::client::Client;
use super::reply::{self, ReplyTo};
use super::work::Shape;
use super::{Arrival, Buffer, Ignored, Outgoing, Resend, Server, Ticket, again, status_server};
use crate::attribute::AttributeType;
use crate::authenticator::{Authenticity, authenticity_of_digested, is_digested_authentic};
use crate::duplicate::{Admission, Key};
use crate::packet::{Code, Packet};

/// What is to be done with a datagram on the port for accounting.
#[derive(Debug)]
#[must_use]
pub enum AccountingAction<'d> {
    /// Nothing. The reason is for counters only.
    Ignore(Ignored),
    /// Send these octets, the beginning of the buffer, back at once.
    Send(Resend),
    /// Store this report, then call [`Server::conclude_accounting`]; or, if it can not be stored,
    /// [`Server::forget_accounting`], and the NAS will send it again.
    Account(Packet<'d>, Ticket),
}

/// What is remembered of a report until it is stored.
#[derive(Debug)]
pub struct Report {
    client: Arc<Client>,
    proxy_states: Box<[u8]>,
}

impl Server {
    /// Looks at one datagram that came to the port for accounting.
    pub fn handle_accounting<'d>(
        &mut self,
        arrival: &Arrival,
        client: &Arc<Client>,
        datagram: &'d [u8],
        out: &mut Buffer,
    ) -> AccountingAction<'d> {
        let packet = match Packet::parse(datagram) {
            Ok(packet) => packet,
            Err(error) => return AccountingAction::Ignore(Ignored::Malformed(error)),
        };
        let outcome = match packet.code() {
            Code::ACCOUNTING_REQUEST => self.accounting_request(arrival, client, packet, out),
            Code::STATUS_SERVER => {
                status_server(arrival, client, packet, Code::ACCOUNTING_RESPONSE, out)
                    .map(AccountingAction::Send)
            }
            _ => Err(Ignored::Code),
        };
        outcome.unwrap_or_else(AccountingAction::Ignore)
    }

    fn accounting_request<'d>(
        &mut self,
        arrival: &Arrival,
        client: &Arc<Client>,
        packet: Packet<'d>,
        out: &mut Buffer,
    ) -> Result<AccountingAction<'d>, Ignored> {
        admits(client, &packet)?;
        let key = Key {
            peer: arrival.peer,
            socket: arrival.socket,
            identifier: packet.identifier(),
        };
        let report = || Report {
            client: Arc::clone(client),
            proxy_states: reply::proxy_states(&packet),
        };
        match self
            .reports
            .admit(arrival.at.now, key, &packet.authenticator(), report)
        {
            Admission::New(ticket) => Ok(AccountingAction::Account(packet, ticket)),
            Admission::InProgress => Err(Ignored::InProgress),
            Admission::Full => Err(Ignored::CacheFull),
            Admission::Answered(reply) => Ok(AccountingAction::Send(again(reply, out))),
        }
    }

    /// The report is stored: the response, to be sent now. Nothing if the NAS does not wait for
    /// it any more.
    pub fn conclude_accounting(
        &mut self,
        now: Duration,
        ticket: Ticket,
        out: &mut Buffer,
    ) -> Option<Outgoing<'_>> {
        let (key, request, report) = self.reports.judging(ticket)?;
        let reply_to = ReplyTo {
            client: &report.client,
            identifier: key.identifier,
            authenticator: request,
            proxy_states: &report.proxy_states,
            shape: Shape::Plain,
        };
        let Ok(length) = reply_to.write_bare(Code::ACCOUNTING_RESPONSE, false, out) else {
            self.reports.forget(ticket);
            return None;
        };
        self.reports.hold(ticket, Box::from(&out[..length]));
        let (key, octets) = self.reports.release(now, ticket)?;
        Some(Outgoing {
            peer: key.peer,
            socket: key.socket,
            octets,
        })
    }

    /// The report could not be stored. We stay silent, and its retransmission starts afresh.
    pub fn forget_accounting(&mut self, ticket: Ticket) {
        self.reports.forget(ticket);
    }
}

/// RFC 2866 section 3 demands the Request Authenticator. A Message-Authenticator should not be
/// there (RFC 3579 section 3.3), but if it is, it must be right.
fn admits(client: &Client, packet: &Packet<'_>) -> Result<(), Ignored> {
    if !is_digested_authentic(&client.secret, packet) {
        return Err(Ignored::WrongAuthenticator);
    }
    if authenticity_of_digested(&client.secret, packet) == Authenticity::Invalid {
        return Err(Ignored::WrongMessageAuthenticator);
    }
    let identifier = packet.first(AttributeType::NAS_IDENTIFIER);
    client.admits_nas(identifier.map(|attribute| attribute.value))
}
