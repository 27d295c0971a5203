### Screens of `sekisho`: labels, headers, hints.

## Labels of blocks and heads of columns

label-account = Account
label-accounts = Accounts
label-address = Address
label-accepts = Accepts
label-rejects = Rejects
label-algorithm = Algorithm
label-aliases = Aliases
label-attribute = Attribute
label-began = Began
label-client = Client
label-clock = Its clock
label-code-at-login = Code at login
label-connections = Connections
label-digits = Digits
label-drift = Drift
label-failures-in-a-row = Failures in a row
label-from = From
label-groups = Groups
label-in-stock-since = In stock since
label-kind = Kind
label-last-report = Last report
label-last-used = Last used
label-locked-until = Locked until
label-nas = NAS
label-newest-events = Newest events
label-operation = Operation
label-outcome = Outcome
label-password = Password
label-period = Period
label-position = Position
label-reason = Reason
label-receipt = Receipt
label-serial = Serial
label-session = Session
label-started = Started
label-state = State
label-store = Store
label-time = Time
label-tokens = Tokens
label-token-count = Tokens
label-uri = URI
label-version = Version
label-where = Where
label-where-who = Where, who
label-wrong-codes = Wrong codes

## Values in them

value-seconds = { $seconds } s
value-disabled-too = { $state }, disabled
value-drift = { $steps } steps
value-required = required
value-not-required = not required
value-enabled = enabled
value-disabled = disabled
value-stored = stored
value-none-stored = none stored
kind-totp = totp
kind-hotp = hotp

## Lists

list-none = no { $rows }
list-more = there are more { $rows }: --limit, --all
rows-accounts = accounts
rows-events = events
rows-sessions = sessions
rows-tokens = tokens
needs-attention = Needs attention
explain-account = Account { $account }
audit-older = there are older events: --limit, --all

## Tokens

token-code-prompt = Code that { $serial } shows now:{" "}
token-none = there is no such token
token-none-way = look for it: sekisho token list
account-none = there is no such account
account-none-way = look for it: sekisho account list
issue-shown-then = its seed was shown then, and is never shown again; if nobody has it, report the token lost
issue-no-qr = the URI is too long for a QR code
import-none = { $path }: no tokens in it
import-none-way = give a list of otpauth:// URIs or CSV; see: sekisho token import --help
import-too-large = { $path }: larger than { $max } octets
import-too-large-way = split it: a file holds 1,000,000 tokens at most
import-open = warning: everybody can read { $path }, and it holds seeds
import-bad =
    { $path }: { $count } bad { $count ->
        [one] line
       *[other] lines
    }, nothing was imported
import-bad-way = correct the file; what it may hold: sekisho token import --help
import-again-way = try again
import-checking = checking
import-sending = sending
import-storing = storing

## Sessions

sessions-counted =
    { $count } { $count ->
        [one] session
       *[other] sessions
    }
sessions-waiting = waiting for { $sessions } to end; what the receipt says is done already
sessions-unknown = it is not known what became of { $sessions }: { $why }; what the receipt says is done
sessions-unknown-way = look for them: sekisho session list
sessions-forgotten = the verifier no longer knows
sessions-go-on = { $count } of { $sessions } not ended; what the receipt says is done
sessions-go-on-way = end what goes on at the gateway
sessions-go-on-again-way = end what goes on at the gateway; again: sekisho session end { $account }
sessions-ended = ended
sessions-gone = was over already
sessions-refused = the gateway refused
sessions-refused-because = the gateway refused: { $cause }
sessions-unsupported = the gateway can not end sessions
sessions-timeout = the gateway did not answer
sessions-not-sent = not asked for: the settings have no such client, or its disconnect is off
sessions-settling = not settled yet
cause-number = error cause { $number }
cause-meaning = { $meaning } (error cause { $number })
cause-401 = it does not know an attribute
cause-402 = it misses an attribute
cause-403 = it says that it is not this NAS
cause-404 = it does not understand the request
cause-405 = it does not offer this service
cause-407 = it does not take a value
cause-501 = its settings forbid it
cause-502 = a proxy has no route to it
cause-504 = the session can not be removed
cause-505 = a proxy failed
cause-506 = it has no resources
cause-508 = several sessions fit

## Keys

label-master-key = Master key
label-data-key = Data key
label-data-keys-kept = Data keys kept
label-rotation = Rotation
label-memory-locked = Memory locked
label-public-key = Public key
key-master = version { $version }, source { $source }
key-rotation = { $done } of { $all } records are sealed anew
key-rotating = Everything is sealed anew now, while logins go on; see: sekisho key status
folder-exists-way = name a folder that exists

## Retention

label-segments = Segments
label-octets = Octets
label-newest-event = Newest event
label-first-kept = First kept
retain-dry-run = nothing was removed: --dry-run
retain-nothing = nothing is old enough; a segment goes when all its events are

## Backups

label-readable-by = Readable by
backup-damaged =
    warning: damaged records: { $count }. They are damaged in this backup as well, and it makes none of them good again.
      Keep the backups of before; sekisho status names the records.
backup-terminal = a backup is not for a terminal
backup-terminal-way = send it on: sekisho backup - | …; or name a file
backup-of-no-use = { $message }; receipt { $number } is of no use
backup-no-name = { $path }: is not the name of a file
backup-no-name-way = name the file that the backup shall be in
file-exists = { $path }: exists already
backup-exists-way = name a new file; nothing is ever overwritten
backup-write-way = name a file in a folder that you can write, with room for it
backup-key-made =

    { $path } opens every backup that is made for it, and so every seed.
    Move it away from this machine, to where the backups are not, and keep a second copy:
    without it no backup can be restored. Then write the line above into the settings,
backup-key-restart = and restart the verifier.
restore-no-program-way = install the verifier on this machine; it restores

## A new installation

init-installed-way = there is an installation already; keep it, or make another with --settings FILE --data DIR
init-key-there-way = this key opens the seeds beside it: keep both, or choose another folder with --data
init-not-empty = { $path }: is not an empty folder
init-not-empty-way = move away what is there, or choose another folder with --data
init-absolute-way = write the path from / on
init-root-way = run as root
init-make-way = run as root; or name places that you may write with --settings, --data and --socket
init-no-user = there is no such user
init-no-user-way = make it first: useradd --system sekisho
init-no-group = there is no such group
init-no-group-way = make it first: groupadd --system sekisho
init-pkcs11-only = only --master-key pkcs11 has a module, a token and a PIN file
init-pkcs11-only-way = leave them out, or add --master-key pkcs11
init-bad-path = { $path }: not a path that can be written in the settings
init-bad-path-way = choose a path of UTF-8 without control characters
label-settings = Settings
label-data-folder = Data folder
label-socket = Socket
init-key-file = file
init-key-credential = credential sekisho-master-key
init-key-token = token { $token }
init-next = Next
init-next-copy = Keep a copy of the master key in a safe place: without it no seed can be read.
init-next-credential = Make the master key, sealed by this machine, and keep a copy of it in a safe place:
init-next-credential-hand = Hand it to the verifier: systemctl edit sekisho-verifierd, and add
init-next-pin = Put the PIN of the token into { $path }, mode 0400, owned by the verifier's user.
init-next-module =
    The verifier makes the key in the token at its first start; keep the token, or a copy by
      its maker's tool: without it only a backup can be read.
init-next-groups = Make the groups of admins, help desk and auditors, and put people in them:
init-next-groups-others = (the same with sekisho-help-desk and sekisho-auditor)
init-next-start = Start the verifier:
init-next-try = See that it is well, and make the first token:
source-file = file
source-credential = credential
source-pkcs11 = pkcs11
