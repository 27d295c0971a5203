### What waits for a second admin: `sekisho approve`, `sekisho approval list`.

approval-label-number = Approval
approval-label-operation = Operation
approval-label-detail = What it would do
approval-label-asked-by = Asked by
approval-label-until = Until
approval-label-state = State
approval-label-settled-by = Settled by

approval-operation-backup = backup
approval-operation-restore = restore
approval-operation-key-rotate = key-rotate
approval-operation-policy = policy
approval-operation-bulk-disable = bulk-disable

approval-state-waiting = waiting
approval-state-approved = approved
approval-state-refused = refused
approval-state-over = over
approval-state-used = used

approval-none = nothing waits for a second person

## To the first admin

approval-waits = This takes a second person. Until { $until } another admin can run: sekisho approve { $number }
approval-interrupt = Waiting. If you interrupt this (Ctrl-C), go on later with the same command and --approval { $number }
approval-approved = approved by { $by }

approval-not-yet = this takes a second person: approval { $number } waits until { $until }
approval-go-on = another admin runs: sekisho approve { $number }; then run the same command again with --approval { $number }
approval-refused = { $by } refused approval { $number }; nothing was done
approval-refused-way-out = speak with each other; then run it again
approval-over = approval { $number } is over or used; nothing was done
approval-over-way-out = run it again when another admin is there to approve it
approval-lost = see whether it still waits: sekisho approval list; then run the same command again with --approval { $number }
