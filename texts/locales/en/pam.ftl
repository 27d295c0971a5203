# What people read at a Linux login. Compiled into pam_sekisho.so by its build.rs, which takes text and
# variables only: no functions, no selectors, no attributes.
#
# A prompt stands for itself: several hosts show messages late, or never. One blank is put behind
# each message whose name begins with "prompt-". At most 400 octets with all variables in place.

## Logging in

prompt-code = One-time code:
prompt-combined = Password and one-time code, without a gap:
not-accepted = One-time code not accepted.
unavailable = One-time codes can not be checked now.

## Putting a token into use

start-wanted = Please put your token into use now.
start-wanted-until = Please put your token into use now. Without one you can log in until { $until }.
exchange-wanted = Please put your new token into use now. It takes the place of the old one.
nothing-wanted = There is no token to put into use.

prompt-serial = Serial number of your token:
prompt-new-serial = Serial number of the new token:
prompt-code-shown = One-time code that it shows now:
prompt-old-code = One-time code of the old token:
# For who exchanges a token that has to be exchanged by nobody, and may not have the old one any more.
prompt-old-code-or-start-code = One-time code of the old token, or your start code:
# { $positions } is "1 and 10", made of the next two.
prompt-characters = Characters { $positions } of the start-of-use password:
position = { $position }
positions-and = { $positions } and { $position }
prompt-choice = Ask for a one-time code at login, where you may choose? (yes/no):
# After an answer that was neither.
prompt-choice-again = Please answer yes or no. Ask for a one-time code at login, where you may choose? (yes/no):

not-started = Not accepted.

## The receipt

# The code that proved the token is spent: sudo a moment later needs another.
started = You can now use token { $serial }. Receipt number: { $number }, { $time }. The code that you typed is used up: wait for the next one.
exchanged = You can now use token { $serial } in the place of { $ended }. Receipt number: { $number }, { $time }. The codes that you typed are used up: wait for the next one.
# Behind one of the two above, where messages are not shown.
prompt-enter = Press Enter:
