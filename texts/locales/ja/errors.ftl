### Failures of `sekisho`: what, and the way out.

failure-error = エラー: { $message }

## What the system says of files and sockets

io-not-found = ファイルまたはフォルダーがありません
io-permission-denied = アクセスする権限がありません
io-already-exists = すでに存在します
io-refused = 接続が拒否されました
io-timed-out = 時間内に応答がありませんでした
io-is-a-directory = フォルダーです
io-not-a-directory = フォルダーではありません
io-full = 空き容量がありません
io-read-only = 読み取り専用です
io-unexpected-end = データが途中で終わっています
io-no-device = 端末がありません
io-other = システムのエラーです（{ $error }）
failure-at = { $what }: { $error }

## The way to the verifier

verifier-strange-answer = 認証サーバーの応答が要求と一致しません
verifier-versions-way = バージョンが同じかどうかを確認してください: sekisho --version、sekisho-verifierd --version
verifier-closed = 認証サーバーが応答の途中で接続を閉じました
verifier-slow = 認証サーバーから時間内に応答がありませんでした
verifier-unreachable = 認証サーバーに接続できません: { $error }
verifier-unreachable-way = 動作しているか確認してください: systemctl status sekisho-verifierd。または --socket でソケットを指定してください
verifier-not-trusted = ソケットを信頼できません: { $error }
verifier-not-trusted-way = ソケットのフォルダーは、認証サーバーのユーザーが所有し、ほかのユーザーが書き込めないようにしてください
verifier-frame = 認証サーバーの応答を読めません: { $error }
verifier-other-request = 認証サーバーが別の要求に応答しました
trust-no-socket = { $path }: ソケットではありません
trust-folder = { $path }: フォルダーに所有者以外が書き込めます
trust-owner = { $path }: 所有者が正しくありません（フォルダー { $folder }、ソケット { $socket }、待ち受け側 { $peer }）
frame-too-long = データが{ $length }バイトあり、上限の{ $limit }バイトを超えています
frame-version = プロトコルのバージョンが{ $version }です（このプログラムは{ $own }）
frame-malformed = データの形式が正しくありません
verifier-who-way = root で実行するか、管理者・ヘルプデスク・監査者のグループのメンバーとして実行してください
verifier-not-permitted = このユーザーにはこの操作の権限がありません
verifier-unavailable = 認証サーバーが判定または記録できませんでした
verifier-unavailable-way = ログを確認してください: journalctl -u sekisho-verifierd
verifier-not-known-stored = 操作が記録されたかどうかを、認証サーバーが確認できませんでした
verifier-not-known-done = { $message }。操作が実行されたかどうかは不明です
verifier-look-first-way = やり直す前に確認してください: sekisho audit list --since 10m

## What is typed and read

standard-input = 標準入力
code-none = ワンタイムパスワードが入力されていません
code-none-way = トークンに現在表示されているワンタイムパスワードを入力してください
code-stdin-way = パイプで渡し、--code-stdin を指定してください
password-length = パスワードは{ $min }～{ $max }バイトにしてください
password-length-way = 別のパスワードを選んでください。複数の単語をつなげると安全です
password-stdin-way = パイプで渡し、--stdin を指定してください
password-prompt = { $account } の新しいパスワード:{" "}
password-again = もう一度入力:{" "}
password-differs = 2回の入力が一致しません
password-differs-way = 変更していません。もう一度やり直してください
secret-prompt = 共有シークレット:{" "}
secret-file-way = --secret-file ファイル を指定してください
secret-empty = 共有シークレットが空です
secret-empty-way = サーバーの設定にある、このホストの共有シークレットを指定してください
typed-interrupted = 中断されました
typed-nothing = 入力がありませんでした
typed-way = 何も実行していません
typed-no-terminal = 入力に使う端末がありません
file-name-way = ファイルを指定してください
file-secret-open = { $path }: 秘密情報のファイルですが、だれでも読める状態です
file-secret-open-way = 次を実行してください: chmod o-rwx { $path }
file-readable-way = 読み取れるファイルを指定してください
file-not-a-file = { $path }: ファイルではありません
file-not-a-file-way = フォルダー、パイプ、デバイスではなく、ファイルを指定してください
file-written-way = root または認証サーバーのユーザーで実行してください
file-written-link = { $path }: 通常のファイルではありません（リンクやパイプなど）
file-written-link-way = 認証サーバーは通常のファイルだけを作成します。だれが置いたものか確認してください
line-way = 1行で入力してください
line-long = { $name }: 1行が{ $max }バイトを超えています
line-long-way = ほかの内容を含まない1行で入力してください
output-unwritable = 結果を出力できません: { $error }
output-unwritable-way = 操作は実行された可能性があります。やり直す前に確認してください

## Lines of import files

import-line = { $line }行目: { $message }
import-many = { $max }件を超えています
import-serial-twice = シリアル番号が{ $line }行目と同じです
import-long = { $max }バイトを超えています
import-not-utf8 = UTF-8 ではありません
import-control = 制御文字があります
import-no-uri = otpauth:// の URI ではありません
import-no-parameters = パラメーターがありません
import-no-label = ラベルがありません
import-fragment = パラメーターの後に # があります
import-totp-counter = TOTP のトークンに counter は指定できません
import-hotp-period = HOTP のトークンに period は指定できません
import-no-counter = counter がありません
import-type = 種別が totp でも hotp でもありません
import-no-secret = secret がありません
import-label-utf8 = ラベルが UTF-8 ではありません
import-base32 = シードが base32 ではありません
import-second-secret = secret が2つあります
import-parameter = 対応していないパラメーターがあります
import-parameter-twice = 同じパラメーターが2つあります
import-no-serial = シリアル番号がありません
import-serial = シリアル番号は、空白を含まない1～{ $max }文字の英数字と記号にしてください
import-account-long = アカウントが{ $max }バイトを超えています
import-no-seed = シードがありません
import-seed-long = シードが{ $max }バイトを超えています
import-both = period と counter は同時に指定できません
import-algorithm = アルゴリズムが SHA1、SHA256、SHA512 のいずれでもありません
import-number = { $name } は{ $low }～{ $high }の整数にしてください
import-header-unknown = 見出しに対応していない列があります
import-header-twice = 見出しに同じ列が2つあります
import-fields = 項目が{ $count }個あります（見出しは{ $wanted }個）
import-no-header = otpauth:// の URI でも、見出し account,serial,secret_hex でもありません
import-hexadecimal = シードが16進数ではありません
import-quote = 引用符が閉じられていません
import-fields-many = 項目が{ $max }個を超えています
