### `sekisho doctor`: what, why it matters, what mends it.
