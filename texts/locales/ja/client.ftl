### `sekisho client` and `sekisho radius`.
