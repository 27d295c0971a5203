### What waits for a second admin: `sekisho approve`, `sekisho approval list`.
