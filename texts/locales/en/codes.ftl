### Codes and passwords that are shown once: emergency codes, start codes, start-of-use passwords.

codes-emergency = Emergency codes
codes-start = Start code
codes-start-password = Start-of-use password
codes-good-until = Good until

codes-emergency-how = Each is good for one login, typed where a code is asked for. Make sure who it is, and say or hand
    them to that person only. They are not shown again.
codes-start-how = Good once, for the start of use or the exchange of { $account }. Make sure who it is, and say it to that
    person only. It is not shown again.
codes-start-password-how = { $account } is asked for some of its digits, counted from 1 on the left. Send it another way than
    the token. It is not shown again.

codes-shown-then = they were shown then, and are never shown again; make others if nobody has them
codes-first = First code that { $serial } shows now:
codes-second = The code after it (wait until it changes):
