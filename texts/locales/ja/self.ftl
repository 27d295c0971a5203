### `sekisho self`: what owners of tokens do themselves.
