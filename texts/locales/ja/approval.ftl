### What waits for a second admin: `sekisho approve`, `sekisho approval list`.

approval-label-number = 承認番号
approval-label-operation = 操作
approval-label-detail = 内容
approval-label-asked-by = 申請者
approval-label-until = 期限
approval-label-state = 状態
approval-label-settled-by = 承認者

approval-operation-backup = バックアップ
approval-operation-restore = 復元
approval-operation-key-rotate = 鍵の更新
approval-operation-policy = ポリシー変更
approval-operation-bulk-disable = アカウント一括無効化

approval-state-waiting = 承認待ち
approval-state-approved = 承認済み
approval-state-refused = 却下
approval-state-over = 期限切れ
approval-state-used = 実行済み

approval-none = 承認待ちの操作はありません

## To the first admin

approval-waits = この操作には別の管理者の承認が必要です。{ $until } までに、別の管理者が次のコマンドを実行してください: sekisho approve { $number }
approval-interrupt = 承認を待っています。中断した場合（Ctrl-C）は、後で同じコマンドに --approval { $number } を付けて再開できます。
approval-approved = { $by } さんが承認しました

approval-not-yet = この操作には別の管理者の承認が必要です。承認番号 { $number } の期限は { $until } です
approval-go-on = 別の管理者が sekisho approve { $number } を実行した後、同じコマンドに --approval { $number } を付けて実行してください
approval-refused = 承認番号 { $number } は { $by } さんが却下しました。処理は行われていません
approval-refused-way-out = 却下の理由を確認し、必要であればもう一度実行してください
approval-over = 承認番号 { $number } は期限切れまたは使用済みです。処理は行われていません
approval-over-way-out = 承認できる管理者がいるときに、もう一度実行してください
approval-lost = 承認待ちかどうかを sekisho approval list で確認し、同じコマンドに --approval { $number } を付けて実行してください
