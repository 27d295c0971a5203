### What RADIUS clients are told: the prompts of challenges.

radius-code = Enter your one-time code
radius-password = Enter your password
radius-password-and-code = Enter your password and one-time code
