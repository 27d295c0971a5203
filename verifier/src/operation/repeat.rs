//! Whether what is asked for is what was done before.

use super::account::set_or_removed;
use super::own::required_detail;
use super::spare::emergency_detail;
use super::{Operation, SerialChoice, SessionChoice};
use crate::account::AccountName;
use crate::event::{OperationEvent, OperationKind};

impl Operation {
    /// Whether `event` tells of this very operation: the kind, the tokens, the account, how many,
    /// and what changed. A code and a seed are in no event, and a word for the receipt may differ.
    ///
    /// `canonical` says which name an account that is called so has.
    pub fn is_told_by(
        &self,
        event: &OperationEvent,
        canonical: &dyn Fn(&AccountName) -> AccountName,
    ) -> bool {
        let account = |name: &AccountName| event.account == Some(canonical(name));
        let same = match self {
            Self::Issue { serial, .. } => match serial {
                SerialChoice::Given(serial) => event.serial.as_ref() == Some(serial),
                // Whichever was free then.
                SerialChoice::NextFree { .. } => true,
            },
            Self::Import(tokens) => event.count == Some(tokens.len() as u64),
            Self::Enroll {
                account: name,
                serial,
                ..
            } => event.serial.as_ref() == Some(serial) && account(name),
            Self::Exchange { old, new, .. } => {
                event.serial.as_ref() == Some(old) && event.new_serial.as_ref() == Some(new)
            }
            Self::Change(_, serial) => event.serial.as_ref() == Some(serial),
            Self::Unlock(name) => account(name),
            Self::AccountSet(name, change) => account(name) && event.detail == change.detail(),
            // Not which password: nobody can tell that from an event.
            Self::AccountPassword(name, password) => {
                account(name) && event.detail == set_or_removed(password.is_some())
            }
            Self::SessionEnd(SessionChoice::Account(name)) => {
                account(name) && event.detail.is_none()
            }
            Self::SessionEnd(which) => {
                event.detail.as_ref().map(|detail| detail.as_str()) == Some(&*which.told())
            }
            Self::ClockTrust | Self::Keep { .. } => true,
            Self::Reseal(_) | Self::Restore { .. } => false,
            Self::Start(start) => {
                let new = event.new_serial.as_ref().or(event.serial.as_ref());
                new == Some(&start.serial) && account(&start.account)
            }
            Self::OwnStop(proof, serial) => {
                event.serial.as_ref() == Some(serial) && account(&proof.account)
            }
            Self::OwnChoice(proof, required) => {
                account(&proof.account) && event.detail == required_detail(*required)
            }
            Self::Emergency {
                account: name,
                codes,
                valid,
                ..
            } => account(name) && event.detail == emergency_detail(codes.len(), *valid),
            Self::StartCode { account: name, .. } => account(name),
            // Not which password: nobody can tell that from an event.
            Self::StartPassword {
                account: name,
                password,
                ..
            } => account(name) && event.detail == set_or_removed(password.is_some()),
            Self::Resync { serial, .. } => event.serial.as_ref() == Some(serial),
            Self::AccountsDisable(names) => {
                let told = event.detail.as_ref().map_or("", |detail| detail.as_str());
                let told: Vec<_> = told.split(", ").collect();
                // Those that were disabled before are not in it.
                let names: Vec<_> = names.iter().map(canonical).collect();
                let named = |told: &&str| names.iter().any(|name| name.as_str() == *told);
                told.iter().all(named)
            }
        };
        let kind = match self {
            Self::Start(_) if event.new_serial.is_some() => OperationKind::Exchange,
            _ => self.kind(),
        };
        same && event.operation == kind
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Actor, Channel, OperationOutcome};
    use crate::operation::{AccountChange, Keeping, StateChange};
    use crate::serial::Serial;

    fn serial(text: &str) -> Serial {
        Serial::parse(text).expect("valid")
    }

    fn name(text: &str) -> AccountName {
        AccountName::parse(text).expect("valid")
    }

    fn event(operation: &Operation) -> OperationEvent {
        OperationEvent {
            operation: operation.kind(),
            outcome: OperationOutcome::Done,
            serial: None,
            new_serial: None,
            account: None,
            actor: Actor::new(0, "root"),
            note: None,
            count: None,
            detail: None,
            channel: Channel::Cli,
            request: None,
            approver: None,
        }
    }

    /// `hana` is another name of `hanako`.
    fn canonical(asked: &AccountName) -> AccountName {
        match asked == &name("hana") {
            true => name("hanako"),
            false => asked.clone(),
        }
    }

    #[test]
    fn an_operation_is_known_by_what_it_changes() {
        let told =
            |operation: &Operation, event: &OperationEvent| operation.is_told_by(event, &canonical);
        let lost = Operation::Change(StateChange::Lost, serial("SKTS1"));
        let mut done = event(&lost);
        done.serial = Some(serial("SKTS1"));
        assert!(told(&lost, &done));
        assert!(!told(
            &Operation::Change(StateChange::Stop, serial("SKTS1")),
            &done
        ));
        assert!(!told(
            &Operation::Change(StateChange::Lost, serial("SKTS2")),
            &done
        ));

        let unlock = Operation::Unlock(name("hana"));
        let mut done = event(&unlock);
        done.account = Some(name("hanako"));
        assert!(told(&unlock, &done), "by another name");
        assert!(!told(&Operation::Unlock(name("taro")), &done));

        let disable = |disabled| AccountChange {
            disabled: Some(disabled),
            ..AccountChange::default()
        };
        let set = Operation::AccountSet(name("hanako"), disable(true));
        let mut done = event(&set);
        done.account = Some(name("hanako"));
        done.detail = disable(true).detail();
        assert!(told(&set, &done));
        let other = Operation::AccountSet(name("hanako"), disable(false));
        assert!(!told(&other, &done));
    }

    #[test]
    fn what_was_kept_is_known_by_its_kind() {
        let keep = |what| Operation::Keep {
            what,
            count: None,
            detail: None,
        };
        let done = event(&keep(Keeping::Backup));
        assert_eq!(done.operation, OperationKind::Backup);
        assert!(keep(Keeping::Backup).is_told_by(&done, &canonical));
        assert!(!keep(Keeping::Retain).is_told_by(&done, &canonical));
    }
}
