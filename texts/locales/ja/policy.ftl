### `sekisho policy test`.

policy-label-account = アカウント
policy-label-outcome = 結果
policy-label-rule = 規則
policy-label-line = 根拠
policy-unknown = { $account }（登録されていません）

policy-outcome-code = ワンタイムパスワードの入力を求める
policy-outcome-no-code = ワンタイムパスワードの入力を求めない
policy-outcome-start-of-use = 利用開始の手続きのためログインを許可する
policy-outcome-refused = ログインを拒否する
