//! When something is broken nobody gets in: PAM denies within its time limit, RADIUS is silent.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sekisho_tests::impostor::{Act, accept, reply};
use sekisho_tests::installation::Plan;
use sekisho_tests::pam::{
    AUTH_ERR, AUTHINFO_UNAVAIL, IGNORE, Pam, SERVICE_ERR, SUCCESS, primed, service_lines,
};
use sekisho_tests::{Door, Impostor, Installation, Token, Verdict};
use sekisho_verifier_socket::{self as socket, Envelope, Reply, Request, Speech};

/// What PAM promises, and what a busy machine adds.
const PAM_LIMIT: Duration = Duration::from_millis(3_500);
/// Long enough to see that RADIUS says nothing.
const QUIET: Duration = Duration::from_millis(1_500);

fn hana() -> Token {
    Token::new("hana", "SKTS00000001")
}

/// PAM says no in time, and RADIUS nothing at all.
#[track_caller]
fn nobody_gets_in(made: &Installation, code: &str) {
    pam_denies(made.pam(), code);
    let mut nas = made.nas();
    let request = nas.prepare("hana", code);
    assert_eq!(nas.ask(&request, QUIET), Verdict::Silent);
}

#[track_caller]
fn pam_denies(pam: &Pam, code: &str) {
    let report = pam.login("hana", &[code]);
    let denials = [AUTH_ERR, AUTHINFO_UNAVAIL, SERVICE_ERR];
    assert!(denials.contains(&report.authenticate), "{report:?}");
    assert!(report.took < PAM_LIMIT, "{report:?}");
}

#[test]
fn r31_stopped_verifier_lets_nobody_in_and_comes_back() {
    let hana = hana();
    let mut made = Installation::with(&[&hana]);
    let code = made.code(&hana, 0);
    made.take_verifier().stop();
    nobody_gets_in(&made, &code);
    made.start_verifier();
    assert_eq!(made.login(Door::Pam, "hana", &code), Verdict::Accept);
    assert_eq!(
        made.login(Door::Radius, "hana", &made.code(&hana, 1)),
        Verdict::Accept
    );
}

#[test]
fn killed_verifier_lets_nobody_in() {
    let hana = hana();
    let mut made = Installation::with(&[&hana]);
    made.take_verifier().kill();
    nobody_gets_in(&made, &made.code(&hana, 0));
}

#[test]
fn frozen_verifier_lets_nobody_in_within_three_seconds() {
    let hana = hana();
    let mut made = Installation::with(&[&hana]);
    made.verifier().freeze();
    nobody_gets_in(&made, &made.code(&hana, 0));
    made.verifier().thaw();
    // Whatever became of the code that was sent into the frozen verifier: it works once at most.
    let next = made.code(&hana, 1);
    assert_eq!(made.login(Door::Radius, "hana", &next), Verdict::Accept);
}

#[test]
fn missing_socket_lets_nobody_in() {
    let hana = hana();
    let mut made = Installation::with(&[&hana]);
    let code = made.code(&hana, 0);
    fs::remove_file(made.socket()).expect("the socket can be removed");
    pam_denies(made.pam(), &code);
    made.take_verifier().kill();
    nobody_gets_in(&made, &code);
}

#[test]
fn r02_link_fifo_or_file_in_the_place_of_the_socket_lets_nobody_in() {
    let hana = hana();
    let made = Installation::with(&[&hana]);
    let code = made.code(&hana, 0);
    let folder = made.folder().join("elsewhere");
    fs::create_dir(&folder).expect("a folder");
    let path = folder.join("verifier.sock");
    let pam = Pam::new(&folder, &path);
    let refuse = |what: &str| {
        pam_denies(&pam, &code);
        fs::remove_file(&path).unwrap_or_else(|error| panic!("{what}: {error}"));
    };
    symlink(made.socket(), &path).expect("a link");
    refuse("link");
    fs::write(&path, "").expect("a file");
    refuse("file");
    let made_fifo = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made_fifo.is_ok_and(|status| status.success()));
    refuse("fifo");
    pam_denies(&pam, &code);
    assert_eq!(made.login(Door::Pam, "hana", &code), Verdict::Accept);
}

#[test]
fn socket_or_folder_of_a_wrong_owner_lets_nobody_in() {
    let folder = trusted_folder();
    let impostor = Impostor::start(folder.path(), |r| Act::Send(reply(r.id, accept(r))));
    let pam = Pam::new(folder.path(), impostor.path());
    // The impostor tells everybody to come in, so this shows that it is asked at all.
    assert_eq!(pam.login("hana", &["123456"]).authenticate, SUCCESS);
    let stranger = Some(65_534);
    let cases: [(&str, &dyn Fn()); 3] = [
        ("socket", &|| {
            chown(impostor.path(), stranger, None).expect("chown")
        }),
        ("folder and socket", &|| {
            chown(folder.path(), Some(61_003), None).expect("chown")
        }),
        ("folder for all to write", &|| {
            chown(impostor.path(), Some(0), None).expect("chown");
            chown(folder.path(), Some(0), None).expect("chown");
            let mode = fs::Permissions::from_mode(0o777);
            fs::set_permissions(folder.path(), mode).expect("chmod");
        }),
    ];
    for (what, spoil) in cases {
        spoil();
        let report = pam.login("hana", &["123456"]);
        assert!(
            report.authenticate != SUCCESS && report.authenticate != IGNORE,
            "{what}"
        );
    }
}

fn trusted_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("its mode");
    folder
}

/// An honest accept, but for one thing.
type Spoiler = fn(&Envelope<Request>) -> Act;

fn is_ask(request: &Envelope<Request>) -> bool {
    matches!(request.body, Request::Ask(_))
}

/// Leaves the question before the prompt alone, and spoils the answer to the attempt.
fn honest_ask(request: &Envelope<Request>, act: impl FnOnce() -> Act) -> Act {
    if is_ask(request) {
        return Act::Send(reply(request.id, Reply::CodeNeeded(Speech::default())));
    }
    act()
}

fn accepted(account: &str) -> Reply {
    Reply::Decided {
        verdict: socket::Verdict::Accept,
        account: account.into(),
        accepted: None,
    }
}

const SPOILERS: [(&str, Spoiler); 16] = [
    ("cut after each octet but the last", |r| {
        honest_ask(r, || {
            let octets = reply(r.id, accepted("hana"));
            Act::Cut(octets[..octets.len() - 1].to_vec())
        })
    }),
    ("cut in the length", |r| {
        honest_ask(r, || Act::Cut(reply(r.id, accepted("hana"))[..2].to_vec()))
    }),
    ("closed at once", |r| honest_ask(r, || Act::Cut(Vec::new()))),
    ("for another request", |r| {
        honest_ask(r, || {
            Act::Send(reply(r.id.wrapping_add(1), accepted("hana")))
        })
    }),
    ("for request 0", |r| {
        honest_ask(r, || Act::Send(reply(0, accepted("hana"))))
    }),
    ("about another account", |r| {
        honest_ask(r, || Act::Send(reply(r.id, accepted("jiro"))))
    }),
    ("about a longer account", |r| {
        honest_ask(r, || Act::Send(reply(r.id, accepted("hana2"))))
    }),
    ("about nobody", |r| {
        honest_ask(r, || Act::Send(reply(r.id, accepted(""))))
    }),
    ("that no code is needed, to an attempt", |r| {
        honest_ask(r, || {
            Act::Send(reply(r.id, Reply::CodeNotNeeded(Speech::default())))
        })
    }),
    ("unavailable", |r| {
        honest_ask(r, || Act::Send(reply(r.id, Reply::Unavailable)))
    }),
    ("not permitted", |r| {
        honest_ask(r, || Act::Send(reply(r.id, Reply::NotPermitted)))
    }),
    ("of another protocol version", |r| {
        honest_ask(r, || {
            let mut octets = reply(r.id, accepted("hana"));
            octets[4] ^= 0xff;
            Act::Send(octets)
        })
    }),
    ("with something behind it", |r| {
        honest_ask(r, || {
            let mut octets = reply(r.id, accepted("hana"));
            octets[3] += 1;
            octets.push(0);
            Act::Send(octets)
        })
    }),
    ("longer than any", |r| {
        honest_ask(r, || Act::Send(vec![0xff; 64]))
    }),
    ("octet by octet, too slowly", |r| {
        honest_ask(r, || {
            Act::Drip(reply(r.id, accepted("hana")), Duration::from_millis(700))
        })
    }),
    ("never", |r| honest_ask(r, || Act::Hang)),
];

#[test]
fn r27_reply_that_is_cut_late_or_for_another_request_is_a_denial() {
    let folder = trusted_folder();
    for (number, (what, spoiler)) in SPOILERS.into_iter().enumerate() {
        let place = folder.path().join(number.to_string());
        let impostor = Impostor::start(&place, spoiler);
        let pam = Pam::new(&place, impostor.path());
        let report = pam.login("hana", &["123456"]);
        assert_ne!(report.authenticate, SUCCESS, "{what}");
        assert_ne!(report.authenticate, IGNORE, "{what}");
        assert!(report.took < PAM_LIMIT, "{what}: {report:?}");
    }
}

#[test]
fn attempt_that_is_answered_to_the_question_before_the_prompt_is_a_denial() {
    let folder = trusted_folder();
    let impostor = Impostor::start(folder.path(), |r| Act::Send(reply(r.id, accepted("hana"))));
    let pam = Pam::new(folder.path(), impostor.path());
    let report = pam.login("hana", &["123456"]);
    assert_eq!(report.prompts, 0);
    assert!(
        report.authenticate != SUCCESS && report.authenticate != IGNORE,
        "{report:?}"
    );
}

#[test]
fn radius_is_silent_after_every_reply_that_is_not_the_verifiers() {
    let made = Plan::default().build();
    let folder = made
        .socket()
        .parent()
        .map(Path::to_owned)
        .expect("a folder");
    for (what, spoiler) in SPOILERS {
        let impostor = Impostor::start(&folder, spoiler);
        let mut made_up = RadiusOnly::new(&made);
        assert_eq!(made_up.login(), Verdict::Silent, "{what}");
        drop(impostor);
    }
    let honest = Impostor::start(&folder, |r| Act::Send(reply(r.id, accept(r))));
    let mut made_up = RadiusOnly::new(&made);
    assert_eq!(made_up.login(), Verdict::Accept);
    drop(honest);
}

/// A RADIUS server before a verifier that is not ours.
struct RadiusOnly<'a> {
    made: &'a Installation,
    _server: sekisho_tests::Daemon,
}

impl<'a> RadiusOnly<'a> {
    fn new(made: &'a Installation) -> Self {
        let mut command = made.daemon_command("sekisho-radiusd");
        let server = sekisho_tests::Daemon::start("radiusd", made.folder(), &mut command);
        Self {
            made,
            _server: server,
        }
    }

    /// With retransmissions: the first may come before the server has found the verifier.
    fn login(&mut self) -> Verdict {
        let mut nas = self.made.nas();
        let request = nas.prepare("hana", "123456");
        let mut verdicts = (0..3).map(|_| nas.ask(&request, QUIET / 3));
        let decided = verdicts.find(|verdict| *verdict != Verdict::Silent);
        decided.unwrap_or(Verdict::Silent)
    }
}

#[test]
fn p06_account_phase_denies_while_the_verifier_is_away() {
    let hana = hana();
    let mut made = Installation::with(&[&hana]);
    let pam = made.pam();
    // Authentication passes by another module, as a public key does in sshd.
    let ours = service_lines(&made.socket(), "");
    let account = ours.lines().filter(|line| line.starts_with("account"));
    pam.service_lines("account", &primed(&account.collect::<String>()));
    let here = pam.drive(&[], "account", "hana", &[]);
    assert_eq!((here[0].authenticate, here[0].account), (SUCCESS, SUCCESS));
    made.take_verifier().stop();
    let away = made.pam().drive(&[], "account", "hana", &[]);
    assert!(![SUCCESS, IGNORE].contains(&away[0].account), "{away:?}");
}

#[test]
fn p07_generated_stack_of_debian_denies_while_the_verifier_is_away() {
    let hana = hana();
    let mut made = Installation::with(&[&hana]);
    // What pam-auth-update makes of an Additional profile: success is primed before it.
    let profile = fs::read_to_string(profile_path()).expect("the profile is shipped");
    let module = sekisho_tests::programs::pam_module();
    let socket = made.socket();
    let additional: String = profile
        .lines()
        .filter(|line| line.contains("pam_sekisho.so"))
        .map(|line| format!("{}\n", auth_line(line, &module, &socket)))
        .collect();
    assert!(!additional.is_empty(), "{profile}");
    let stack = format!(
        "auth [success=1 default=ignore] pam_permit.so\nauth requisite pam_deny.so\n\
         auth required pam_permit.so\n{additional}account required pam_permit.so\n"
    );
    made.pam().service_lines("common", &stack);
    let log_in = |made: &Installation, code: &str| made.pam().drive(&[], "common", "hana", &[code]);
    let code = made.code(&hana, 0);
    let wrong = made.wrong_code(&hana, 0);
    assert_ne!(log_in(&made, &wrong)[0].authenticate, SUCCESS);
    assert_eq!(log_in(&made, &code)[0].authenticate, SUCCESS);
    made.take_verifier().stop();
    let away = log_in(&made, &made.code(&hana, 1));
    assert!(
        ![SUCCESS, IGNORE].contains(&away[0].authenticate),
        "{away:?}"
    );
}

fn profile_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/pam-configs/sekisho")
}

/// A line of the profile as an `auth` line with our module's path and socket.
fn auth_line(line: &str, module: &Path, socket: &Path) -> String {
    let with_path = format!("{} socket={}", module.display(), socket.display());
    format!("auth {}", line.trim().replace("pam_sekisho.so", &with_path))
}

#[test]
fn r22_option_that_is_not_understood_is_a_denial_before_anybody_is_prompted() {
    let hana = hana();
    let made = Installation::with(&[&hana]);
    let code = made.code(&hana, 0);
    for option in [
        "nullok",
        "retry=0",
        "retry=-1",
        "retry=4",
        "fail_open",
        "debug=1",
    ] {
        made.pam().service("odd", option);
        let report = &made.pam().drive(&[], "odd", "hana", &[&code])[0];
        assert_eq!(
            (report.authenticate, report.prompts),
            (SERVICE_ERR, 0),
            "{option}"
        );
    }
    assert_eq!(made.login(Door::Pam, "hana", &code), Verdict::Accept);
}

#[test]
fn ignore_comes_only_from_a_policy_that_asks_no_code_and_is_logged() {
    let hana = hana();
    let made = Plan::default()
        .settings("[pam.service.kiosk]\ncode = \"never\"")
        .start();
    made.import(&[&hana]);
    made.pam().service("kiosk", "");
    made.pam().service("other-kiosk", "");
    let report = &made.pam().drive(&[], "kiosk", "hana", &[])[0];
    // Alone in its stack, IGNORE lets nobody in: libpam makes a denial of it.
    assert_ne!(report.authenticate, SUCCESS);
    assert_eq!(report.prompts, 0);
    assert_eq!(made.count("not-asked"), 1);
    let report = &made.pam().drive(&[], "other-kiosk", "hana", &["000000x"])[0];
    assert_eq!((report.prompts, report.authenticate), (1, AUTH_ERR));
}
