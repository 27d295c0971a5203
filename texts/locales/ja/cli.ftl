### Screens of `sekisho`: labels, headers, hints.

token-drift = { $steps }ステップ
