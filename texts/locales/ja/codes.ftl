### Codes and passwords that are shown once: emergency codes, start codes, start-of-use passwords.

codes-emergency = 緊急コード
codes-start = 開始コード
codes-start-password = 利用開始パスワード
codes-good-until = 有効期限

codes-emergency-how = 1個につき1回、ワンタイムパスワードの代わりに入力できます。ご本人であることを確認し、ご本人だけにお伝えください。再表示はできません。
codes-start-how = { $account } さんの利用開始または交換に1回だけ使えます。ご本人であることを確認し、ご本人だけにお伝えください。再表示はできません。
codes-start-password-how = { $account } さんは利用開始の際に、左から数えて指定された桁の数字を入力します。トークンとは別の方法でお届けください。再表示はできません。

codes-shown-then = 発行時に一度表示されており、再表示はできません。お手元にない場合は新たに発行してください
codes-first = { $serial } に表示されているワンタイムパスワード:
codes-second = 次に表示されるワンタイムパスワード（表示が変わるまでお待ちください）:
