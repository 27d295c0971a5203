### `sekisho client` and `sekisho radius`.

## Gateways of the settings

label-mode = 方式
label-first-factor = 第1要素
label-methods = 認証方式
label-used = 使用中
label-signed = 署名あり
label-retries = 再送
label-after = 再送間隔
label-dropped = 破棄
label-reports = 報告
label-last-seen = 最終受信
label-last-accept = 最終許可
rows-clients = クライアント
client-unreadable = 設定を読む権限がないため、受信の記録だけを表示しています
value-of = { $all }件中{ $part }件
value-ms = { $ms }ミリ秒
value-ms-from-to = { $min }～{ $max }ミリ秒
value-dropped = { $count }（最後の理由: { $why }）
client-no-challenge = { $gateway } はチャレンジを拒否として扱います
client-no-challenge-way = --mode code、または --first-factor を付けた --mode password-and-code を指定してください
client-everybody = { $prefix } は、要求に署名しない { $gateway } には範囲が広すぎます
client-everybody-way = 送信元のアドレスを指定してください
client-new-lines = 追加する行: { $message }
client-appended = { $path } に追加しました
client-for = { $what } に追加する行
client-gateway = ゲートウェイ
client-next = 次に実行: { $command }
client-then = その後に実行: { $command }
client-server-word = { $word } は、ゲートウェイから見たこの RADIUS サーバーのアドレスに置き換えてください
client-groups = 利用者のグループを伝える場合:
random-none = システムから乱数を得られません: { $error }
client-write-way = root で実行するか、--write を外して手作業で追加してください
client-changed = { $path }: 処理中にほかの人が変更しました
client-changed-way = もう一度実行してください

## radius probe

probe-code-prompt = ワンタイムパスワード:{" "}
probe-server-way = サーバーは ホスト または ホスト:ポート の形で指定してください
probe-too-long-way = 名前またはワンタイムパスワードを短くしてください
probe-not-authentic = 応答を信頼できません: 認証符号が一致しません
probe-not-authentic-way = サーバーの設定にある、このホストの共有シークレットと照合してください
probe-rejects = サーバーが拒否しました
probe-rejects-way = 理由を確認してください: sekisho explain アカウント
probe-asks = サーバーが追加の入力を求めています
probe-asks-way = この確認では要求を1回だけ送ります
probe-other = 応答が許可でも拒否でもありません
probe-other-way = 認証用のポートかどうかを確認してください
probe-no-reply = 応答がありません
probe-no-reply-way = サーバーの動作、このホストのクライアント登録と共有シークレット、ファイアウォールを確認してください
label-server = サーバー
label-request = 要求
label-requests-sent = 送信回数
label-reply = 応答
label-response-authenticator = 応答の認証符号
label-message-authenticator = Message-Authenticator
value-valid = 正しい
value-wrong = 正しくない
value-missing = なし
value-valid-not-first = 正しい（先頭の属性ではない）
value-no-reply = なし
