//! `pam_authenticate`: is a code needed, prompt, is the code right?

use crate::answer;
use crate::handle::{Echo, Handle, Level, Tone};
use crate::login::Login;
use crate::options::{DEFAULT_FAIL_DELAY, FirstPass, Options};
use crate::outcome::{Denial, Passed, deny};
use crate::return_code::ReturnCode;
use crate::texts::{self, Speaker};
use crate::verifier::{Judged, Line, Need, Verifier};

use sekisho_verifier_socket::Secret;

/// Runs one call. `words` are the options, `silent` is `PAM_SILENT`.
///
/// `PAM_DISALLOW_NULL_AUTHTOK` needs no attention: an empty code is never right.
pub fn authenticate(
    handle: &mut impl Handle,
    verifier: &mut impl Verifier,
    words: &[&[u8]],
    silent: bool,
) -> ReturnCode {
    let options = match Options::parse(words) {
        Ok(options) => options,
        Err(error) => {
            handle.ask_fail_delay(DEFAULT_FAIL_DELAY);
            return deny(handle, &error.into(), None);
        }
    };
    let login = match Login::of(handle) {
        Ok(login) => login,
        Err(error) => {
            handle.ask_fail_delay(options.fail_delay);
            return deny(handle, &error.into(), None);
        }
    };
    let mut flow = Flow {
        line: Line::new(verifier, &options.socket),
        handle,
        options: &options,
        login: &login,
        speaker: Speaker::new(options.language),
        silent,
    };
    match flow.run() {
        Ok(passed) => flow.pass(&passed),
        Err(denial) => flow.fail(&denial),
    }
}

struct Flow<'a, H, V> {
    handle: &'a mut H,
    line: Line<'a, V>,
    options: &'a Options,
    login: &'a Login,
    speaker: Speaker,
    silent: bool,
}

impl<H: Handle, V: Verifier> Flow<'_, H, V> {
    fn run(&mut self) -> Result<Passed, Denial> {
        // Before anybody is prompted: where no code is needed nobody is bothered, and where the
        // verifier is away nobody spends a code for nothing.
        if let Some(account) = &self.login.account {
            match self.line.ask(account, &self.login.place)? {
                Need::Nothing(exempt) => return Ok(Passed::Exempt(exempt)),
                Need::Code(speech) => self.speaker.hears(speech),
            }
        }
        self.debug("a code is needed");
        if let Some(passed) = self.first_pass()? {
            return Ok(passed);
        }
        self.prompts()
    }

    fn first_pass(&mut self) -> Result<Option<Passed>, Denial> {
        let only = match self.options.first_pass {
            FirstPass::Never => return Ok(None),
            FirstPass::Try => false,
            FirstPass::Only => true,
        };
        let code = self.handle.first_pass().filter(answer::has_shape_of_code);
        match code {
            Some(code) => match self.attempt(code)? {
                Judged::Accepted(accepted) => Ok(Some(Passed::Accepted(accepted))),
                Judged::Rejected if only => Err(self.rejected()),
                Judged::Rejected => Ok(None),
            },
            None if only => Err(Denial::NoFirstPass),
            None => Ok(None),
        }
    }

    fn prompts(&mut self) -> Result<Passed, Denial> {
        let echo = if self.options.echo {
            Echo::On
        } else {
            Echo::Off
        };
        let question = self.question();
        for round in 1..=self.options.tries {
            let typed = self.handle.prompt(echo, &question)?;
            // What is not sent ends the call at once: no person who looks at a token types it.
            let (password, code) = self.parts(typed)?;
            if let Judged::Accepted(accepted) = self.attempt(code)? {
                // Only now: a module behind us shall not judge a password that comes without a code.
                if let Some(password) = password {
                    self.handle.hand_on(&password)?;
                }
                return Ok(Passed::Accepted(accepted));
            }
            if round < self.options.tries {
                self.tell(&texts::not_accepted(self.speaker.language));
            }
        }
        if self.options.tries > 1 {
            return Err(Denial::TriesUsedUp);
        }
        Err(self.rejected())
    }

    fn question(&self) -> String {
        let language = self.speaker.language;
        match (&self.options.prompt, self.options.combined) {
            (Some(prompt), _) => prompt.clone(),
            (None, None) => texts::prompt_code(language),
            (None, Some(_)) => texts::prompt_combined(language),
        }
    }

    /// The password, if it is ours to ask for, and the code.
    fn parts(&self, typed: Secret) -> Result<(Option<Secret>, Secret), Denial> {
        match self.options.combined {
            None => {
                answer::check(&typed)?;
                Ok((None, typed))
            }
            Some(digits) => {
                let (password, code) = answer::split(&typed, digits)?;
                Ok((Some(password), code))
            }
        }
    }

    fn attempt(&mut self, code: Secret) -> Result<Judged, Denial> {
        match &self.login.account {
            Some(account) => Ok(self.line.attempt(account, code, &self.login.place)?),
            // Looks like any other rejection, to the last prompt.
            None => Ok(Judged::Rejected),
        }
    }

    fn rejected(&self) -> Denial {
        if self.login.account.is_some() {
            Denial::Rejected
        } else {
            Denial::NoSuchName
        }
    }

    fn pass(&mut self, passed: &Passed) -> ReturnCode {
        if let Passed::Exempt(_) = passed {
            let text = format!(
                "no code needed: the policy exempts this login; user={}",
                self.login.shown
            );
            self.handle.log(Level::Notice, &text);
        } else {
            self.debug("accepted");
        }
        passed.into()
    }

    fn fail(&mut self, denial: &Denial) -> ReturnCode {
        self.handle.ask_fail_delay(self.options.fail_delay);
        let code = deny(self.handle, denial, Some(&self.login.shown));
        if code == ReturnCode::AuthinfoUnavail {
            self.tell(&texts::unavailable(self.speaker.language));
        }
        code
    }

    /// `PAM_SILENT` turns off all text but the prompt (Linux-PAM module writers' guide, flags).
    fn tell(&mut self, text: &str) {
        if !self.silent && !self.options.prompt_only {
            self.handle.tell(Tone::Error, text);
        }
    }

    fn debug(&self, text: &str) {
        if self.options.debug {
            let text = format!("{text}; user={}", self.login.shown);
            self.handle.log(Level::Debug, &text);
        }
    }
}
