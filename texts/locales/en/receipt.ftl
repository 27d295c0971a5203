### Receipts, and what verifies them.

label-receipt-number = Receipt number
label-receipt-time = Time
label-new-serial = New serial
label-by = By
label-through = Through
label-note = Note
label-approver = Approved by
receipt-repeated = this was done before for the same request key; nothing was done now
receipt-unsigned = the verifier has no key to sign receipts with
receipt-unsigned-way = see what it said when it started: journalctl -u sekisho-verifierd

## Verified without a verifier

verify-not-good = { $number }: not good: no signed checkpoint stands behind it yet
verify-not-good-way = a running verifier writes one within a second: ask again; if none comes, do not believe it
verify-what = { $given }: there is no such file, and { $error }
verify-what-way = give a file with a signed receipt, or a receipt number
verify-no-key = there is no public key to verify it with
verify-no-key-way = give it with --key: a file, or the line that sekisho audit key prints
verify-no-receipt-in = { $name }: there is no receipt in it
verify-no-receipt-in-way = give what a command printed with --json
verify-some-signed = { $name }: { $signed } of { $all } receipts are signed; not good
verify-some-signed-way = get each of the others signed: sekisho receipt show NUMBER --signed
verify-no-json = { $name }: not all of it is JSON: { $error }
verify-no-json-way = give the whole of what a command printed with --json, and nothing else
verify-other-claim = { $name }: its { $field } is not what was signed
verify-other-claim-way = do not believe what it says; believe what is signed in it
verify-signed-other = { $name }: what is signed here is no receipt
verify-signed-other-way = a checkpoint is verified by: sekisho audit verify --checkpoints
verify-other-journal = { $name }: it is signed by another journal than it names
verify-other-journal-way = do not believe what it says
verify-other-event = { $name }: the journal holds another event at its position
verify-other-event-way = verify the journal: sekisho audit verify
receipt-none = there is no such receipt
receipt-none-way = check the number; sekisho audit list shows what was done
verify-removed = the journal no longer goes back to it: it begins at position { $first }
verify-removed-way = verify the saved receipt itself, if there is one, or look into a backup
verify-good = Good: it is signed, and says what was signed.
verify-not-looked = Whether the journal holds it was not looked at (--data).
verify-found-no-key = It stands in the journal. No signature was checked, for want of a key (--key): whoever could write to the data folder could have put it there.
verify-found-not-yet = It stands in the journal. No signed checkpoint stands behind it yet: a running verifier writes one within a second.
verify-found = It stands in the journal, and the checkpoint at position { $position } that was signed at { $time } vouches for it.
key-own-caveat = The key is that of the data folder: whoever could change the journal could change this key too. Keep it elsewhere (sekisho audit key), and give it with --key.
note-form = { $what }: { $error }
note-form-way = give the file as it was saved, nothing before it and nothing behind
note-unsigned = { $what }: { $error }
note-unsigned-way = give the key of whoever signed it with --key; this is { $key }
note-wrong = { $what }: { $error }
note-wrong-way = do not believe what it says; get it anew from where it was made
key-bad = { $error }
key-bad-way = copy the whole line that sekisho audit key prints
key-none-in = { $path }: there is no public key in it
key-none-in-way = give the line that sekisho audit key prints, or a file with it
file-larger = { $path }: larger than { $max } octets
file-larger-way = give a smaller file
file-no-text = { $path }: this is no text
file-no-text-way = give a text file
journal-none = { $path }: there is no journal
journal-way = name the data folder with --data, and run as root or as the verifier's user

## Checkpoints and the whole journal

checkpoint-none = there is no checkpoint yet
checkpoint-none-way = the first one follows the first event within a second
checkpoint-bad = { $path }: this is no checkpoint
checkpoint-bad-way = verify the journal: sekisho audit verify; and find out who wrote that
audit-pub-none = { $path }: there is no audit.pub in it
audit-pub-none-way = the verifier writes it when it starts
checkpoints-none = { $path }: there is no checkpoint in it
checkpoints-none-way = give what the verifier sent to the log: journalctl -u sekisho-verifierd, or the file of syslog
checkpoints-others = { $path }: no checkpoint in it is of this journal; { $others } are of others
checkpoints-others-way = give the log of this installation's verifier
checkpoints-forged = { $path }: { $forged } in it look like checkpoints of this journal, and none is signed by its key
checkpoints-forged-way = give the key that was kept elsewhere with --key, and the log as it came from the verifier
journal-at-octet = , octet { $octet }
journal-at-position = , position { $position }
journal-chain-fits = The chain fits. No signature was checked, for want of a key (--key): whoever could write to the data folder could have made all of it anew.
journal-good = Good: from position { $first } to { $last }, nothing was changed, left out or put in since it was signed at { $time }.
journal-empty = The journal holds no event, so there is nothing to verify.
journal-unsigned =
    { $count } { $count ->
        [one] event behind the last checkpoint is
       *[other] events behind the last checkpoint are
    } not signed yet (since { $since }).
journal-end-unknown = That its end was not cut off is not known: compare with checkpoints that were kept elsewhere (--checkpoints).
journal-borne-out =
    { $count } { $count ->
        [one] checkpoint from elsewhere bears out what it says.
       *[other] checkpoints from elsewhere bear out what it says.
    }
journal-older =
    { $count } { $count ->
        [one] checkpoint from elsewhere is
       *[other] checkpoints from elsewhere are
    } of before position { $first }: that was removed, and could not be compared.
journal-left-out =
    { $count } { $count ->
        [one] checkpoint from elsewhere is
       *[other] checkpoints from elsewhere are
    } of events that were left out by the restore of { $time }.
journal-of-others =
    { $count } { $count ->
        [one] checkpoint from elsewhere is
       *[other] checkpoints from elsewhere are
    } of other journals, and skipped.
journal-not-signed =
    Warning: { $count } { $count ->
        [one] line from elsewhere looks like a checkpoint of this journal and is
       *[other] lines from elsewhere look like a checkpoint of this journal and are
    } not signed by this key, and skipped: find out who wrote that.
journal-verifying = verifying
label-journal = Journal
label-restores = Restores
label-compressed = Compressed
label-snapshot = Snapshot
label-positions = Positions
label-events = Events
label-oldest-event = Oldest event
label-checkpoints = Checkpoints
label-signatures = Signatures
label-from-elsewhere = From elsewhere
label-of-removed = Of removed
label-of-left-out = Of left out
label-signed-up-to = Signed up to
label-not-signed = Not signed
label-unfinished = Unfinished
value-position = position { $position }
value-position-at = position { $position }, { $time }
value-from-to = { $first } to { $last }
value-octets = { $octets } octets
