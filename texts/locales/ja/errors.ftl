### Failures of `sekisho`: what, and the way out.
