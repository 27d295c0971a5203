### `sekisho self`: what owners of tokens do themselves.

## Questions

self-ask-password = Your login password:
self-ask-serial = Serial number of the token:
self-ask-serial-usual = Serial number of the token [{ $serial }]:
self-ask-new-serial = Serial number of the new token:
self-ask-code = Code that it shows now:
self-ask-new-code = Code that the new token shows now:
self-ask-old-code = Code of the token that you have used so far, or your start code:
self-ask-any-code = Code that your token shows now:
self-ask-digits = Digits { $first } and { $second } of your start-of-use password:
self-ask-digits-listed = Digits { $positions } of your start-of-use password:
self-ask-choice = Shall logins ask you for a code, where you may choose? (yes/no) [yes]:
self-ask-stop = Token { $serial } will be of no use any more, for good. Go on? (yes/no) [no]:
self-ask-lost = Token { $serial } will be dead at once, for good. Go on? (yes/no) [no]:

## Answers that are none

self-no-password = no password was typed
self-no-password-way-out = type the password that you log in with
self-no-code = no code was typed
self-no-code-way-out = type what the token shows now
self-no-digits = no digits were typed
self-no-digits-way-out = take the letter with your start-of-use password, and type the digits that are asked for
self-no-serial = no serial number was given
self-no-serial-way-out = it stands above the code; type it or give it behind the command
self-no-yes-or-no = this is neither yes nor no
self-no-yes-or-no-way-out = nothing was done; type yes or no
self-not-confirmed = you did not say yes
self-not-confirmed-way-out = nothing was done
self-no-terminal = there is no terminal to ask on: { $error }
self-no-terminal-serial = give the serial number behind the command
self-no-terminal-answer = give --yes
self-no-terminal-choice = give --choice required or --choice not-required
self-no-terminal-secret = pipe in what is asked for, a line each, and give --stdin
self-nothing-typed = nothing was typed
self-too-long = what was typed is longer than { $octets } octets
self-too-long-way-out = type what is asked for and nothing else

## What can be done

self-nothing-wanted = there is nothing to put into use
self-nothing-wanted-start = see what you have: sekisho self status; ask the help desk for a start code if your token is gone
self-use-exchange = you have had a token in use already
self-use-exchange-way-out = put the new one in its place: sekisho self exchange
self-use-start = you have no token in use yet
self-use-start-way-out = put your first one into use: sekisho self start
self-look-first = look before you try again: sekisho self status
self-spent = The code is spent: the next login needs the next one.

## Status

self-label-account = Account
self-label-code = Code at login
self-label-state = State
self-label-locked-until = Locked until
self-label-language = Language
self-label-next-login = Next login
self-label-emergency-codes = Emergency codes
self-label-start-code = Start code
self-label-serial = Token
self-label-last-used = Last used
self-label-where = Where
self-code-required = asked for
self-code-not-required = not asked for where you may choose
self-enabled = enabled
self-disabled = disabled
self-language-en = English
self-language-ja = Japanese
self-language-none = what this machine speaks
self-next-login-exchange = asks you to put a new token in the place of yours
self-emergency-left = { $count } left, until { $until }
self-until = until { $until }
self-no-tokens = no token is in use; put yours into use: sekisho self start

## `account show`

account-exchange-required = must put a new token in the place of the one in use
account-start-password-set = set
