### What is wrong with the arguments, and the frame of help pages.

usage-surplus = an argument too many; codes and secrets are never given as arguments, where others see them
usage-surplus-way = see --help; if it was a code, wait for the next one and type that when you are asked
usage-usage = Usage:
usage-commands = Commands:
usage-arguments = Arguments:
usage-options = Options:
usage-global = Global options:
usage-choices = [possible values: { $names }]
usage-default = [default: { $value }]
usage-exit-codes =
    Exit codes:
       0  done
       1  failed here: a file, the terminal, or a reply that makes no sense
       2  invalid: the arguments, the settings, the file, or the request
       3  not found: no such serial, account or receipt
       4  conflict: the state does not allow it, or something is there already
       5  not proven: the code was refused
       6  not permitted: this user may not do this
       7  unavailable: no verifier or server answers, or nothing could be stored
       8  not trusted: the socket or the reply is not from whom it should be
       9  not ended: what was asked is done, but a session at a gateway goes on
      10  found: sekisho doctor has found something
      11  not approved: it waits for a second person, was refused, or nobody came in time
      12  not looked: sekisho doctor could not look at all of it
usage-similar = a similar one exists: { $names }
usage-see-help = For more information, try '--help'.
usage-unknown-argument = unexpected argument '{ $argument }' found
usage-unknown-command = unrecognized subcommand '{ $name }'
usage-no-command = a subcommand is required
usage-required = the following required arguments were not provided:
usage-twice = the argument '{ $argument }' cannot be used multiple times
usage-conflict = the argument '{ $argument }' cannot be used with '{ $other }'
usage-conflicts = the argument '{ $argument }' cannot be used with:
usage-no-value = a value is required for '{ $argument }' but none was supplied
usage-wrong-value = invalid value '{ $value }' for '{ $argument }'
usage-wrong-value-because = { $wrong }: { $cause }
usage-not-utf8 = invalid UTF-8 was detected in one or more arguments
usage-wrong = the arguments are wrong
usage-not-in-range = not in { $low } to { $high }
usage-no-number = not a whole number
usage-request-key = a key has 1 to 64 printable ASCII characters without blanks
usage-attribute = write an attribute as NAME=VALUE, and take it away with --no-attribute NAME
usage-age = write days or weeks, as 400d or 57w; at least 1d
usage-prefix = not an address like 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32
usage-time = write a time as 2026-11-22, "2026-11-22 09:14", or 12h ago as 12h
usage-before-1970 = before 1970
usage-duration = write minutes, hours or days, as 30m, 24h or 7d
