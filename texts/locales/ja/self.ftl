### `sekisho self`: what owners of tokens do themselves.

## Questions

self-ask-password = ログインパスワード:
self-ask-serial = トークンのシリアル番号:
self-ask-serial-usual = トークンのシリアル番号 [{ $serial }]:
self-ask-new-serial = 新しいトークンのシリアル番号:
self-ask-code = そのトークンに表示されているワンタイムパスワード:
self-ask-new-code = 新しいトークンに表示されているワンタイムパスワード:
self-ask-old-code = これまでのトークンのワンタイムパスワード、または開始コード:
self-ask-any-code = トークンに表示されているワンタイムパスワード:
self-ask-digits = 利用開始パスワードの{ $first }桁目と{ $second }桁目:
self-ask-digits-listed = 利用開始パスワードの次の桁({ $positions }):
self-ask-choice = ログイン時にワンタイムパスワードの入力を必須にしますか。「いいえ」でも sudo や VPN などでは入力が必要です（はい/いいえ）[はい]:
self-ask-stop = トークン { $serial } は今後ご利用いただけなくなります。よろしいですか（はい/いいえ）[いいえ]:
self-ask-lost = トークン { $serial } はただちに無効となり、元に戻せません。よろしいですか（はい/いいえ）[いいえ]:

## Answers that are none

self-no-password = パスワードが入力されていません
self-no-password-way-out = ログインに使用しているパスワードを入力してください
self-no-code = ワンタイムパスワードが入力されていません
self-no-code-way-out = トークンに表示されているワンタイムパスワードを入力してください
self-no-digits = 利用開始パスワードが入力されていません
self-no-digits-way-out = 利用開始パスワードの通知書をご用意のうえ、表示された桁の数字を入力してください
self-no-serial = シリアル番号が入力されていません
self-no-serial-way-out = ワンタイムパスワードの上に表示されているシリアル番号を入力するか、コマンドに指定してください
self-no-yes-or-no = 「はい」または「いいえ」以外が入力されました
self-no-yes-or-no-way-out = 処理は行われていません。「はい」または「いいえ」を入力してください
self-not-confirmed = 「はい」が入力されませんでした
self-not-confirmed-way-out = 処理は行われていません
self-no-terminal = 入力に使う端末がありません
self-no-terminal-serial = シリアル番号をコマンドに指定してください
self-no-terminal-answer = --yes を指定してください
self-no-terminal-choice = --choice required または --choice not-required を指定してください
self-no-terminal-secret = 求められる項目を1行ずつ標準入力に渡し、--stdin を指定してください
self-nothing-typed = 何も入力されませんでした
self-too-long = 入力が{ $octets }オクテットを超えています
self-too-long-way-out = 求められた項目だけを入力してください

## What can be done

self-nothing-wanted = 利用開始のお手続きが必要なトークンはありません
self-nothing-wanted-start = sekisho self status で現在の状態をご確認ください。トークンがお手元にない場合は、ヘルプデスクに開始コードをご依頼ください
self-use-exchange = すでにトークンの利用を開始しています
self-use-exchange-way-out = 新しいトークンへの交換は sekisho self exchange で行ってください
self-use-start = まだトークンの利用を開始していません
self-use-start-way-out = 利用開始は sekisho self start で行ってください
self-look-first = もう一度行う前に sekisho self status でご確認ください
self-spent = 入力したワンタイムパスワードは使用済みです。次のログインには、次に表示されるものをご使用ください。

## Status

self-label-account = アカウント
self-label-code = ログイン時の入力
self-label-state = 状態
self-label-locked-until = ロック期限
self-label-language = 言語
self-label-next-login = 次回のログイン
self-label-emergency-codes = 緊急コード
self-label-start-code = 開始コード
self-label-serial = トークン
self-label-last-used = 最終利用
self-label-where = 利用場所
self-code-required = 入力を求める
self-code-not-required = 選択できる場面では入力を求めない
self-enabled = 有効
self-disabled = 無効
self-language-en = 英語
self-language-ja = 日本語
self-language-none = この機器の設定に従う
self-next-login-exchange = 新しいトークンへの交換が必要です
self-emergency-left = 残り{ $count }個、期限 { $until }
self-until = 期限 { $until }
self-no-tokens = 利用中のトークンはありません。sekisho self start で利用を開始してください

## `account show`

account-exchange-required = 新しいトークンへの交換が必要
account-start-password-set = 設定済み
