### `sekisho doctor`: what is wrong, and why it matters. The ids are those of the findings.

doctor-error = error
doctor-warning = warning
doctor-note = note
doctor-nothing = Nothing was found.
doctor-sum = { $errors } { $errors ->
        [one] error
       *[other] errors
    }, { $warnings } { $warnings ->
        [one] warning
       *[other] warnings
    }, { $notes } { $notes ->
        [one] note
       *[other] notes
    }
doctor-not-looked-at = Not looked at

doctor-unseen-root = this is not root: files and folders that only root reads, and the answers of sshd
doctor-unseen-settings = the settings, and with them the policy: { $because }
doctor-unseen-file = a file or folder: { $because }
doctor-unseen-module = what the module is made of: { $because }
doctor-unseen-pam = the PAM services: there is nothing in { $because }
doctor-unseen-sshd = what sshd itself says; its files were read instead: { $because }
doctor-unseen-clock = whether the clock is synchronised: { $because }
doctor-unseen-verifier = what the verifier knows: { $because }

## Settings

doctor-settings-missing = { $place } is not there
doctor-settings-missing-why = Without settings no daemon starts, and nobody gets in where a code is needed.
doctor-settings-refused = { $place } is refused: { $error }
doctor-settings-refused-why = No daemon starts with such settings; those that run keep the old ones until they are restarted.
doctor-settings-writable = { $place } can be written by others than its owner (mode { $mode })
doctor-settings-writable-why = Whoever writes it decides where a code is asked for. The daemons refuse it.
doctor-settings-readable = { $place } can be read by everybody (mode { $mode })
doctor-settings-readable-why = It holds the secrets of gateways. Whoever knows one can forge answers to its gateway. The daemons refuse it.

## PAM services

doctor-pam-skipped = { $place }: “{ $line }” leads past the code ({ $services })
doctor-pam-skipped-why = When this module succeeds, the rest of the stack is not asked: a login without a code.
doctor-pam-ignored = { $place }: “{ $line }” lets people in whose code was wrong ({ $services })
doctor-pam-ignored-why = The control word does not hold a refusal against the login: a wrong code, or no answer of the verifier, is as good as a right one.
doctor-pam-reset = { $place }: “{ $line }” forgets that the code was wrong ({ $services })
doctor-pam-reset-why = The action “reset” sets the verdict back to what it was before, and with it the refusal of the code.
doctor-pam-not-asked = { $place }: the settings want a code of { $service }, and its stack does not ask for one
doctor-pam-not-asked-why = The policy only counts where the module is in the stack. Here people get in without a code.
doctor-pam-default-not-asked = { $place }: { $service } does not ask for a code
doctor-pam-default-not-asked-why = People log in by it, and nothing in the settings says that it needs no code. If that is meant, write code = "never" under [pam.service.NAME].
doctor-pam-exempted = { $place }: “{ $line }” lets some people past the code ({ $services })
doctor-pam-exempted-why = Nobody sees this exemption in the settings, and no login by it is in the audit trail. Write it as a rule of [pam.service] instead.
doctor-pam-account-skipped = { $place }: “{ $line }” leads past our account line ({ $services })
doctor-pam-account-skipped-why = Disabled accounts, and tokens that have to be exchanged, are not noticed there.
doctor-pam-password-skipped = { $place }: “{ $line }” leads past our password line ({ $services })
doctor-pam-password-skipped-why = Who must put a token into use, or exchange one, is let in without having done so.
doctor-pam-others-not-asked = these services ask for no code: { $services }
doctor-pam-others-not-asked-why = If people log in by one of them, they do so without a code. If that is meant, write code = "never" under [pam.service.NAME].
doctor-pam-no-account = { $place }: { $service } has our auth line and no account line
doctor-pam-no-account-why = A public key skips auth, so a disabled account gets in, and a token that has to be exchanged or put into use is not noticed.
doctor-pam-no-password = { $place }: { $service } has no password line of ours while a grace period is set
doctor-pam-no-password-why = People without a token are let in to put one into use, and are not asked to.
doctor-pam-no-session = { $place }: { $service } has no session line of ours while second-use-seconds is set
doctor-pam-no-session-why = A second use belongs to a login session, which only the session line tells the verifier. Without it the code is asked for each time.
doctor-pam-code-alone = { $place }: at { $service } the code is all that is asked for
doctor-pam-code-alone-why = Whoever holds the token gets in: nothing else in the stack has to succeed.
doctor-pam-option = { $place }: the module does not know the option { $option }, or not this value
doctor-pam-option-why = It refuses every login at which an option is wrong.
doctor-pam-include = { $place }: { $service } includes { $what }, which is not there or goes round in a circle
doctor-pam-include-why = PAM does not load such a service: nobody gets in.
doctor-pam-line = { $place }: { $service } has a line that PAM does not understand: { $what }
doctor-pam-line-why = PAM fails it, or the whole service.
doctor-pam-other-open = { $place } lets everybody in
doctor-pam-other-open-why = A program whose PAM service has no file of its own gets this one: it asks for nothing.
doctor-pam-socket-differs = { $place }: the module asks at { $socket }, and the settings name { $settings }
doctor-pam-socket-differs-why = If nobody listens there, nobody gets in; if somebody else does, codes go to them.
doctor-pam-service-unknown = the settings speak of the PAM service { $service }, and there is no such service
doctor-pam-service-unknown-why = A misspelt name is a rule that somebody believes in and that is not there.

## Modules

doctor-module-missing = { $place } names { $module }, and there is no such file among the modules
doctor-module-missing-why = PAM fails the line. Where its control word is optional or ignores failures, people get in without a code.
doctor-module-other-missing = { $place } names { $module }, and there is no such file among the modules
doctor-module-other-missing-why = PAM fails the line: where it is required, nobody gets in.
doctor-module-foreign = { $module } is no module for this machine
doctor-module-foreign-why = PAM can not load it and fails the line: nobody gets in, or, with an optional line, everybody without a code.
doctor-module-linked = { $module } does not ask for libpam.so.0
doctor-module-linked-why = It was linked against the archive of libpam, brings a copy of its own, and works on the wrong one.
doctor-module-owner = { $place } belongs to { $owner }
doctor-module-owner-why = Whoever owns it can put something else in its place, which then runs as root at each login.
doctor-module-writable = { $place } can be written by others than its owner (mode { $mode })
doctor-module-writable-why = Whoever can write it can put something else in its place, which then runs as root at each login.

## sshd

doctor-sshd-no-pam = { $place }: sshd does not ask PAM ({ $setting })
doctor-sshd-no-pam-why = Passwords and keys are judged by sshd alone: nobody is asked for a code.
doctor-sshd-keyboard-interactive-off = { $place }: keyboard-interactive is off ({ $setting })
doctor-sshd-keyboard-interactive-off-why = It is the only way in which sshd shows the prompt for a code. People get in by keys without one, or not at all.
doctor-sshd-methods-skip-code = { $place }: a list of methods has no keyboard-interactive ({ $setting })
doctor-sshd-methods-skip-code-why = Who logs in by that list is never asked for a code.
doctor-sshd-keys-alone = { $place }: { $methods } is enough to log in ({ $setting })
doctor-sshd-keys-alone-why = These methods skip PAM's questions, and with them the code, unless AuthenticationMethods asks for keyboard-interactive as well.
doctor-sshd-password-method = { $place }: the password method is on ({ $setting })
doctor-sshd-password-method-why = It gives the password as the answer to the prompt for the code, which is refused. People who use it can not log in, and clients may try it first.
doctor-sshd-root-login = { $place }: root may log in with a password ({ $setting })
doctor-sshd-root-login-why = Whoever does is root in the audit trail, and no person.

## Verifier, sockets, files

doctor-verifier-silent = the verifier does not answer: { $error }
doctor-verifier-silent-why = Nobody gets in where a code is needed.
doctor-verifier-not-trusted = the verifier's socket is not trusted: { $error }
doctor-verifier-not-trusted-why = The module sends no code there, so nobody gets in where one is needed.
doctor-radiusd-not-running = sekisho-radiusd does not run, and the settings have RADIUS clients
doctor-radiusd-not-running-why = Nobody gets in through those gateways.
doctor-passwordd-not-running = sekisho-passwordd does not run, and a RADIUS client has first-factor = "pam"
doctor-passwordd-not-running-why = Nobody judges those passwords, so nobody gets in through that gateway.
doctor-socket-missing = { $place }: there is no such socket
doctor-socket-missing-why = The daemon does not run, or listens elsewhere. Nobody gets in where it is asked.
doctor-socket-folder-writable = { $place } can be written by others than its owner (mode { $mode })
doctor-socket-folder-writable-why = Others could put a socket of their own there and collect codes. The module refuses such a folder.
doctor-socket-owner = { $place } belongs to { $owner } and not to the owner of its folder
doctor-socket-owner-why = The module refuses a socket that may be somebody else's.
doctor-socket-mode = { $place } is closed to some users (mode { $mode })
doctor-socket-mode-why = Screen lockers, and sekisho for members of its groups, do not run as root: they can not reach the verifier.
doctor-data-missing = { $place } is not there
doctor-data-missing-why = The verifier has nowhere to keep tokens, and does not start.
doctor-data-mode = { $place } is open to others (mode { $mode })
doctor-data-mode-why = In it are the sealed seeds and the audit trail, and perhaps the master key.
doctor-data-owner = { $place } belongs to { $owner } and not to the verifier's user
doctor-data-owner-why = The verifier can not read or write it, and its owner can.
doctor-master-key-missing = { $place } is not there
doctor-master-key-missing-why = Without it no seed opens and the verifier does not start. Put the copy back; a new one opens nothing.
doctor-master-key-mode = { $place } is open to others, or no plain file (mode { $mode })
doctor-master-key-mode-why = Whoever has it and the data folder has every seed. The verifier refuses it.
doctor-user-missing = there is no user { $user }
doctor-user-missing-why = A daemon that should run as this user does not start.

## Clock and store

doctor-clock-doubted = the verifier doubts the machine's clock
doctor-clock-doubted-why = It accepts no code until the clock is right or an admin has confirmed it.
doctor-clock-off = the clock is off by { $ms } ms
doctor-clock-off-why = Codes are made of time: those of tokens that are right come out too early or too late, and are refused.
doctor-clock-not-synchronised = the clock is not synchronised
doctor-clock-not-synchronised-why = It will drift away from the tokens, until right codes are refused.
doctor-store-damaged = { $records } { $records ->
        [one] record is damaged
       *[other] records are damaged
    }
doctor-store-damaged-why = What stands in a damaged record can not be read; its token or account is refused.
doctor-disk-nearly-full = only { $free } MiB are free where the data is
doctor-disk-nearly-full-why = Each login is written before it is let in. When the disk is full, nobody gets in.
doctor-verifier-warning = the verifier warns: { $warning }
doctor-verifier-warning-why = See sekisho status.
doctor-accounts-without-token = { $accounts } { $accounts ->
        [one] account has
       *[other] accounts have
    } no token in use, and there is no grace period
doctor-accounts-without-token-why = They are refused wherever a code is needed.

## RADIUS clients

doctor-radius-secret-short = { $place }: the secret of { $client } has { $octets } octets, less than { $advised }
doctor-radius-secret-short-why = Whoever sees one packet can try secrets until one fits, and then forge accepts.
doctor-radius-secret-shared = { $place }: { $client } has the same secret as { $other }
doctor-radius-secret-shared-why = Whoever has one gateway can forge answers to the other.
doctor-radius-message-authenticator-off = { $place }: { $client } may leave out the Message-Authenticator (message-authenticator = "{ $value }")
doctor-radius-message-authenticator-off-why = Without it, somebody on the way can turn a reject into an accept (CVE-2024-3596).
doctor-radius-message-authenticator-never = { $client } sent { $requests } requests, and never a Message-Authenticator
doctor-radius-message-authenticator-never-why = Somebody on the way can turn a reject into an accept (CVE-2024-3596). Update the gateway, or switch it on there.

## People

doctor-group-missing = there is no group { $group }
doctor-group-missing-why = The settings name it for a role; nobody can have that role.
doctor-group-empty = nobody is in the group { $group }
doctor-group-empty-why = The settings name it for a role; nobody has that role.
doctor-approval-one-person = some operations wait for a second admin, and nobody but root is in { $group }
doctor-approval-one-person-why = Nobody may approve what they asked for themselves, so these operations never go on.
doctor-backup-no-recipients = { $place } names nobody who can read backups
doctor-backup-no-recipients-why = No backup can be made: when the disk dies, every token has to be issued anew.
doctor-grace-running = { $place }: the grace period runs until { $until }
doctor-grace-running-why = Until then people without a token get in with their password alone.
doctor-grace-over = { $place }: the grace period has been over since { $until }
doctor-grace-over-why = The line does nothing any more.
