### What `sekisho explain` says of an account.
