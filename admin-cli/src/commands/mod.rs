//! One file for each noun.

mod account;
mod audit;
mod backup;
mod client;
mod clock;
mod explain;
mod generate;
mod import;
mod init;
mod issue;
mod key;
mod lifecycle;
mod pages;
mod radius;
mod receipt;
mod session;
mod status;
mod token;

use crate::Stop;
use crate::cli::{
    Account, Audit, Cli, Client, Clock, Command, Key, Radius, Receipt, Session, Token,
};
use crate::connection::Verifier;
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
        Command::Generate(generate) => return generate::run(generate, output),
        _ => {}
    }
    let verifier = &mut Verifier::new(&cli.global)?;
    verifier.once_for(cli.command.request_key());
    match &cli.command {
        Command::Init(_)
        | Command::Radius(_)
        | Command::Client(Client::Add(_))
        | Command::BackupKey(_)
        | Command::Restore(_)
        | Command::Receipt(Receipt::Verify(_))
        | Command::Audit(Audit::Verify(_) | Audit::Key { .. } | Audit::Checkpoint { .. })
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
