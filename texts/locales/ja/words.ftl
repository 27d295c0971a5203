### Words of the protocol, and short words that stand in many places.

word-yes = はい
word-no = いいえ
word-none = なし
word-ms = { $ms }ミリ秒

## Operations

operation-login = ログイン
operation-issue = 発行
operation-import = 一括登録
operation-enroll = 利用開始
operation-exchange = 交換
operation-stop = 利用中止
operation-lost = 紛失
operation-suspend = 一時停止
operation-resume = 利用再開
operation-unlock = ロック解除
operation-account-set = アカウント変更
operation-clock-trust = 時計の承認
operation-key-rotate = 鍵の更新
operation-reseal = 再封緘
operation-key-destroy = 旧鍵の破棄
operation-audit-retain = 監査記録の整理
operation-backup = バックアップ
operation-restore = 復元
operation-password-set = パスワード設定
operation-session-end = セッション切断
operation-session-start = セッション開始
operation-session-interim = セッション継続
operation-session-stop = セッション終了
operation-gateway-on = ゲートウェイ起動
operation-gateway-off = ゲートウェイ停止
operation-start = 利用開始
operation-emergency = 緊急コード発行・取消
operation-start-code = 開始コード発行
operation-start-password = 利用開始パスワード設定
operation-resync = 再同期
operation-accounts-disable = アカウント一括無効化
operation-approval-ask = 承認依頼
operation-approve = 承認
operation-approval-refuse = 却下
operation-policy-apply = ポリシー適用

## States of a token

state-in-stock = 未使用
state-active = 利用中
state-suspended = 一時停止中
state-exchanged = 交換済み
state-stopped = 利用中止
state-lost = 紛失

## Outcomes of events

outcome-accept = 許可
outcome-reject = 拒否
outcome-not-asked = 入力不要
outcome-done = 完了
outcome-refused = 不成立
outcome-reported = 報告
outcome-answered-again = 再応答

## Reasons of logins

reason-right-code = ワンタイムパスワード一致
reason-not-asked = 入力不要
reason-malformed-name = アカウント名の形式誤り
reason-unknown-account = 未登録アカウント
reason-account-disabled = アカウント無効
reason-no-token = トークンなし
reason-token-suspended = トークン一時停止中
reason-token-disabled = トークン無効
reason-malformed-code = 入力形式の誤り
reason-already-used = 使用済み
reason-wrong-code = ワンタイムパスワード不一致
reason-waiting = 待ち時間中
reason-locked = ロック中
reason-clock-backwards = 時計の逆行
reason-seed-does-not-open = シード復号不可
reason-clock-stepped = 時計の飛び
reason-answered-again = 同じ回答の再送
reason-rejected-again = 同じ拒否の再送
reason-round-used = 入力済みのチャレンジ
reason-wrong-password = パスワード不一致
reason-first-factor-unavailable = パスワード照合不可
reason-round-expired = チャレンジ期限切れ
reason-grace = 猶予期間中
reason-second-use = 直後の再利用
reason-emergency-code = 緊急コード
reason-start-code = 開始コード
reason-wrong-start-password = 利用開始パスワード不一致

## Doors

channel-cli = 管理コマンド
channel-pam = ログイン画面
channel-self = 本人操作
channel-verifier = 認証サーバー
channel-offline = オフライン作業
