### What RADIUS clients are told: the prompts of challenges.

radius-code = ワンタイムパスワードを入力してください
radius-password = パスワードを入力してください
radius-password-and-code = パスワードとワンタイムパスワードを続けて入力してください
