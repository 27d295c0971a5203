### Help pages: the Japanese ones. The English ones stand at the commands, in `cli.rs`.
###
### `help-token-issue` is a command, `help-token-issue--long` what only `--help` tells of it,
### `help-token-issue--serial` an argument, `help-init--master-key--file` a choice of one, and
### `help--note` an argument of every command that has no text of its own for it.

help-sekisho = ワンタイムパスワードの管理: トークン、アカウント、受付番号、監査記録

## Arguments of many commands

help--socket = 認証サーバーのソケット [省略時: 設定ファイルのとおり]
help--settings = 設定ファイル [省略時: /etc/sekisho/sekisho.toml]
help--language = 表示する言語 [省略時: ロケール、または設定ファイルのとおり]
help--json = 結果とエラーをJSONで出力します（常に英語）
help--help = ヘルプを表示します（-h は要約）
help--version = バージョンを表示します
help--note = 受付票に残すメモ
help--request-key =
    同じ操作の二重実行を防ぐ要求キー。同じキーで繰り返すと、最初の受付番号を返します。空白を含まない1～64文字（申請書の番号など）。
    ユーザーごとに有効で、全体で直近10,000件まで記憶します
help--account = アカウント
help--serial = シリアル番号
help--limit = 表示する最大の行数
help--all = すべての行（1,000,000行まで）
help--code-stdin = ワンタイムパスワードを標準入力から読み取ります
help--keep-sessions = ゲートウェイのセッションを切断しません
help--key = 公開鍵またはそのファイル。sekisho audit key の出力を別の場所に保管したもの [省略時: データフォルダーの audit.pub]
help--data = データフォルダー [省略時: 設定ファイルのとおり]
help--no-wait = 2人目の承認が必要な場合に待たず、承認用の番号を表示して終了コード11で終了します
help--approval = この番号で承認された操作を実行します
help--yes = すべての質問に、既定値または「はい」で回答します
help--stdin = パスワードなどを、求められる順に1行ずつ標準入力から読み取ります（最初はログインパスワード）

## init

help-init = 新規導入: 設定ファイル、データフォルダー、マスター鍵を作成します
help-init--long = root で一度だけ実行します。すでにあるものは上書きしません。
help-init--data = データフォルダー
help-init--owner = データを所有する認証サーバーのユーザー（とグループ） [省略時: root が実行し、sekisho ユーザーがあれば sekisho]
help-init--master-key = マスター鍵の保管方法
help-init--master-key--file = 認証サーバーだけが読めるファイル
help-init--master-key--credential = systemd のクレデンシャル（TPM で封緘可能）
help-init--master-key--pkcs11 = セキュリティモジュール（HSM）
help-init--pkcs11-module = pkcs11 の場合: 製造元のライブラリー
help-init--pkcs11-token = pkcs11 の場合: トークンのラベル
help-init--pin-file = pkcs11 の場合: ユーザーPINのファイル

## token

help-token = トークンの発行、一括登録、照会
help-token-issue = 新しいトークンを発行し、シードを一度だけ表示します
help-token-issue--long = otpauth:// の URI と、端末では QRコードを表示します。これらはシードそのものです。利用者本人にだけ見せてください。
help-token-issue--serial = シリアル番号 [省略時: 次の空き番号]
help-token-issue--algorithm = ハッシュ関数 [省略時: どのアプリでも使える sha1]
help-token-issue--digits = ワンタイムパスワードの桁数 [省略時: 6]
help-token-issue--period = 更新間隔の秒数 [省略時: 30]
help-token-issue--hotp = 時刻ではなくカウンターで生成します（HOTP）
help-token-issue--counter = 最初のカウンター値 [省略時: 0]
help-token-issue--count = この数のトークンを、空き番号で発行します
help-token-issue--qr = 出力先が端末でなくても QRコードを表示します
help-token-issue--no-qr = QRコードを表示しません
help-token-import = トークンのファイルを一括登録します（全件成功か、まったく登録しないか）
help-token-import--long =
    1行に1件、1,000,000件まで。空行と # で始まる行は読み飛ばします。最初の行で形式が決まります。

    {"*"} otpauth:// の URI。ラベルのコロンより後（発行者:シリアル番号）、または serial パラメーターがシリアル番号です。

    {"*"} account,serial,secret_hex を見出しとする CSV。続けて algorithm、digits、period、counter を任意に指定できます。counter があれば HOTP です。account のあるトークンは、本人確認済みとしてすぐに利用開始になり、ないものは未使用で登録されます。
help-token-import--file = ファイル。シードを含むため、登録後に削除してください
help-token-list = トークンをシリアル番号順に一覧表示します
help-token-list--state = この状態のトークンだけ
help-token-list--after = このシリアル番号の次から
help-token-show = トークンを1件表示します

## Life of a token

help-enroll = トークンの利用を開始します（シリアル番号とワンタイムパスワードで確認）
help-enroll--long = ワンタイムパスワードの入力は画面に表示されません。入力したものは使用済みになり、次のログインには新しいものが必要です。
help-enroll--account = トークンを利用するアカウント
help-exchange = トークンを新しいものに交換します（新しいトークンのワンタイムパスワードで確認）
help-exchange--long = 新しいトークンのワンタイムパスワードの入力は画面に表示されず、入力したものは使用済みになります。古いトークンは直ちに使えなくなります。
help-exchange--old = 利用を終えるトークン
help-exchange--new = 利用を始めるトークン
help-stop = トークンの利用を中止し、利用者のセッションを切断します（元に戻せません）
help-lost = トークンの紛失・盗難・アプリの削除を届け出ます。直ちに使えなくなり、セッションも切断します
help-suspend = トークンを一時停止し、利用者のセッションを切断します
help-resume = 一時停止中のトークンの利用を再開します
help-resync = 連続する2つのワンタイムパスワードで、トークンの時計やカウンターのずれを合わせます
help-resync--long = 2つとも入力は画面に表示されず、使用済みになります。
help-unlock = アカウントのロックを解除します

## emergency

help-emergency = 緊急コードの発行と取り消し
help-emergency-issue = トークンを紛失した人に緊急コードを発行し、一度だけ表示します
help-emergency-issue--long = 1つにつき1回だけ、ワンタイムパスワードの代わりに入力できます。発行すると以前の緊急コードは無効になり、次の利用開始ですべて無効になります。使われるたびに、ログと sekisho status に表示されます。
help-emergency-issue--count = 発行する数
help-emergency-issue--valid = 有効期間: 30m、24h、7d [省略時: 24h]
help-emergency-revoke = アカウントの緊急コードを取り消します

## self

help-self = 本人の操作: トークンの利用開始、交換、中止、紛失の届け出、各種の選択
help-self-start = 最初のトークンの利用を開始します
help-self-start--long = ログインパスワード、トークンに表示されるシリアル番号とワンタイムパスワード、利用開始パスワードがある場合はその一部、ログイン時に入力を求めるかどうかをお尋ねします。
help-self-start--serial = シリアル番号 [省略時: お尋ねします]
help-self-start--choice = 選択できるログインでワンタイムパスワードを求めるか [省略時: お尋ねします]
help-self-exchange = ご自分のトークンを新しいものに交換します
help-self-exchange--long = ログインパスワード、これまでのトークンのワンタイムパスワード（または管理者から受け取った開始コード）、新しいトークンのシリアル番号とワンタイムパスワードをお尋ねします。古いトークンは直ちに使えなくなります。
help-self-exchange--serial = 新しいトークンのシリアル番号 [省略時: お尋ねします]
help-self-stop = ご自分のトークンの利用を中止します（元に戻せません）
help-self-stop--long = ログインパスワードと、そのトークンのワンタイムパスワードをお尋ねします。
help-self-stop--serial = シリアル番号 [省略時: お尋ねします]
help-self-lost = ご自分のトークンの紛失・盗難・アプリの削除を届け出ます。直ちに使えなくなります
help-self-lost--long = ログインパスワードをお尋ねします。ログインできない場合は、ヘルプデスクにご連絡ください。
help-self-lost--serial = シリアル番号 [省略時: お尋ねします]
help-self-status = ご自分のアカウント、トークン、選択内容を表示します
help-self-choose = 選択できるログインで、ワンタイムパスワードを求めるかどうかを選びます
help-self-choose--long = ログインパスワードとワンタイムパスワードをお尋ねします。
help-self-choose--choice = 求めるかどうか
help-self-language = ログイン時の表示言語を選びます
help-self-language--long = ログインパスワードをお尋ねします。
help-self-language--choice = 言語: en（英語）、ja（日本語）、none（このマシンの言語）

## account

help-account = アカウントの照会と変更
help-account-show = アカウントを1件表示します
help-account-show--account = アカウントまたはその別名
help-account-set = アカウントを変更します（なければ作成します）
help-account-set--code = 選択できるログインでワンタイムパスワードを求めるか
help-account-set--disable = アカウントを無効にし、ゲートウェイのセッションを切断します
help-account-set--keep-sessions = --disable の場合: ゲートウェイのセッションを切断しません
help-account-set--enable = アカウントを有効に戻します
help-account-set--add-alias = 同じアカウントの別名を追加します
help-account-set--remove-alias = 別名を削除します
help-account-set--group = 加えるグループ（ゲートウェイに通知可能）。複数指定できます
help-account-set--no-group = 外すグループ。複数指定できます
help-account-set--attribute = ゲートウェイへの応答に使える属性。複数指定できます
help-account-set--no-attribute = 削除する属性。複数指定できます
help-account-set--account-language = ログイン時の表示言語: en（英語）、ja（日本語）、none（このマシンの言語）
help-account-set--exchange-required = 次のログインでトークンの交換を求めるか
help-account-password = ゲートウェイがワンタイムパスワードの前に求めるパスワードを設定します
help-account-password--long = 設定で first-factor = "stored" のクライアント用です。画面に表示せずに2回入力し、ハッシュだけを保存します。8～128バイトです。
help-account-password--account = アカウント（なければ作成します）
help-account-password--stdin = パスワードを標準入力の1行から読み取ります
help-account-password--remove = パスワードを削除します。保存したパスワードを使うクライアントからは利用できなくなります
help-account-start-code = 開始コードを発行し、一度だけ表示します
help-account-start-code--long = 10分以内に1回だけ有効です。次のログインまたは self exchange で、古いトークンのワンタイムパスワードなしに新しいトークンの利用を開始できます。先に本人確認をしてください。
help-account-start-password = 利用開始パスワードを発行し、一度だけ表示します
help-account-start-password--long = 10桁の数字で、利用開始のときに2か所の数字を求めます。トークンとは別の方法で本人に届けてください。
help-account-start-password--account = アカウント（なければ作成します）
help-account-start-password--remove = 削除します。利用開始ではシリアル番号とワンタイムパスワードだけを求めます
help-account-disable = 複数のアカウントを一度に無効にし、ゲートウェイのセッションを切断します
help-account-disable--long = 全件成功か、まったく変更しないかのどちらかです。1件だけの場合は account set --disable を使います。
help-account-disable--accounts = アカウント（200件まで）
help-account-list = アカウントを名前順に一覧表示します
help-account-list--after = このアカウントの次から

## policy

help-policy = ワンタイムパスワードが必要な場面の確認と、変更の適用
help-policy-test = ログインしたときの扱いと、根拠となる設定の行を表示します
help-policy-test--long = 入力を求めず、失敗回数にも数えず、記録もしません。
help-policy-test--account = 入力するとおりのアカウント名
help-policy-test--service = PAM サービス（sshd、login、sudo など）
help-policy-test--radius = SERVICE を RADIUS クライアントの名前とみなします
help-policy-test--from = 接続元のアドレス [省略時: このマシン自身]
help-policy-apply = 設定ファイルのポリシーを適用します
help-policy-apply--long = ポリシー変更に2人が必要な場合は、承認を待ちます。それまでは、再起動しても以前のポリシーのままです。

## Two people

help-approve = 2人目の承認を待っている、ほかの管理者の操作を承認します
help-approve--long = 自分の操作は承認できません。内容の確認: sekisho approval list
help-approve--number = 承認用の番号（7F3-A9C など）
help-approve--refuse = 却下します
help-approval = 承認待ちの照会
help-approval-list = 承認待ちの操作と、最近の結果を一覧表示します

## receipt

help-receipt = 受付番号の照会
help-receipt-show = 受付番号の内容を表示します
help-receipt-show--number = 受付番号
help-receipt-show--signed = 保存用に署名付きで表示します。これと公開鍵があれば、だれでも検証できます
help-receipt-verify = 認証サーバーに問い合わせずに受付票を検証します
help-receipt-verify--long = ファイルは receipt show --signed の出力、または受付番号を返すコマンドの --json の出力です。受付番号を指定すると監査記録のファイルを調べ、署名付きチェックポイントが証明しているかどうかを表示します。ファイルと --data を指定すると、監査記録に同じ記録があることも確認します。
help-receipt-verify--receipt = ファイル（- は標準入力）または受付番号

## audit

help-audit = 監査記録の照会
help-audit-list = 記録を一覧表示します（新しいものが最後）
help-audit-list--account = このアカウントの記録だけ
help-audit-list--serial = このトークンの記録だけ
help-audit-list--since = この時刻以降の記録だけ: 2026-11-22、"2026-11-22 09:14"、2026-11-22T00:14:00Z、30m、12h、7d
help-audit-verify = 監査記録の全体を、ファイルだけで検証します
help-audit-verify--long = すべての記録の連鎖と、すべてのチェックポイントの署名を確認します。認証サーバーの動作中も実行でき、秘密情報は要りません。不正があれば最初の場所を示し、終了コード8で終了します。システムログなど別の場所に保管したチェックポイントがあれば、末尾の切り取りや全体の差し替えがないことも確認できます。
help-audit-verify--checkpoints = このファイル（- は標準入力）のチェックポイントと照合します。署名付き文書またはログの行
help-audit-retain = 保存期間を過ぎた記録を削除します
help-audit-retain--long = 監査記録のセグメント単位で削除します。すべての記録が期限を過ぎ、全トークンと全アカウントのスナップショットがあるセグメントが対象です。残りは従来どおり検証できます。
help-audit-retain--older-than = 対象とする古さ: 400d、57w。設定より短くはできません [省略時: 設定のとおり]
help-audit-retain--dry-run = 削除せず、削除する対象だけを表示します
help-audit-key = 受付票とチェックポイントを検証する公開鍵を表示します。別の場所に保管してください
help-audit-key--data = 認証サーバーに問い合わせず、このデータフォルダーから読み取ります
help-audit-checkpoint = 最新のチェックポイント（監査記録の到達点の署名付き証明）を表示します
help-audit-checkpoint--data = 認証サーバーに問い合わせず、このデータフォルダーから読み取ります

## The verifier

help-explain = アカウントがログインできない理由を表示します
help-status = 認証サーバーの状態を表示します
help-doctor = 設定の問題を探します: sshd、PAM、ファイル、時計、保存先、クライアント
help-doctor--long = 何も変更しません。指摘ごとに、問題、影響、直すためのコマンドを表示します。確認できなかったものも表示するので、root で実行してください。終了コードは、指摘があれば10、指摘はないが一部を確認できなければ12です。
help-doctor--root = このフォルダー以下をシステムとみなして調べます（イメージなど）。動作中のシステムにしかないものは省きます
help-clock = システムの時計の承認
help-clock-trust = 時計を合わせた後、現在の時刻を正しいものとして承認します
help-key = 鍵の照会と更新
help-key-rotate = すべてを新しい鍵で再封緘し、古い鍵を破棄します
help-key-rotate--long = 受付番号はすぐに表示されます。トークンとアカウントはログインを続けたまま再封緘され、終わると古いデータ鍵を破棄します。進み具合は sekisho key status で確認できます。途中で認証サーバーが停止しても、次の起動で続きを行います。
help-key-status = 鍵の一覧と、更新の進み具合を表示します

## Backups

help-backup = 動作中の認証サーバーを、暗号化した1つのファイルにバックアップします
help-backup--long = ログインは続けられます。ファイルには、監査記録、全トークンの状態、シードを復号する鍵が含まれ、設定で指定した宛先だけが復号できます。このマシンのマスター鍵は含まれず、復元にも不要です。
help-backup--file = 新しいファイル（- は標準出力）
help-backup--without-history = 過去の記録を除きます。全トークンと全アカウントの状態は含まれます
help-backup-key = バックアップを復号する鍵のファイルと、設定に書く行を作成します
help-backup-key--long = 別のマシンで実行するか、ファイルをこのマシンから移してください。このファイルとバックアップを持つ人は、すべてのシードを復号できます。ファイルは age の鍵の形式です。
help-backup-key--file = 新しいファイル
help-restore = バックアップからこのマシンを復元します
help-restore--long = データフォルダーの所有者として sekisho-verifierd を実行します。データフォルダーにはマスター鍵のほかに何もなく、認証サーバーが動いていないことが必要です。復元前に有効だったワンタイムパスワードは復元後は使えず、受付番号は重複せず、利用中の HOTP トークンは利用開始の手続きをやり直します。
help-restore--file = バックアップ
help-restore--identity = sekisho backup-key で作成したファイル
help-restore--audit-key = このシステムの署名がないバックアップを拒否します: 別に保管した audit.pub
help-restore--trust-clock = バックアップの時刻がこのマシンの時計より後でも復元します（時計が誤っていた場合）

## Gateways

help-session = ゲートウェイのセッションの照会と切断
help-session-list = ゲートウェイから報告されたセッションを一覧表示します
help-session-list--long = 開始の報告（RADIUS アカウンティング）から終了の報告までのセッションです。報告しないゲートウェイのセッションは表示も切断もできません。
help-session-list--account = このアカウントのセッションだけ
help-session-list--client = この RADIUS クライアントのセッションだけ
help-session-list--after = このセッションの次から
help-session-end = ゲートウェイのセッションを切断します
help-session-end--long = ゲートウェイに切断を要求し（RFC 5176 の Disconnect-Request）、それぞれの結果を表示します。再ログインは妨げません。止めるには lost、suspend、account set --disable を使ってください。これらもセッションを切断します。
help-session-end--account = このアカウントのすべてのセッション
help-session-end--session = このセッション（session list の表示のとおり）
help-client = RADIUS クライアントの照会と追加
help-client-list = 設定にある RADIUS クライアントと、受信した内容を一覧表示します
help-client-add = 新しいゲートウェイに必要な、設定ファイルの行とゲートウェイ側の行を表示します
help-client-add--long = 共有シークレットは新しい乱数です。--write を付けない限り何も変更しません。
help-client-add--name = ログ、監査記録、ポリシーでの名前
help-client-add--address = 送信元のアドレスまたはネットワーク。複数指定できます
help-client-add--gateway = 機種
help-client-add--gateway--fortigate = Fortinet FortiGate
help-client-add--gateway--strongswan = strongSwan（eap-radius）
help-client-add--gateway--ocserv = ocserv（OpenConnect、AnyConnect クライアント用）
help-client-add--gateway--openvpn = OpenVPN（openvpn-auth-radius）
help-client-add--gateway--mikrotik = MikroTik RouterOS
help-client-add--gateway--cisco = Cisco ASA、FTD
help-client-add--gateway--pfsense = pfSense
help-client-add--gateway--generic = その他
help-client-add--mode = 入力の求め方 [省略時: code]
help-client-add--mode--code = パスワード欄にワンタイムパスワードを入力
help-client-add--mode--password-and-code = パスワード欄にパスワードとワンタイムパスワードを続けて入力
help-client-add--mode--challenge = 先にパスワードを、次にワンタイムパスワードを入力
help-client-add--first-factor = 先に入力するパスワードの照合先 [省略時: none]
help-client-add--first-factor--none = 照合しない
help-client-add--first-factor--stored = 保存したハッシュ（sekisho account password）
help-client-add--first-factor--pam = このサーバーの PAM サービス
help-client-add--first-factor--ldap = ディレクトリー
help-client-add--server = ゲートウェイから見たこの RADIUS サーバーのアドレス [省略時: SERVER と表示。書き換えてください]
help-client-add--write = 設定ファイル全体に誤りがなければ、行を追加します
help-radius = RADIUS サーバーの確認
help-radius-probe = RADIUS サーバーに要求を送り、応答を確認します
help-radius-probe--long = --user がなければ動作を確認し（Status-Server）、あればログインします（PAP）。終了コードは、許可が0、拒否またはチャレンジが5、応答なしが7、応答を信頼できない場合（多くは共有シークレットの相違）が8です。
help-radius-probe--server = サーバー。ポートの省略時は1812。IPv6 アドレスにポートを付けるときは [2001:db8::1]:1812 とします
help-radius-probe--secret-file = 共有シークレットのファイル [省略時: 入力を求めます]
help-radius-probe--user = このアカウントでログインします
help-radius-probe--status = サーバーの動作を確認します
help-radius-probe--count = 要求の数。1つずつ別の識別子で順に送ります
help-radius-probe--timeout = 再送までの待ち時間（秒）
help-radius-probe--retries = 同じ要求を再送する回数

## generate

help-generate = マニュアルページと補完スクリプトの作成
help-generate-man = コマンドごとのマニュアルページ（英語）を作成します
help-generate-man--folder = 出力先のフォルダー
help-generate-completions = シェルの補完スクリプトを表示します
help-generate-completions--shell = シェル
help-generate-roles = 操作と役割の表（英語）を表示します
