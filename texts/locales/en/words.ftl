### Words of the protocol, and short words that stand in many places.

word-yes = yes
word-no = no
word-none = none
word-ms = { $ms } ms

## Operations

operation-login = login
operation-issue = issue
operation-import = import
operation-enroll = enroll
operation-exchange = exchange
operation-stop = stop
operation-lost = lost
operation-suspend = suspend
operation-resume = resume
operation-unlock = unlock
operation-account-set = account-set
operation-clock-trust = clock-trust
operation-key-rotate = key-rotate
operation-reseal = reseal
operation-key-destroy = key-destroy
operation-audit-retain = audit-retain
operation-backup = backup
operation-restore = restore
operation-password-set = password-set
operation-session-end = session-end
operation-session-start = session-start
operation-session-interim = session-interim
operation-session-stop = session-stop
operation-gateway-on = gateway-on
operation-gateway-off = gateway-off
operation-start = start
operation-emergency = emergency
operation-start-code = start-code
operation-start-password = start-password
operation-resync = resync
operation-accounts-disable = accounts-disable
operation-approval-ask = approval-ask
operation-approve = approve
operation-approval-refuse = approval-refuse
operation-policy-apply = policy-apply

## States of a token

state-in-stock = in-stock
state-active = active
state-suspended = suspended
state-exchanged = exchanged
state-stopped = stopped
state-lost = lost

## Outcomes of events

outcome-accept = accept
outcome-reject = reject
outcome-not-asked = not-asked
outcome-done = done
outcome-refused = refused
outcome-reported = reported
outcome-answered-again = answered-again

## Reasons of logins

reason-right-code = right-code
reason-not-asked = not-asked
reason-malformed-name = malformed-name
reason-unknown-account = unknown-account
reason-account-disabled = account-disabled
reason-no-token = no-token
reason-token-suspended = token-suspended
reason-token-disabled = token-disabled
reason-malformed-code = malformed-code
reason-already-used = already-used
reason-wrong-code = wrong-code
reason-waiting = waiting
reason-locked = locked
reason-clock-backwards = clock-backwards
reason-seed-does-not-open = seed-does-not-open
reason-clock-stepped = clock-stepped
reason-answered-again = answered-again
reason-rejected-again = rejected-again
reason-round-used = round-used
reason-wrong-password = wrong-password
reason-first-factor-unavailable = first-factor-unavailable
reason-round-expired = round-expired
reason-grace = grace
reason-second-use = second-use
reason-emergency-code = emergency-code
reason-start-code = start-code
reason-wrong-start-password = wrong-start-password

## Doors

channel-cli = cli
channel-pam = pam
channel-self = self
channel-verifier = verifier
channel-offline = offline
