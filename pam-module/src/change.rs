//! `pam_chauthtok`: a token is put into use, or takes the place of another.
//!
//! libpam calls twice: first whether there is anything to do, then to do it. Each pass asks the
//! verifier anew, and so does each try, since the questions change with it. The verifier hears
//! nothing before all questions are answered, so whatever breaks off the conversation leaves nothing
//! half done; and what it did in one commit is told with its receipt.
//!
//! `PAM_IGNORE` means that nothing is wanted of anybody. Both passes must say the same, or a module
//! behind us would run its second pass without its first: what the first pass found is kept in the
//! transaction.

use sekisho_verifier_socket::{Language, Phase, Secret, Start, Wanted};

use crate::answer::{self, Unfit};
use crate::handle::{Echo, Handle, Level, Tone};
use crate::login::Login;
use crate::options::{DEFAULT_FAIL_DELAY, Options};
use crate::outcome::{Denial, deny};
use crate::return_code::ReturnCode;
use crate::texts::{self, Speaker};
use crate::verifier::{InUse, Line, Token, Verifier};

/// How often one call asks for all of it.
pub const TRIES: u8 = 3;
/// How often one question for yes or no is asked.
pub const CHOICES: u8 = 3;

/// What libpam and the host want.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flags {
    /// `PAM_PRELIM_CHECK`: the first pass; else `PAM_UPDATE_AUTHTOK`, the second.
    pub first_pass: bool,
    /// `PAM_CHANGE_EXPIRED_AUTHTOK`: only what must be changed before the login goes on.
    pub expired: bool,
    /// `PAM_SILENT`.
    pub silent: bool,
}

/// Runs one call. `words` are the options.
pub fn change(
    handle: &mut impl Handle,
    verifier: &mut impl Verifier,
    words: &[&[u8]],
    flags: Flags,
) -> ReturnCode {
    let options = match Options::parse(words) {
        Ok(options) => options,
        Err(error) => {
            handle.ask_fail_delay(DEFAULT_FAIL_DELAY);
            return deny(handle, &error.into(), None);
        }
    };
    // `passwd` is about the password, unless the service file says otherwise.
    if !flags.expired && !options.exchange {
        return ReturnCode::Ignore;
    }
    let login = match Login::of(handle) {
        Ok(login) => login,
        Err(error) => {
            handle.ask_fail_delay(options.fail_delay);
            return of_change(deny(handle, &error.into(), None));
        }
    };
    let mut flow = Flow {
        line: Line::new(verifier, &options.socket),
        handle,
        options: &options,
        login: &login,
        flags,
        speaker: Speaker::new(options.language),
    };
    let outcome = if flags.first_pass {
        flow.first_pass()
    } else {
        flow.second_pass()
    };
    match outcome {
        Ok(passed) => flow.pass(&passed),
        Err(denial) => flow.fail(&denial),
    }
}

/// How a pass ended well.
#[derive(Debug)]
enum Passed {
    /// The first: there is something to do.
    Wanted,
    /// Both: there is nothing to do.
    NotWanted,
    /// The second: done.
    Done(InUse),
}

impl From<&Passed> for ReturnCode {
    fn from(passed: &Passed) -> Self {
        match passed {
            Passed::Wanted | Passed::Done(_) => Self::Success,
            Passed::NotWanted => Self::Ignore,
        }
    }
}

/// The code of a denial, as it is called here.
fn of_change(code: ReturnCode) -> ReturnCode {
    match code {
        ReturnCode::AuthErr => ReturnCode::AuthtokErr,
        code => code,
    }
}

struct Flow<'a, H, V> {
    handle: &'a mut H,
    line: Line<'a, V>,
    options: &'a Options,
    login: &'a Login,
    flags: Flags,
    speaker: Speaker,
}

impl<H: Handle, V: Verifier> Flow<'_, H, V> {
    fn first_pass(&mut self) -> Result<Passed, Denial> {
        let token = self.ask()?;
        let wanted = matches!(token, Token::Wanted(_));
        self.handle.keep_wanted(wanted)?;
        if wanted {
            return Ok(Passed::Wanted);
        }
        if !self.flags.expired {
            let text = texts::nothing_wanted(self.speaker.language);
            self.tell(Tone::Info, &text);
        }
        Ok(Passed::NotWanted)
    }

    fn second_pass(&mut self) -> Result<Passed, Denial> {
        match self.handle.kept_wanted() {
            None => return Err(Denial::NotWanted),
            Some(false) => return Ok(Passed::NotWanted),
            Some(true) => {}
        }
        for round in 1..=TRIES {
            // Somebody else may have been quicker. That is no reason to let anybody in.
            let Token::Wanted(wanted) = self.ask()? else {
                return Err(Denial::NotWanted);
            };
            if round == 1 {
                let text = introduction(self.speaker.language, &wanted);
                self.tell(Tone::Info, &text);
            }
            let start = self.conversation(&wanted)?;
            if let Some(in_use) = self.line.start(start)? {
                return Ok(Passed::Done(in_use));
            }
            let text = texts::not_started(self.speaker.language);
            self.tell(Tone::Error, &text);
        }
        Err(Denial::TriesUsedUp)
    }

    fn ask(&mut self) -> Result<Token, Denial> {
        let account = self.login.account.as_deref().ok_or(Denial::NoSuchName)?;
        let phase = if self.flags.expired {
            Phase::Account
        } else {
            Phase::Change
        };
        let token = self.line.ask_token(account, &self.login.place, phase)?;
        self.speaker.hears(match &token {
            Token::Wanted(wanted) => wanted.speech,
            Token::NotWanted(speech) => *speech,
        });
        Ok(token)
    }

    /// All questions of one try, in the order in which a person who holds the new token answers them.
    fn conversation(&mut self, wanted: &Wanted) -> Result<Start, Denial> {
        let language = self.speaker.language;
        let account = self.login.account.clone().ok_or(Denial::NoSuchName)?;
        let serial = if wanted.exchange {
            texts::prompt_new_serial(language)
        } else {
            texts::prompt_serial(language)
        };
        let serial = text(&self.question(Echo::On, &serial)?)?.to_owned();
        let echo = if self.options.echo {
            Echo::On
        } else {
            Echo::Off
        };
        let code = self.question(echo, &texts::prompt_code_shown(language))?;
        let old_code = match (wanted.old_code, self.flags.expired) {
            (false, _) => None,
            (true, true) => Some(texts::prompt_old_code(language)),
            (true, false) => Some(texts::prompt_old_code_or_start_code(language)),
        };
        let old_code = match old_code {
            Some(question) => Some(self.question(echo, &question)?),
            None => None,
        };
        let characters = match &wanted.positions[..] {
            [] => None,
            positions => {
                let positions = texts::positions(language, positions);
                let question = texts::prompt_characters(language, &positions);
                Some(self.question(Echo::Off, &question)?)
            }
        };
        // What was chosen once stays when a token is exchanged.
        let code_required = match wanted.exchange {
            true => None,
            false => Some(self.choice()?),
        };
        Ok(Start {
            account,
            place: self.login.place.clone(),
            serial,
            code,
            old_code,
            characters,
            code_required,
        })
    }

    fn question(&mut self, echo: Echo, text: &str) -> Result<Secret, Denial> {
        let answer = self.handle.prompt(echo, text)?;
        answer::check_short(&answer)?;
        Ok(answer)
    }

    fn choice(&mut self) -> Result<bool, Denial> {
        let mut question = texts::prompt_choice(self.speaker.language);
        for _ in 0..CHOICES {
            let answer = self.question(Echo::On, &question)?;
            if let Some(choice) = texts::choice(text(&answer)?) {
                return Ok(choice);
            }
            question = texts::prompt_choice_again(self.speaker.language);
        }
        Err(Unfit::Unclear.into())
    }

    /// Where messages are not shown, the receipt is a question, whose answer does not matter.
    fn tell_receipt(&mut self, in_use: &InUse) {
        let language = self.speaker.language;
        let told = receipt(language, in_use);
        if self.options.prompt_only {
            let question = format!("{told} {}", texts::prompt_enter(language));
            let _ = self.handle.prompt(Echo::On, &question);
        } else {
            self.tell(Tone::Info, &told);
        }
    }

    fn log_receipt(&self, in_use: &InUse) {
        let receipt = in_use.receipt();
        let text = format!(
            "a token was put into use; serial=\"{}\" receipt={} user={}",
            receipt.serial.escape_debug(),
            receipt.number.escape_debug(),
            self.login.shown
        );
        self.handle.log(Level::Notice, &text);
    }

    fn pass(&mut self, passed: &Passed) -> ReturnCode {
        if let Passed::Done(in_use) = passed {
            self.tell_receipt(in_use);
            self.log_receipt(in_use);
        }
        passed.into()
    }

    fn fail(&mut self, denial: &Denial) -> ReturnCode {
        self.handle.ask_fail_delay(self.options.fail_delay);
        let code = of_change(deny(self.handle, denial, Some(&self.login.shown)));
        if code == ReturnCode::AuthinfoUnavail {
            let text = texts::unavailable(self.speaker.language);
            self.tell(Tone::Error, &text);
        }
        code
    }

    fn tell(&mut self, tone: Tone, text: &str) {
        if !self.flags.silent && !self.options.prompt_only {
            self.handle.tell(tone, text);
        }
    }
}

fn introduction(language: Language, wanted: &Wanted) -> String {
    match &wanted.grace_until {
        _ if wanted.exchange => texts::exchange_wanted(language),
        Some(until) => texts::start_wanted_until(language, until),
        None => texts::start_wanted(language),
    }
}

fn receipt(language: Language, in_use: &InUse) -> String {
    let receipt = in_use.receipt();
    let (serial, number, time) = (&receipt.serial, &receipt.number, &receipt.time);
    match &receipt.ended {
        Some(ended) => texts::exchanged(language, ended, number, serial, time),
        None => texts::started(language, number, serial, time),
    }
}

/// An answer that is no secret: a serial, a yes.
fn text(answer: &Secret) -> Result<&str, Unfit> {
    std::str::from_utf8(answer.expose()).map_err(|_| Unfit::Unclear)
}
