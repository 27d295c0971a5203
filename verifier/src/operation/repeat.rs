//! Whether what is asked for is what was done before.

use super::account::password_detail;
use super::{Operation, SerialChoice, SessionChoice};
use crate::account::AccountName;
use crate::event::OperationEvent;

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
                account(name) && event.detail == password_detail(password.as_ref())
            }
            Self::SessionEnd(SessionChoice::Account(name)) => {
                account(name) && event.detail.is_none()
            }
            Self::SessionEnd(which) => {
                event.detail.as_ref().map(|detail| detail.as_str()) == Some(&*which.told())
            }
            Self::ClockTrust | Self::Keep { .. } => true,
            Self::Reseal(_) | Self::Restore { .. } => false,
        };
        same && event.operation == self.kind()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Actor, Channel, OperationKind, OperationOutcome};
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
