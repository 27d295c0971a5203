### Failures of `sekisho`: what, and the way out.

failure-error = error: { $message }

## What the system says of files and sockets

io-not-found = { $error }
io-permission-denied = { $error }
io-already-exists = { $error }
io-refused = { $error }
io-timed-out = { $error }
io-is-a-directory = { $error }
io-not-a-directory = { $error }
io-full = { $error }
io-read-only = { $error }
io-unexpected-end = { $error }
io-no-device = { $error }
io-other = { $error }
failure-at = { $what }: { $error }

## The way to the verifier

verifier-strange-answer = the verifier's answer does not fit the question
verifier-versions-way = compare the versions: sekisho --version, sekisho-verifierd --version
verifier-closed = the verifier closed the connection in the middle of a reply
verifier-slow = the verifier did not answer in time
verifier-unreachable = the verifier can not be reached: { $error }
verifier-unreachable-way = see whether it runs: systemctl status sekisho-verifierd; or name its socket with --socket
verifier-not-trusted = the socket is not trusted: { $error }
verifier-not-trusted-way = the folder of the socket must belong to the verifier's user and be writable by no other
verifier-frame = the verifier's reply: { $error }
verifier-other-request = the verifier answered another request
trust-no-socket = { $path }: not a socket
trust-folder = { $path }: folder can be written by others than its owner
trust-owner = { $path }: wrong owner (folder { $folder }, socket { $socket }, listener { $peer })
frame-too-long = frame of { $length } octets, at most { $limit } are allowed
frame-version = protocol version { $version }, this program speaks { $own }
frame-malformed = malformed frame
verifier-who-way = run as root, or as a member of the admin, help-desk or auditor group
verifier-not-permitted = this user may not ask this
verifier-unavailable = the verifier could not decide or store anything
verifier-unavailable-way = see what it says: journalctl -u sekisho-verifierd
verifier-not-known-stored = the verifier could not say whether the operation was stored
verifier-not-known-done = { $message }; it is not known whether the operation was carried out
verifier-look-first-way = look before you try again: sekisho audit list --since 10m

## What is typed and read

standard-input = standard input
code-none = no code was given
code-none-way = type the code that the token shows now
code-stdin-way = pipe the code in and give --code-stdin
password-length = the password has not { $min } to { $max } octets
password-length-way = choose another; several words make a good one
password-stdin-way = pipe the password in and give --stdin
password-prompt = New password of { $account }:{" "}
password-again = The same again:{" "}
password-differs = these are two different passwords
password-differs-way = nothing was changed: try again
secret-prompt = Shared secret:{" "}
secret-file-way = give --secret-file FILE
secret-empty = the shared secret is empty
secret-empty-way = give the secret that the server's settings hold for this host
typed-interrupted = interrupted
typed-nothing = nothing was typed
typed-way = nothing was done
typed-no-terminal = there is no terminal to ask on: { $error }
file-name-way = name a file
file-secret-open = { $path }: this file holds a secret and everybody can read it
file-secret-open-way = run: chmod o-rwx { $path }
file-readable-way = name a file that you can read
file-not-a-file = { $path }: not a file
file-not-a-file-way = name a file, not a folder, a pipe or a device
file-written-way = run as root, or as the verifier's user
file-written-link = { $path }: not a file, but a link, a pipe or the like
file-written-link-way = the verifier writes plain files only: find out who put it there
line-way = give one line
line-long = { $name }: the line is longer than { $max } octets
line-long-way = give one line with nothing else on it
output-unwritable = the output can not be written: { $error }
output-unwritable-way = what was asked may have been done: look before you try again

## Lines of import files

import-line = line { $line }: { $message }
import-many = more than { $max } tokens
import-serial-twice = the serial is also on line { $line }
import-long = longer than { $max } octets
import-not-utf8 = not UTF-8
import-control = a control character
import-no-uri = not an otpauth:// URI
import-no-parameters = no parameters
import-no-label = no label
import-fragment = a `#` behind the parameters
import-totp-counter = a totp token has no counter
import-hotp-period = a hotp token has no period
import-no-counter = no counter
import-type = the type is neither totp nor hotp
import-no-secret = no secret
import-label-utf8 = the label is not UTF-8
import-base32 = the secret is not base32
import-second-secret = a second secret
import-parameter = an unknown parameter
import-parameter-twice = a parameter is there twice
import-no-serial = no serial
import-serial = the serial is not 1 to { $max } printable ASCII characters without blanks
import-account-long = the account is longer than { $max } octets
import-no-seed = no seed
import-seed-long = the seed is longer than { $max } octets
import-both = a token has a period or a counter, not both
import-algorithm = the algorithm is not SHA1, SHA256 or SHA512
import-number = the { $name } is not a whole number from { $low } to { $high }
import-header-unknown = the header has an unknown column
import-header-twice = the header has a column twice
import-fields = { $count } fields, the header has { $wanted }
import-no-header = neither an otpauth:// URI nor the header account,serial,secret_hex
import-hexadecimal = the secret is not hexadecimal
import-quote = a quote is not closed
import-fields-many = more than { $max } fields
