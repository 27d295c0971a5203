# Linux ログインの画面に表示する文言。pam_sekisho.so に組み込む（英語版の説明を参照）。

## ログイン

prompt-code = ワンタイムパスワード:
prompt-combined = パスワードに続けてワンタイムパスワード:
not-accepted = ワンタイムパスワードを確認できませんでした。
unavailable = ただいまワンタイムパスワードを確認できません。

## 利用開始・交換

start-wanted = トークンの利用開始のお手続きをお願いします。
start-wanted-until = トークンの利用開始のお手続きをお願いします。お手続きなしでログインできるのは { $until } までです。
exchange-wanted = 新しいトークンへの交換のお手続きをお願いします。
nothing-wanted = 利用開始のお手続きが必要なトークンはありません。

prompt-serial = トークンのシリアル番号:
prompt-new-serial = 新しいトークンのシリアル番号:
prompt-code-shown = そのトークンに表示されているワンタイムパスワード:
prompt-old-code = これまでのトークンのワンタイムパスワード:
prompt-old-code-or-start-code = これまでのトークンのワンタイムパスワード、または開始コード:
prompt-characters = 利用開始パスワードの{ $positions }:
position = { $position }桁目
positions-and = { $positions }と{ $position }桁目
prompt-choice = 選択できる場面で、ログイン時にワンタイムパスワードの入力を求めますか（はい/いいえ）:

not-started = お手続きを受け付けられませんでした。

## 受付

started = 利用開始を受け付けました。シリアル番号: { $serial } 受付番号: { $number } 受付時刻: { $time }
exchanged = 交換を受け付けました。シリアル番号: { $serial } これまでのシリアル番号: { $ended } 受付番号: { $number } 受付時刻: { $time }
prompt-enter = Enter キーを押してください:
