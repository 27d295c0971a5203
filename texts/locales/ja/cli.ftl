### Screens of `sekisho`: labels, headers, hints.

## Labels of blocks and heads of columns

label-account = アカウント
label-accounts = アカウント数
label-address = アドレス
label-accepts = 許可
label-rejects = 拒否
label-algorithm = アルゴリズム
label-aliases = 別名
label-attribute = 属性
label-began = 開始時刻
label-client = クライアント
label-clock = サーバーの時計
label-code-at-login = ログイン時の入力
label-connections = 接続数
label-digits = 桁数
label-drift = 時計のずれ
label-failures-in-a-row = 連続失敗回数
label-from = 接続元
label-groups = グループ
label-in-stock-since = 登録日時
label-kind = 方式
label-last-report = 最終報告
label-last-used = 最終利用
label-locked-until = ロック解除時刻
label-nas = NAS
label-newest-events = 最近の記録
label-operation = 操作
label-outcome = 結果
label-password = パスワード
label-period = 更新間隔
label-position = 記録番号
label-reason = 理由
label-receipt = 受付番号
label-serial = シリアル番号
label-session = セッション
label-started = 起動時刻
label-state = 状態
label-store = 保存方式
label-time = 時刻
label-tokens = トークン
label-token-count = トークン数
label-uri = URI
label-version = バージョン
label-where = 利用場所
label-where-who = 場所・操作者
label-wrong-codes = 不一致回数

## Values in them

value-seconds = { $seconds }秒
value-disabled-too = { $state }（無効）
value-drift = { $steps }ステップ
value-required = 必要
value-not-required = 不要
value-enabled = 有効
value-disabled = 無効
value-stored = 登録済み
value-none-stored = 登録なし
kind-totp = 時刻式（TOTP）
kind-hotp = カウンター式（HOTP）

## Lists

list-none = { $rows }はありません
list-more = { $rows }の続きがあります: --limit、--all
rows-accounts = アカウント
rows-events = 記録
rows-sessions = セッション
rows-tokens = トークン
needs-attention = ご確認ください
explain-account = アカウント { $account }
audit-older = さらに古い記録があります: --limit、--all

## Tokens

token-code-prompt = { $serial } に表示されているワンタイムパスワード:{" "}
token-none = このトークンはありません
token-none-way = 一覧で確認してください: sekisho token list
account-none = このアカウントはありません
account-none-way = 一覧で確認してください: sekisho account list
issue-shown-then = シードは発行時に表示済みで、再表示できません。控えがない場合は、紛失の手続きをしてください
issue-no-qr = URI が長すぎるため、QRコードにできません
import-none = { $path }: トークンがありません
import-none-way = otpauth:// の URI または CSV の一覧を指定してください: sekisho token import --help
import-too-large = { $path }: { $max }バイトを超えています
import-too-large-way = 分割してください。1つのファイルは1,000,000件までです
import-open = 警告: { $path } はシードを含みますが、だれでも読める状態です
import-bad = { $path }: { $count }行に誤りがあるため、登録していません
import-bad-way = ファイルを修正してください。形式は sekisho token import --help をご覧ください
import-again-way = もう一度やり直してください
import-checking = 確認中
import-sending = 送信中
import-storing = 登録中

## Sessions

sessions-counted = { $count }件のセッション
sessions-waiting = { $sessions }の切断を待っています。受け付けた操作は完了しています
sessions-unknown = { $sessions }の結果を確認できません: { $why }。受け付けた操作は完了しています
sessions-unknown-way = 一覧で確認してください: sekisho session list
sessions-forgotten = 認証サーバーに情報が残っていません
sessions-go-on = { $sessions }のうち{ $count }件を切断できませんでした。受け付けた操作は完了しています
sessions-go-on-way = 続いているセッションは、ゲートウェイで切断してください
sessions-go-on-again-way = 続いているセッションは、ゲートウェイで切断してください。やり直す場合: sekisho session end { $account }
sessions-ended = 切断しました
sessions-gone = すでに終了していました
sessions-refused = ゲートウェイが拒否しました
sessions-refused-because = ゲートウェイが拒否しました: { $cause }
sessions-unsupported = ゲートウェイが切断に対応していません
sessions-timeout = ゲートウェイから応答がありません
sessions-not-sent = 要求していません: 設定にこのクライアントがないか、切断機能が無効です
sessions-settling = 未確定です
cause-number = エラー番号 { $number }
cause-meaning = { $meaning }（エラー番号 { $number }）
cause-401 = 対応していない属性があります
cause-402 = 必要な属性がありません
cause-403 = NAS の識別情報が一致しません
cause-404 = 要求の形式が正しくありません
cause-405 = このサービスに対応していません
cause-407 = 属性の値が正しくありません
cause-501 = ゲートウェイの設定で禁止されています
cause-502 = 中継先が見つかりません
cause-504 = このセッションは切断できません
cause-505 = 中継に失敗しました
cause-506 = ゲートウェイの資源が不足しています
cause-508 = 該当するセッションが複数あります

## Keys

label-master-key = マスター鍵
label-data-key = データ鍵
label-data-keys-kept = 保持中のデータ鍵
label-rotation = 更新の進み具合
label-memory-locked = メモリーの固定
label-public-key = 公開鍵
key-master = バージョン { $version }、保管方法 { $source }
key-rotation = { $all }件のうち{ $done }件を再封緘済み
key-rotating = すべての記録を再封緘しています。ログインは続けられます: sekisho key status
folder-exists-way = 既存のフォルダーを指定してください

## Retention

label-segments = セグメント数
label-octets = バイト数
label-newest-event = 最新の記録
label-first-kept = 残る最初の番号
retain-dry-run = 削除していません: --dry-run
retain-nothing = 対象はありません。セグメントは、すべての記録が期限を過ぎると削除されます

## Backups

label-readable-by = 復号できる鍵
backup-damaged =
    警告: 破損した記録が{ $count }件あります。このバックアップにも破損したまま含まれ、復元しても直りません。
      以前のバックアップを保管してください。該当する記録: sekisho status
backup-terminal = バックアップは端末に出力できません
backup-terminal-way = パイプで渡すか（sekisho backup - | …）、ファイルを指定してください
backup-of-no-use = { $message }。受付番号 { $number } のバックアップは使えません
backup-no-name = { $path }: ファイル名ではありません
backup-no-name-way = バックアップを保存するファイルを指定してください
file-exists = { $path }: すでに存在します
backup-exists-way = 新しいファイルを指定してください。上書きはしません
backup-write-way = 書き込めるフォルダーにあり、空き容量が十分なファイルを指定してください
backup-key-made =

    { $path } があれば、この鍵で作ったすべてのバックアップとシードを復号できます。
    このサーバーやバックアップとは別の場所に移し、控えも保管してください。
    このファイルがないと復元できません。次に、上の行を設定に追加し、
backup-key-restart = 認証サーバーを再起動してください。
restore-no-program-way = 復元は認証サーバーのプログラムが行います。このマシンにインストールしてください

## A new installation

init-installed-way = すでに導入済みです。そのまま使うか、--settings と --data で別の場所を指定してください
init-key-there-way = この鍵は同じ場所のシードの復号に必要です。両方を残すか、--data で別のフォルダーを指定してください
init-not-empty = { $path }: 空のフォルダーではありません
init-not-empty-way = 中のものを移すか、--data で別のフォルダーを指定してください
init-absolute-way = / から始まるパスで指定してください
init-root-way = root で実行してください
init-make-way = root で実行するか、書き込める場所を --settings、--data、--socket で指定してください
init-no-user = このユーザーはありません
init-no-user-way = 先に作成してください: useradd --system sekisho
init-no-group = このグループはありません
init-no-group-way = 先に作成してください: groupadd --system sekisho
init-pkcs11-only = モジュール、トークン、PINファイルは --master-key pkcs11 のときだけ指定できます
init-pkcs11-only-way = 指定を外すか、--master-key pkcs11 を付けてください
init-bad-path = { $path }: 設定に書けないパスです
init-bad-path-way = 制御文字を含まない UTF-8 のパスを指定してください
label-settings = 設定ファイル
label-data-folder = データフォルダー
label-socket = ソケット
init-key-file = ファイル
init-key-credential = クレデンシャル sekisho-master-key
init-key-token = トークン { $token }
init-next = 次の手順
init-next-copy = マスター鍵の控えを安全な場所に保管してください。なくすとシードを復号できません。
init-next-credential = このマシンで封緘したマスター鍵を作り、控えを安全な場所に保管します:
init-next-credential-hand = 認証サーバーに渡します: systemctl edit sekisho-verifierd で次を追加
init-next-pin = トークンのPINを { $path } に書き、認証サーバーのユーザーの所有、モード0400にします。
init-next-module =
    鍵は認証サーバーの初回起動時にトークンの中に作られます。トークン、または製造元のツールで作った
      控えを保管してください。なくすとバックアップしか読めません。
init-next-groups = 管理者・ヘルプデスク・監査者のグループを作り、担当者を登録します:
init-next-groups-others = （sekisho-help-desk と sekisho-auditor も同様）
init-next-start = 認証サーバーを起動します:
init-next-try = 状態を確認し、最初のトークンを発行します:
source-file = ファイル
source-credential = クレデンシャル
source-pkcs11 = セキュリティモジュール
