### Help pages: the Japanese ones. The English ones stand at the commands, in `cli.rs`.
