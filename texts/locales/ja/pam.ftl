# Linux ログインの画面に表示する文言。pam_sekisho.so に組み込む（英語版の説明を参照）。

## ログイン

prompt-code = ワンタイムパスワード（半角）:
prompt-combined = パスワードに続けてワンタイムパスワード（半角）:
not-accepted = ワンタイムパスワードを確認できませんでした。
unavailable = ただいまワンタイムパスワードを確認できません。

## 利用開始・交換

start-wanted = トークンの利用開始のお手続きをお願いします。
start-wanted-until = トークンの利用開始のお手続きをお願いします。お手続きなしのログインは { $until } までです。
exchange-wanted = 新しいトークンへの交換のお手続きをお願いします。
nothing-wanted = 利用開始のお手続きが必要なトークンはありません。

prompt-serial = トークンのシリアル番号（半角英数字）:
prompt-new-serial = 新しいトークンのシリアル番号（半角英数字）:
prompt-code-shown = そのトークンに表示されているワンタイムパスワード（半角数字）:
prompt-old-code = これまでのトークンのワンタイムパスワード（半角数字）:
prompt-old-code-or-start-code = これまでのトークンのワンタイムパスワード、または開始コード（半角英数字）:
prompt-characters = 利用開始パスワードの{ $positions }（半角数字）:
position = { $position }桁目
positions-and = { $positions }と{ $position }桁目
prompt-choice = ログイン時にワンタイムパスワードの入力を必須にしますか。「いいえ」でも sudo や VPN などでは入力が必要です（はい/いいえ）:
prompt-choice-again = 「はい」か「いいえ」でお答えください。ログイン時にワンタイムパスワードの入力を必須にしますか（はい/いいえ）:

not-started = お手続きを受け付けられませんでした。

## 受付

started = 利用開始を受け付けました。シリアル番号: { $serial } 受付番号: { $number } 受付時刻: { $time } 入力したワンタイムパスワードは使用済みです。次回は、次に表示されるものを入力してください。
exchanged = 交換を受け付けました。シリアル番号: { $serial } これまで: { $ended } 受付番号: { $number } 受付時刻: { $time } 入力したワンタイムパスワードは使用済みです。次回は、次に表示されるものを入力してください。
prompt-enter = Enter キーを押してください:
