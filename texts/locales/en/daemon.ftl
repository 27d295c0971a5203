### Refusals of the verifier, and what it tells people.

daemon-too-many-accounts = at most { $most } accounts can be disabled at once
daemon-too-many-accounts-way-out = do it in several steps

## What waits for a second person

daemon-approvals-full = too much waits for a second person already
daemon-approvals-full-way-out = let another admin settle some of it: sekisho approval list
daemon-approval-unknown = this approval is not for what you ask for now
daemon-approval-waiting = nobody has approved this yet
daemon-approval-waiting-way-out = wait until another admin has run: sekisho approve
daemon-approval-refused = this was refused
daemon-approval-over = this has waited for too long
daemon-approval-used = this approval was used already
daemon-approval-way-out = ask for it once more, without an approval
daemon-approval-none = there is no such approval
daemon-approval-none-way-out = see what waits: sekisho approval list
daemon-approval-own = nobody approves what they have asked for themselves
daemon-approval-own-way-out = let another admin approve it
daemon-approval-settled = this was settled already

## `sekisho self`

daemon-self-no-name = your user's name can not be that of an account
daemon-self-no-name-way-out = ask the help desk
daemon-self-wrong-password = the login password is wrong
daemon-self-wrong-password-way-out = type the password that you log in with
daemon-self-wait = too many wrong passwords
daemon-self-often = this was asked too often
daemon-self-wait-way-out = wait for a minute, then try again
daemon-self-no-judge = your password can not be checked now
daemon-self-no-judge-way-out = try again later; an admin sees in the log of sekisho-verifierd and sekisho-passwordd why
daemon-self-no-account = there is no account of your name yet
daemon-self-no-account-way-out = ask an admin to make it; then put your first token into use: sekisho self start
daemon-self-not-accepted = this was not accepted
daemon-self-not-accepted-way-out = check the serial, wait for the next code, and try again; the help desk can see why

## `sekisho policy test`

policy-because-unknown = there is no account of this name, so there is no code that would be right
policy-because-disabled = the account is disabled
policy-because-no-token = the account has no token in use
policy-because-locked = no code is judged until { $until }
policy-because-exchange = its token must be exchanged at this login
policy-because-emergency = { $count ->
    [one] one emergency code is left
   *[other] { $count } emergency codes are left
}
policy-because-grace = it never had a token, and until { $until } it is let in to put its first one into use
policy-because-chose-code = the account has chosen that a code is asked for
policy-because-chose-none = the account has chosen that no code is asked for
policy-because-second-use = right after a login in the same session and at the same terminal, none is asked for
policy-because-clock = the server's clock is doubted, so no code is accepted now

## `sekisho policy apply`

daemon-policy-same = the policy of the settings is in effect
daemon-policy-same-way-out = nothing has to be done

## `sekisho emergency`

daemon-codes-of-admins = only an admin makes emergency codes for an admin, for root, and for oneself
daemon-codes-of-admins-way-out = ask an admin
