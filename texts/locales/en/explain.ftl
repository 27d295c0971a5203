### What `sekisho explain` says of an account: sentences without a full stop.

explain-nothing = nothing stands against a login

## The server's clock

explain-clock-behind = the server's clock is behind the last accepted code or change, so no code is accepted
explain-clock-set-back = the server's clock was set back by { $seconds } s while the verifier ran, so no code is accepted
explain-clock-set-forward = the server's clock was set forward by { $seconds } s while the verifier ran, so no code is accepted

## The account

explain-no-account = there is no account { $account }: nobody has put a token into use for it yet
explain-disabled = the account is disabled
explain-locked = locked after { $count } wrong codes until { $until }
explain-waiting = { $count } wrong codes: no code is judged until { $until }
explain-not-started = the account has no token in use: it has not started to use one yet
explain-no-token = the account has no token in use
explain-exchange-required = its next login must exchange the token
explain-emergency-left = { $count ->
    [one] one emergency code is left
   *[other] { $count } emergency codes are left
}

## Its tokens

explain-ahead = a code of the future was accepted of token { $serial }, when a clock was wrong: none is accepted until that time; exchange it
explain-token-disabled = token { $serial } is disabled after too many failures in a row; enroll it again
explain-drift-ahead = the clock of token { $serial } is { $steps } steps ahead of ours; that is allowed for
explain-drift-behind = the clock of token { $serial } is { $steps } steps behind ours; that is allowed for
explain-token-state = token { $serial } is { $state }

## The last login

explain-last-login = the last login, at { $place } at { $time }, failed: { $why }
explain-used-at = the code was used already, at { $time } at { $place }
explain-used-in-start = the code was used already, at { $time }, to start the use of the token
explain-used = the code was used already
explain-wrong-code = the code was wrong
explain-malformed-code = what was typed is not a code of 6 to 8 digits
explain-seed = the token's seed does not open: the master key or the record is not the right one
explain-rejected-again = the gateway repeated a login whose code or password was wrong
explain-round-used = the answer came for a challenge that was answered before
explain-round-expired = the answer came too late for its challenge, or the clock of sekisho-radiusd is not ours
explain-wrong-password = the password before the code was wrong
explain-no-judge = the password before the code could not be judged: see the log of sekisho-radiusd
explain-clock-backwards = the server's clock had gone backwards
explain-clock-stepped = the server's clock had just been set
explain-refused-as = it was refused as { $reason }

## What a failed code fits

explain-code-of = the code typed at { $place } at { $time } { $what }
explain-fits-now = fits token { $serial } exactly, and was refused for another cause
explain-fits-slow = fits token { $serial } { $steps ->
    [one] one step
   *[other] { $steps } steps
} ago: its clock is slow, or the code was typed late
explain-fits-fast = fits token { $serial } { $steps ->
    [one] one step
   *[other] { $steps } steps
} ahead: its clock is fast
explain-fits-counter = fits token { $serial } { $steps ->
    [one] one press
   *[other] { $steps } presses
} away: resync it
explain-fits-exchanged = fits the old token { $serial }, which was exchanged on { $day }
explain-fits-ended = fits token { $serial }, which is { $state }
explain-fits-stock = fits token { $serial }, which is in stock: its use has not started
explain-duplicate = a code of token { $serial } that was used at { $first } at { $used } was tried again at { $place } at { $time }: somebody may have copied it
explain-emergency-used = an emergency code was used at { $place } at { $time }

## The gateway

explain-no-message-authenticator = the RADIUS client { $client } sent { $count } requests without Message-Authenticator; such requests may be dropped before a code is looked at
