### Refusals of the verifier, and what it tells people.
