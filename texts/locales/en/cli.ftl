### Screens of `sekisho`: labels, headers, hints.

token-drift = { $steps } { $steps ->
        [one] step
       *[other] steps
    }
