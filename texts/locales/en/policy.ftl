### `sekisho policy test`.

policy-label-account = Account
policy-label-outcome = What happens
policy-label-rule = Rule
policy-label-line = By
policy-unknown = { $account } (there is no such account)

policy-outcome-code = a code is asked for
policy-outcome-no-code = no code is asked for
policy-outcome-start-of-use = let in to put a token into use
policy-outcome-refused = the login is refused
