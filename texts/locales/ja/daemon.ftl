### 検証サーバーからの拒否の理由などの文。

daemon-too-many-accounts = 一度に無効にできるアカウントは { $most } 件までです
daemon-too-many-accounts-way-out = 何回かに分けて実行してください

## What waits for a second person

daemon-approvals-full = 承認待ちの操作が多すぎます
daemon-approvals-full-way-out = 別の管理者が承認待ちの操作を処理してください: sekisho approval list
daemon-approval-unknown = この承認番号は、今回の操作のものではありません
daemon-approval-waiting = まだ承認されていません
daemon-approval-waiting-way-out = 別の管理者が sekisho approve を実行するまでお待ちください
daemon-approval-refused = この操作は却下されました
daemon-approval-over = 承認の期限が過ぎました
daemon-approval-used = この承認は使用済みです
daemon-approval-way-out = 承認番号を付けずに、もう一度実行してください
daemon-approval-none = この承認番号はありません
daemon-approval-none-way-out = 承認待ちの操作を確認してください: sekisho approval list
daemon-approval-own = ご自身が申請した操作は承認できません
daemon-approval-own-way-out = 別の管理者が承認してください
daemon-approval-settled = この操作は承認または却下が済んでいます

## `sekisho self`

daemon-self-no-name = お使いのユーザー名はアカウント名として使用できません
daemon-self-no-name-way-out = ヘルプデスクにお問い合わせください
daemon-self-wrong-password = ログインパスワードが正しくありません
daemon-self-wrong-password-way-out = ログイン時のパスワードを入力してください
daemon-self-wait = パスワードの誤りが多すぎます
daemon-self-often = 短い時間に何度も実行されました
daemon-self-wait-way-out = 1分ほど待ってから、もう一度お試しください
daemon-self-no-judge = 現在パスワードを確認できません
daemon-self-no-judge-way-out = 後でもう一度お試しください。原因は sekisho-verifierd と sekisho-passwordd のログにあります
daemon-self-no-account = あなたのアカウントはまだ登録されていません
daemon-self-no-account-way-out = 管理者にアカウントの登録をご依頼ください。登録後、sekisho self start で利用を開始できます
daemon-self-not-accepted = 受け付けられませんでした
daemon-self-not-accepted-way-out = シリアル番号を確認し、次のワンタイムパスワードでもう一度お試しください。理由はヘルプデスクで確認できます

## `sekisho policy test`

policy-because-unknown = この名前のアカウントはないため、正しいワンタイムパスワードもありません
policy-because-disabled = アカウントは無効になっています
policy-because-no-token = 利用中のトークンがありません
policy-because-locked = { $until } まで照合を行いません
policy-because-exchange = このログインでトークンの交換が必要です
policy-because-emergency = 緊急コードが { $count } 個残っています
policy-because-grace = まだトークンを利用したことがないため、{ $until } までは利用開始のためにログインできます
policy-because-chose-code = このアカウントは、ワンタイムパスワードの入力を求める設定を選択しています
policy-because-chose-none = このアカウントは、ワンタイムパスワードの入力を求めない設定を選択しています
policy-because-second-use = ログイン直後に同じセッションと端末から行う場合は、入力を求めません
policy-because-clock = サーバーの時計に疑いがあるため、現在ワンタイムパスワードを受け付けていません

## `sekisho policy apply`

daemon-policy-same = 設定ファイルのポリシーはすでに適用されています
daemon-policy-same-way-out = 何もする必要はありません

## `sekisho emergency`

daemon-codes-of-admins = 管理者、root、ご自身の緊急コードを発行できるのは管理者だけです
daemon-codes-of-admins-way-out = 管理者に依頼してください
