//! Live sessions at gateways: reports come late, twice, in any order, or not at all.

use sekisho_verifier::event::{SessionChange, SessionEvent, What};
use sekisho_verifier::operation::{AccountChange, Operation, Refusal, SessionChoice, StateChange};
use sekisho_verifier::session::{
    EndOutcome, EndSession, Nas, RESTARTED_SESSIONS_MAX, Report, Restarted, Room, Session,
    SessionId, SessionReport, Status, session_text,
};
use sekisho_verifier::store::{Decider, Kind, Outcome, Record, Store, View};
use sekisho_verifier::time::Time;

use crate::common::desk::{Desk, Device, name};
use crate::common::moved;

fn nas() -> Nas {
    Nas {
        client: "vpn".into(),
        from: "192.0.2.1".into(),
        identifier: Some("gate".into()),
        address: None,
    }
}

fn report(status: Status, session: &str, told: Time) -> SessionReport {
    SessionReport {
        status,
        nas: nas(),
        session: session.into(),
        user_name: Some("mori".into()),
        account: Some("Mori".into()),
        framed_address: None,
        calling_station: None,
        nas_port: None,
        told,
        seconds: None,
        octets_in: None,
        octets_out: None,
        cause: None,
    }
}

/// What came of a report.
struct Came {
    stored: bool,
    outcome: Outcome,
    unwelcome: Option<Session>,
    pushed_out: Option<SessionId>,
}

fn send_with(desk: &mut Desk, report: &SessionReport, room: Room) -> Came {
    let mut decider = Report::new(report, room, desk.clock());
    let outcome = desk.store.commit(&mut [&mut decider]).expect("a commit")[0];
    Came {
        stored: decider.stored(outcome),
        outcome,
        unwelcome: decider.unwelcome().cloned(),
        pushed_out: decider.pushed_out(),
    }
}

fn send(desk: &mut Desk, report: &SessionReport) -> Came {
    let came = send_with(desk, report, Room::Free);
    assert!(came.stored);
    came
}

/// A report of what happens now, or so many milliseconds later.
fn tell(desk: &mut Desk, status: Status, session: &str, later: i64) -> Came {
    let report = report(status, session, moved(desk.now, later));
    send(desk, &report)
}

fn decide(desk: &mut Desk, decider: &mut dyn Decider) -> Outcome {
    desk.store.commit(&mut [decider]).expect("a commit")[0]
}

fn sessions(desk: &Desk) -> Vec<Session> {
    let listed = desk.store.list(Kind::Sessions, None, usize::MAX);
    let sessions = listed.expect("a list").into_iter();
    let session = |record| match record {
        Record::Session(session) => session,
        other => panic!("{other:?}"),
    };
    sessions.map(session).collect()
}

fn last(desk: &Desk) -> SessionEvent {
    match desk.events().pop().expect("an event").what {
        What::Session(event) => event,
        other => panic!("{other:?}"),
    }
}

fn desk() -> (Desk, Device) {
    let device = Device::usual(1);
    (Desk::of_mori(&device), device)
}

#[test]
fn a_session_lives_from_its_start_to_its_stop() {
    let (mut desk, _) = desk();
    let begun = desk.now;
    send(&mut desk, &report(Status::Start, "a", begun));
    let [session] = &sessions(&desk)[..] else {
        panic!("one session");
    };
    assert_eq!(session.account, Some(name("mori")), "in canonical form");
    assert_eq!((session.started, session.updated), (begun, begun));
    assert_eq!(last(&desk).change, SessionChange::Start);
    desk.pass(60);
    let mut interim = report(Status::Interim, "a", desk.now);
    (interim.octets_in, interim.octets_out) = (Some(5 << 32), Some(7));
    interim.framed_address = Some("198.51.100.7".into());
    interim.user_name = None;
    send(&mut desk, &interim);
    let session = sessions(&desk).remove(0);
    assert_eq!((session.octets_in, session.octets_out), (5 << 32, 7));
    assert_eq!((session.started, session.updated), (begun, desk.now));
    assert_eq!(session.user_name.as_deref(), Some("mori"), "it stays known");
    let mut stop = report(Status::Stop, "a", desk.now);
    (stop.cause, stop.seconds) = (Some(1), Some(60));
    send(&mut desk, &stop);
    assert_eq!(sessions(&desk), []);
    let event = last(&desk);
    assert_eq!((event.cause, event.seconds), (Some(1), Some(60)));
    assert_eq!(event.account, Some(name("mori")));
}

#[test]
fn a_report_that_comes_twice_changes_nothing_more() {
    let (mut desk, _) = desk();
    let start = report(Status::Start, "a", desk.now);
    send(&mut desk, &start);
    let (before, events) = (sessions(&desk), desk.events().len());
    desk.pass(1);
    let again = send(&mut desk, &start);
    assert_eq!(again.outcome, Outcome::Nothing);
    assert_eq!(
        (sessions(&desk), desk.events().len()),
        (before.clone(), events)
    );
    // A start that says something else of what goes on: told, and nothing changes.
    let mut other = start.clone();
    other.nas_port = Some(9);
    send(&mut desk, &other);
    assert_eq!(sessions(&desk), before);
    assert_eq!(desk.events().len(), events + 1);
    let stop = report(Status::Stop, "a", desk.now);
    send(&mut desk, &stop);
    send(&mut desk, &stop);
    assert_eq!(sessions(&desk), []);
    assert_eq!(desk.events().len(), events + 2, "and nothing of the second");
}

#[test]
fn an_older_report_does_not_go_back() {
    let (mut desk, _) = desk();
    let early = desk.now;
    desk.pass(60);
    let mut interim = report(Status::Interim, "a", desk.now);
    interim.octets_in = Some(100);
    interim.seconds = Some(60);
    send(&mut desk, &interim);
    let session = sessions(&desk).remove(0);
    assert_eq!(
        session.started, early,
        "an interim of one that is not known makes it"
    );
    let mut late = report(Status::Interim, "a", moved(desk.now, -1));
    late.octets_in = Some(50);
    send(&mut desk, &late);
    send(&mut desk, &report(Status::Start, "a", early));
    assert_eq!(sessions(&desk), [session]);
}

/// Who recorded a report must not fill the journal with it.
#[test]
fn a_stop_of_a_session_that_is_not_known_is_taken_and_no_event() {
    let (mut desk, _) = desk();
    let events = desk.events().len();
    let came = tell(&mut desk, Status::Stop, "a", 0);
    assert!(came.stored);
    assert_eq!((sessions(&desk).len(), desk.events().len()), (0, events));
}

/// A gateway that has restarted counts its sessions anew.
#[test]
fn a_start_of_somebody_else_under_a_known_name_is_another_session() {
    let (mut desk, _) = desk();
    tell(&mut desk, Status::Start, "00000001", 0);
    // One of somebody before, that was recorded.
    let mut old = report(Status::Start, "00000001", moved(desk.now, -9_000_000));
    old.user_name = Some("jiro".into());
    let before = sessions(&desk);
    send(&mut desk, &old);
    assert_eq!(sessions(&desk), before);
    for (user, station) in [
        ("sato", None),
        ("sato", Some("10.0.0.7")),
        ("sato", Some("10.0.0.8")),
    ] {
        let mut other = report(Status::Start, "00000001", desk.now);
        other.user_name = Some(user.into());
        other.account = Some(user.into());
        other.calling_station = station.map(Into::into);
        // It takes the place of the other, and needs none of its own.
        assert!(send_with(&mut desk, &other, Room::None).stored);
        let live = sessions(&desk);
        assert_eq!(live.len(), 1);
        assert_eq!(live[0].user_name.as_deref(), Some(user));
        assert_eq!(live[0].account, None, "no account of that name");
    }
}

/// Reports have no proof that they are new: who recorded one can send it again.
#[test]
fn a_report_that_was_recorded_ends_nothing_that_began_since() {
    let (mut desk, _) = desk();
    let old = desk.now;
    tell(&mut desk, Status::Start, "a", 0);
    tell(&mut desk, Status::Stop, "a", 0);
    desk.pass(600);
    tell(&mut desk, Status::Start, "a", 0);
    tell(&mut desk, Status::Start, "b", 0);
    let live = sessions(&desk);
    desk.pass(1);
    send(&mut desk, &report(Status::Stop, "a", old));
    assert_eq!(sessions(&desk), live);
    let ids: Vec<_> = live.iter().map(|session| session.id).collect();
    for status in [Status::On, Status::Off] {
        let report = report(status, "", old);
        let now = desk.clock();
        decide(&mut desk, &mut Restarted::new(&report, &ids, now.time, now));
    }
    assert_eq!(sessions(&desk), live);
    assert_eq!(
        last(&desk).change,
        SessionChange::Off(0),
        "told all the same"
    );
}

#[test]
fn sessions_of_other_gateways_are_others() {
    let (mut desk, _) = desk();
    let here = report(Status::Start, "a", desk.now);
    let mut there = vec![here.clone(); 5];
    there[0].nas.client = "vpn2".into();
    there[1].nas.from = "192.0.2.2".into();
    there[2].nas.identifier = None;
    there[3].nas.address = Some("192.0.2.1".into());
    there[4].session = "b".into();
    send(&mut desk, &here);
    for report in &there {
        send(&mut desk, report);
    }
    assert_eq!(sessions(&desk).len(), 6);
    // What stands in one field can not be shifted to the next.
    let shifted = |identifier: &str, address: &str| {
        let nas = Nas {
            identifier: Some(identifier.into()),
            address: Some(address.into()),
            ..nas()
        };
        nas.session("a")
    };
    assert_ne!(shifted("gate1", "92.0.2.1"), shifted("gate", "192.0.2.1"));
}

#[test]
fn all_sessions_of_a_gateway_that_restarts_are_over() {
    let (mut desk, _) = desk();
    for session in ["a", "b", "c"] {
        tell(&mut desk, Status::Start, session, 0);
    }
    let mut other = report(Status::Start, "d", desk.now);
    other.nas.identifier = Some("gate-2".into());
    send(&mut desk, &other);
    let ids: Vec<_> = sessions(&desk).iter().map(|session| session.id).collect();
    let before = desk.now;
    desk.pass(1);
    // One of them is heard of after the report came in.
    tell(&mut desk, Status::Interim, "c", 0);
    let on = report(Status::On, "", desk.now);
    let now = desk.clock();
    decide(&mut desk, &mut Restarted::new(&on, &ids, before, now));
    let left: Vec<_> = sessions(&desk).iter().map(|s| s.session.clone()).collect();
    assert_eq!(left.len(), 2);
    assert!(left.contains(&"c".into()) && left.contains(&"d".into()));
    assert_eq!(last(&desk).change, SessionChange::On(2));
    let off = report(Status::Off, "", desk.now);
    let now = desk.clock();
    decide(&mut desk, &mut Restarted::new(&off, &[], before, now));
    assert_eq!(last(&desk).change, SessionChange::Off(0));
    let many: Vec<_> = (0..1_000).map(|n| SessionId([n as u8; 8])).collect();
    let now = desk.clock();
    decide(&mut desk, &mut Restarted::new(&off, &many, before, now));
    assert!(many.len() > RESTARTED_SESSIONS_MAX);
}

#[test]
fn without_room_the_one_that_was_heard_of_longest_ago_goes() {
    let (mut desk, _) = desk();
    tell(&mut desk, Status::Start, "a", 0);
    let oldest = sessions(&desk)[0].id;
    let b = report(Status::Start, "b", desk.now);
    let refused = send_with(&mut desk, &b, Room::None);
    assert!(!refused.stored);
    assert_eq!(refused.outcome, Outcome::Nothing);
    let came = send_with(&mut desk, &b, Room::InPlaceOf(oldest));
    assert!(came.stored);
    assert_eq!(came.pushed_out, Some(oldest));
    assert_eq!(last(&desk).pushed_out, Some(oldest));
    let left = sessions(&desk);
    assert_eq!(left.len(), 1);
    assert_eq!(&*left[0].session, "b");
    // It has gone already: then there is no room.
    let c = report(Status::Start, "c", desk.now);
    assert!(!send_with(&mut desk, &c, Room::InPlaceOf(oldest)).stored);
    // What is known needs none.
    let interim = report(Status::Interim, "b", moved(desk.now, 1));
    assert!(send_with(&mut desk, &interim, Room::None).stored);
    assert_eq!(sessions(&desk).len(), 1);
}

#[test]
fn a_session_of_an_account_that_may_not_log_in_is_told_of() {
    let (mut desk, device) = desk();
    let start = report(Status::Start, "a", desk.now);
    assert_eq!(send(&mut desk, &start).unwelcome, None);
    let disabled = |disabled| AccountChange {
        disabled: Some(disabled),
        ..AccountChange::default()
    };
    desk.set("mori", disabled(true));
    let came = tell(&mut desk, Status::Start, "b", 0);
    assert_eq!(&*came.unwelcome.expect("a session").session, "b");
    desk.set("mori", disabled(false));
    desk.change(StateChange::Lost, &device);
    let came = tell(&mut desk, Status::Start, "d", 0);
    assert!(came.unwelcome.is_some());
    // An operator may have left what goes on; but not what nobody knew of.
    let came = tell(&mut desk, Status::Interim, "e", 0);
    assert!(came.unwelcome.is_some());
    let came = tell(&mut desk, Status::Interim, "b", 1);
    assert_eq!(came.unwelcome, None);
    // Of a stop there is nothing to end, and nobody knows who a stranger is.
    let came = tell(&mut desk, Status::Stop, "b", 0);
    assert_eq!(came.unwelcome, None);
    let mut stranger = report(Status::Start, "c", desk.now);
    stranger.account = Some("nobody".into());
    assert_eq!(send(&mut desk, &stranger).unwelcome, None);
}

#[test]
fn what_became_of_a_session_is_an_event_and_it_goes_when_it_is_over() {
    let outcomes = [
        (EndOutcome::Ended, true),
        (EndOutcome::Gone, true),
        (EndOutcome::Refused(Some(501)), false),
        (EndOutcome::Unsupported, false),
        (EndOutcome::Timeout, false),
        (EndOutcome::NotSent, false),
    ];
    for (outcome, over) in outcomes {
        let (mut desk, _) = desk();
        tell(&mut desk, Status::Start, "a", 0);
        let session = sessions(&desk).remove(0);
        let now = desk.clock();
        decide(
            &mut desk,
            &mut EndSession::new(&session, outcome, Some(7), now),
        );
        assert_eq!(sessions(&desk).is_empty(), over, "{outcome:?}");
        let change = SessionChange::End {
            outcome,
            receipt: Some(7),
        };
        assert_eq!(last(&desk).change, change);
    }
    // Another of the same name has begun since.
    let (mut desk, _) = desk();
    tell(&mut desk, Status::Start, "a", 0);
    let session = sessions(&desk).remove(0);
    tell(&mut desk, Status::Stop, "a", 0);
    desk.pass(1);
    tell(&mut desk, Status::Start, "a", 0);
    let now = desk.clock();
    decide(
        &mut desk,
        &mut EndSession::new(&session, EndOutcome::Ended, None, now),
    );
    assert_eq!(sessions(&desk).len(), 1);
}

#[test]
fn ending_sessions_is_an_operation_with_a_receipt() {
    let (mut desk, _) = desk();
    tell(&mut desk, Status::Start, "a", 0);
    let id = sessions(&desk)[0].id;
    assert_eq!(SessionId::parse(&id.to_string()), Some(id));
    desk.done(&Operation::SessionEnd(SessionChoice::Account(name("mori"))));
    desk.done(&Operation::SessionEnd(SessionChoice::Session(id)));
    assert_eq!(sessions(&desk).len(), 1, "the gateway says when it is over");
    let nobody = Operation::SessionEnd(SessionChoice::Account(name("sato")));
    assert_eq!(desk.refused(&nobody), Refusal::NoSuchAccount(name("sato")));
    let other = SessionId([1; 8]);
    let gone = Operation::SessionEnd(SessionChoice::Session(other));
    assert_eq!(desk.refused(&gone), Refusal::NoSuchSession(other));
}

/// I12: a gateway is trusted with its sessions, not with the clock.
#[test]
fn reports_do_not_move_the_newest_time() {
    let (mut desk, _) = desk();
    let newest = desk.store.inner().newest();
    desk.pass(3_600);
    tell(&mut desk, Status::Start, "a", 1 << 40);
    assert_eq!(desk.store.inner().newest(), newest);
}

#[test]
fn texts_of_reports_are_cleaned_and_cut() {
    assert_eq!(session_text(&"a".repeat(300)).len(), 253);
    assert_eq!(&*session_text(" a\x1b[31m\n\u{202e}b "), "a[31mb");
    for text in [
        "",
        "0",
        "0123456789abcde",
        "0123456789ABCDEF",
        "+123456789abcdef",
    ] {
        assert_eq!(SessionId::parse(text), None, "{text}");
    }
}
