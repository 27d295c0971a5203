### `sekisho client` and `sekisho radius`.

## Gateways of the settings

label-mode = Mode
label-first-factor = First factor
label-methods = Methods
label-used = Used
label-signed = Signed
label-retries = Retries
label-after = After
label-dropped = Dropped
label-reports = Reports
label-last-seen = Last seen
label-last-accept = Last accept
rows-clients = clients
client-unreadable = this user can not read the settings: only what was seen is shown
value-of = { $part } of { $all }
value-ms = { $ms } ms
value-ms-from-to = { $min } to { $max } ms
value-dropped = { $count } (last: { $why })
client-no-challenge = { $gateway } takes a challenge for a reject
client-no-challenge-way = choose --mode code, or --mode password-and-code with a --first-factor
client-everybody = { $prefix } is too large for { $gateway }, which does not sign its requests
client-everybody-way = name the addresses that it sends from
client-new-lines = the new lines: { $message }
client-appended = Appended to { $path }
client-for = For { $what }
client-gateway = the gateway
client-next = Next: { $command }
client-then = Then: { $command }
client-server-word = { $word } is the address of this RADIUS server, as the gateway reaches it
client-groups = To tell it the groups of a user:
random-none = the system gives no random numbers: { $error }
client-write-way = run as root; or leave out --write and add the lines by hand
client-changed = { $path }: somebody has changed it meanwhile
client-changed-way = run the command again

## radius probe

probe-code-prompt = Code:{" "}
probe-server-way = write the server as HOST or HOST:PORT
probe-too-long-way = give a shorter name or code
probe-not-authentic = the reply can not be trusted: its authenticators do not hold
probe-not-authentic-way = compare the shared secret with the one in the server's settings for this host
probe-rejects = the server rejects
probe-rejects-way = ask the verifier why: sekisho explain ACCOUNT
probe-asks = the server asks for more
probe-asks-way = this probe sends one request only
probe-other = the reply is neither accept nor reject
probe-other-way = see whether this is an authentication port
probe-no-reply = nobody answers
probe-no-reply-way = see that the server runs, that it knows this host as a client with this secret, and that no firewall is between
label-server = Server
label-request = Request
label-requests-sent = Requests sent
label-reply = Reply
label-response-authenticator = Response Authenticator
label-message-authenticator = Message-Authenticator
value-valid = valid
value-wrong = wrong
value-missing = missing
value-valid-not-first = valid, but not the first attribute
value-no-reply = none
