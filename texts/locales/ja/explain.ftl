### `sekisho explain` の説明文。文末に句点を付けない。

explain-nothing = ログインを妨げる原因は見つかりません

## The server's clock

explain-clock-behind = サーバーの時計が、最後に受け付けたコードまたは変更の時刻より遅れているため、ワンタイムパスワードを受け付けていません
explain-clock-set-back = 検証サーバーの動作中にサーバーの時計が { $seconds } 秒戻されたため、ワンタイムパスワードを受け付けていません
explain-clock-set-forward = 検証サーバーの動作中にサーバーの時計が { $seconds } 秒進められたため、ワンタイムパスワードを受け付けていません

## The account

explain-no-account = アカウント { $account } は登録されていません。まだ誰もトークンの利用を開始していません
explain-disabled = アカウントは無効になっています
explain-locked = ワンタイムパスワードを { $count } 回誤ったため、{ $until } までロックされています
explain-waiting = ワンタイムパスワードを { $count } 回誤ったため、{ $until } まで照合を行いません
explain-not-started = 利用中のトークンがありません。まだ利用を開始していません
explain-no-token = 利用中のトークンがありません
explain-exchange-required = 次回のログイン時にトークンの交換が必要です
explain-emergency-left = 緊急コードが { $count } 個残っています

## Its tokens

explain-ahead = トークン { $serial } では、時計の誤りにより未来のワンタイムパスワードが受け付け済みです。その時刻になるまで新たに受け付けません。交換してください
explain-token-disabled = トークン { $serial } は、連続した失敗のため使用できません。もう一度登録してください
explain-drift-ahead = トークン { $serial } の時計は { $steps } ステップ進んでいますが、補正されています
explain-drift-behind = トークン { $serial } の時計は { $steps } ステップ遅れていますが、補正されています
explain-token-state = トークン { $serial } の状態は「{ $state }」です

## The last login

explain-last-login = 最後のログイン（{ $place }、{ $time }）は失敗しました: { $why }
explain-used-at = このワンタイムパスワードは { $time } に { $place } で使用済みです
explain-used-in-start = このワンタイムパスワードは { $time } にトークンの利用開始で使用済みです
explain-used = このワンタイムパスワードは使用済みです
explain-wrong-code = ワンタイムパスワードが正しくありません
explain-malformed-code = 入力された内容は6桁から8桁の数字ではありません
explain-seed = トークンの鍵を開けません。マスター鍵または記録が正しくありません
explain-rejected-again = ゲートウェイが、誤りのあったログインを再送しました
explain-round-used = すでに回答済みのチャレンジに対する回答です
explain-round-expired = チャレンジの有効期限を過ぎた回答か、sekisho-radiusd の時計がずれています
explain-wrong-password = ワンタイムパスワードの前に入力するパスワードが正しくありません
explain-no-judge = パスワードを確認できませんでした。sekisho-radiusd のログを確認してください
explain-clock-backwards = サーバーの時計が戻っていました
explain-clock-stepped = サーバーの時計が変更された直後でした
explain-refused-as = 理由: { $reason }

## What a failed code fits

explain-code-of = { $time } に { $place } で入力されたワンタイムパスワードは、{ $what }
explain-fits-now = トークン { $serial } のものと一致しますが、別の理由で拒否されました
explain-fits-slow = トークン { $serial } の { $steps } ステップ前のものです。トークンの時計が遅れているか、入力が遅れました
explain-fits-fast = トークン { $serial } の { $steps } ステップ先のものです。トークンの時計が進んでいます
explain-fits-counter = トークン { $serial } の { $steps } 回ずれたものです。再同期してください
explain-fits-exchanged = { $day } に交換済みの旧トークン { $serial } のものです
explain-fits-ended = 状態が「{ $state }」のトークン { $serial } のものです
explain-fits-stock = 在庫のトークン { $serial } のものです。まだ利用を開始していません
explain-duplicate = トークン { $serial } の、{ $used } に { $first } で使用済みのワンタイムパスワードが、{ $time } に { $place } で再び入力されました。盗み見られた可能性があります
explain-emergency-used = { $time } に { $place } で緊急コードが使用されました

## The gateway

explain-no-message-authenticator = RADIUSクライアント { $client } から Message-Authenticator のない要求が { $count } 件届いています。このような要求は、ワンタイムパスワードの照合前に破棄されることがあります
