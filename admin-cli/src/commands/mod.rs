//! One file for each noun.

mod account;
pub(crate) mod approval;
mod audit;
mod backup;
mod client;
mod clock;
mod codes;
mod explain;
mod generate;
mod import;
mod init;
mod issue;
mod key;
mod lifecycle;
mod own;
mod pages;
mod policy;
mod radius;
mod receipt;
mod roles;
mod session;
mod status;
mod token;

use crate::Stop;
use crate::cli::{
    Account, Approval, Audit, Cli, Client, Clock, Command, Emergency, Key, Policy, Radius, Receipt,
    Session, Token,
};
use crate::connection::Verifier;
use crate::doctor;
use crate::output::Output;
use sekisho_verifier_socket::admin::Change;

/// Carries out what was typed.
pub(crate) fn run(cli: &Cli, output: &mut Output) -> Result<(), Stop> {
    match &cli.command {
        Command::Init(init) => return init::run(&cli.global, init, output),
        Command::Radius(Radius::Probe(probe)) => return radius::probe(probe, output),
        Command::Client(Client::Add(add)) => return client::add(&cli.global, add, output),
        Command::BackupKey(key) => return backup::new_key(&key.file, output),
        Command::Restore(restore) => return Err(backup::restore(&cli.global, restore).into()),
        Command::Receipt(Receipt::Verify(verify)) => {
            return receipt::verify(verify, &cli.global, output);
        }
        Command::Audit(Audit::Verify(verify)) => {
            return audit::verify(verify, &cli.global, output);
        }
        Command::Audit(Audit::Key { data }) => {
            return audit::key(data.as_deref(), &cli.global, output);
        }
        Command::Audit(Audit::Checkpoint { data }) => {
            return audit::checkpoint(data.as_deref(), &cli.global, output);
        }
        Command::Doctor(look) => return doctor::run(&cli.global, look, output),
        Command::Generate(generate) => return generate::run(generate, output),
        _ => {}
    }
    let verifier = &mut Verifier::new(&cli.global)?;
    verifier.once_for(cli.command.request_key());
    verifier.with_second_person(cli.command.second_person());
    match &cli.command {
        Command::Init(_)
        | Command::Radius(_)
        | Command::Client(Client::Add(_))
        | Command::BackupKey(_)
        | Command::Restore(_)
        | Command::Receipt(Receipt::Verify(_))
        | Command::Audit(Audit::Verify(_) | Audit::Key { .. } | Audit::Checkpoint { .. })
        | Command::Doctor(_)
        | Command::Generate(_) => Ok(()),
        Command::Backup(backup) => backup::run(backup, verifier, output),
        Command::Token(Token::Issue(issue)) => issue::run(issue, verifier, output),
        Command::Token(Token::Import(import)) => import::run(import, verifier, output),
        Command::Token(Token::List(list)) => token::list(list, verifier, output),
        Command::Token(Token::Show { serial }) => token::show(serial, verifier, output),
        Command::Enroll(enroll) => lifecycle::enroll(enroll, verifier, output),
        Command::Exchange(exchange) => lifecycle::exchange(exchange, verifier, output),
        Command::Stop(ending) => lifecycle::take_away(Change::Stop, ending, verifier, output),
        Command::Lost(ending) => lifecycle::take_away(Change::Lost, ending, verifier, output),
        Command::Suspend(ending) => lifecycle::take_away(Change::Suspend, ending, verifier, output),
        Command::Resume(token) => lifecycle::resume(token, verifier, output),
        Command::Resync(resync) => codes::resync(resync, verifier, output),
        Command::Own(own) => own::run(own, verifier, output),
        Command::Emergency(Emergency::Issue(issue)) => codes::issue(issue, verifier, output),
        Command::Emergency(Emergency::Revoke(revoke)) => codes::revoke(revoke, verifier, output),
        Command::Policy(Policy::Test(test)) => policy::test(test, verifier, output),
        Command::Policy(Policy::Apply(apply)) => policy::apply(apply, verifier, output),
        Command::Approve(approve) => approval::approve(approve, verifier, output),
        Command::Approval(Approval::List) => approval::list(verifier, output),
        Command::Account(Account::StartCode(start)) => codes::start_code(start, verifier, output),
        Command::Account(Account::StartPassword(start)) => {
            codes::start_password(start, verifier, output)
        }
        Command::Account(Account::Disable(disable)) => account::disable(disable, verifier, output),
        Command::Unlock(unlock) => account::unlock(unlock, verifier, output),
        Command::Account(Account::Show { account }) => account::show(account, verifier, output),
        Command::Account(Account::Set(set)) => account::set(set, verifier, output),
        Command::Account(Account::Password(set)) => account::password(set, verifier, output),
        Command::Session(Session::List(list)) => session::list(list, verifier, output),
        Command::Session(Session::End(end)) => session::end(end, verifier, output),
        Command::Client(Client::List) => client::list(&cli.global, verifier, output),
        Command::Account(Account::List { after, limit }) => {
            account::list(after.as_deref(), limit, verifier, output)
        }
        Command::Receipt(Receipt::Show { number, signed }) => {
            receipt::show(number, *signed, verifier, output)
        }
        Command::Audit(Audit::List(list)) => audit::list(list, verifier, output),
        Command::Audit(Audit::Retain(retain)) => audit::retain(retain, verifier, output),
        Command::Explain { account } => explain::run(account, verifier, output),
        Command::Status => status::run(verifier, output),
        Command::Clock(Clock::Trust(trust)) => clock::trust(trust, verifier, output),
        Command::Key(Key::Rotate(rotate)) => key::rotate(rotate, verifier, output),
        Command::Key(Key::Status) => key::status(verifier, output),
    }
}
