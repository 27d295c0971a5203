### `sekisho doctor`: what is wrong, and why it matters. The ids are those of the findings.

doctor-error = エラー
doctor-warning = 警告
doctor-note = 注意
doctor-nothing = 問題は見つかりませんでした。
doctor-sum = エラー{ $errors }件、警告{ $warnings }件、注意{ $notes }件
doctor-not-looked-at = 確認できなかったもの

doctor-unseen-root = rootではないため、rootだけが読めるファイルとフォルダー、およびsshdの実際の設定
doctor-unseen-settings = 設定ファイルとその方針: { $because }
doctor-unseen-file = ファイルまたはフォルダー: { $because }
doctor-unseen-module = モジュールの中身: { $because }
doctor-unseen-pam = PAMサービス: { $because }に何もありません
doctor-unseen-sshd = sshd自身の答え（代わりに設定ファイルを読みました）: { $because }
doctor-unseen-clock = 時計が同期しているかどうか: { $because }
doctor-unseen-verifier = 認証サーバーの状態: { $because }

## Settings

doctor-settings-missing = { $place }がありません
doctor-settings-missing-why = 設定がないとデーモンは起動せず、ワンタイムパスワードが必要なところでは誰もログインできません。
doctor-settings-refused = { $place }は受け付けられません: { $error }
doctor-settings-refused-why = この設定ではデーモンは起動しません。動いているデーモンは再起動まで以前の設定を使います。
doctor-settings-writable = { $place }は所有者以外も書き込めます（モード{ $mode }）
doctor-settings-writable-why = 書き込める人が、どこでワンタイムパスワードを求めるかを決められます。デーモンはこの設定を受け付けません。
doctor-settings-readable = { $place }は誰でも読めます（モード{ $mode }）
doctor-settings-readable-why = ゲートウェイの共有鍵が書かれています。知られると、ゲートウェイへの応答を偽造されます。デーモンはこの設定を受け付けません。

## PAM services

doctor-pam-skipped = { $place }: 「{ $line }」がワンタイムパスワードを飛ばします（{ $services }）
doctor-pam-skipped-why = このモジュールが成功すると以降の行は実行されず、ワンタイムパスワードなしでログインできます。
doctor-pam-ignored = { $place }: 「{ $line }」は間違ったワンタイムパスワードでもログインを許します（{ $services }）
doctor-pam-ignored-why = この制御語では拒否がログインの結果に反映されません。間違ったワンタイムパスワードも、認証サーバーの無応答も、正しいものと同じに扱われます。
doctor-pam-reset = { $place }: 「{ $line }」がワンタイムパスワードの拒否を取り消します（{ $services }）
doctor-pam-reset-why = 動作「reset」は判定を元に戻すため、拒否も消えます。
doctor-pam-not-asked = { $place }: 設定では{ $service }にワンタイムパスワードが必要ですが、PAMの設定では求めていません
doctor-pam-not-asked-why = 方針は、モジュールが組み込まれているところでだけ効きます。ここではワンタイムパスワードなしでログインできます。
doctor-pam-default-not-asked = { $place }: { $service }はワンタイムパスワードを求めません
doctor-pam-default-not-asked-why = ログインに使われるサービスですが、不要とする設定がありません。意図したものなら、[pam.service.NAME]にcode = "never"と書いてください。
doctor-pam-exempted = { $place }: 「{ $line }」により一部の利用者はワンタイムパスワードを求められません（{ $services }）
doctor-pam-exempted-why = この例外は設定に現れず、監査記録にも残りません。[pam.service]の規則として書いてください。
doctor-pam-account-skipped = { $place }: 「{ $line }」が当モジュールのaccount行を飛ばします（{ $services }）
doctor-pam-account-skipped-why = 無効なアカウントや、交換が必要なトークンが見落とされます。
doctor-pam-password-skipped = { $place }: 「{ $line }」が当モジュールのpassword行を飛ばします（{ $services }）
doctor-pam-password-skipped-why = トークンの利用開始や交換が必要な利用者が、手続きをせずにログインできます。
doctor-pam-others-not-asked = 次のサービスはワンタイムパスワードを求めません: { $services }
doctor-pam-others-not-asked-why = ログインに使われていれば、ワンタイムパスワードなしでログインできます。意図したものなら、[pam.service.NAME]にcode = "never"と書いてください。
doctor-pam-no-account = { $place }: { $service }には当モジュールのauth行がありますが、account行がありません
doctor-pam-no-account-why = 公開鍵ではauthが省かれるため、無効なアカウントでもログインでき、交換や利用開始が必要なトークンも見落とされます。
doctor-pam-no-password = { $place }: 猶予期間が設定されていますが、{ $service }に当モジュールのpassword行がありません
doctor-pam-no-password-why = トークンのない利用者は利用開始のためにログインできますが、手続きを案内されません。
doctor-pam-no-session = { $place }: second-use-secondsが設定されていますが、{ $service }に当モジュールのsession行がありません
doctor-pam-no-session-why = 再利用はログインセッションに結び付きます。session行がないと認証サーバーに伝わらず、毎回ワンタイムパスワードを求められます。
doctor-pam-code-alone = { $place }: { $service }ではワンタイムパスワードだけでログインできます
doctor-pam-code-alone-why = トークンを持つ人は誰でもログインできます。ほかに成功が必要な行がありません。
doctor-pam-option = { $place }: モジュールはオプション{ $option }またはその値を受け付けません
doctor-pam-option-why = オプションに誤りがあると、すべてのログインを拒否します。
doctor-pam-include = { $place }: { $service }が読み込む{ $what }がないか、循環しています
doctor-pam-include-why = PAMはこのサービスを読み込めず、誰もログインできません。
doctor-pam-line = { $place }: { $service }にPAMが理解できない行があります: { $what }
doctor-pam-line-why = PAMはその行、またはサービス全体を失敗として扱います。
doctor-pam-other-open = { $place }は誰でも通します
doctor-pam-other-open-why = 専用のファイルがないサービスはこのファイルを使います。何も確認されません。
doctor-pam-socket-differs = { $place }: モジュールは{ $socket }に問い合わせますが、設定は{ $settings }です
doctor-pam-socket-differs-why = そこに誰もいなければ誰もログインできず、他者がいればワンタイムパスワードが渡ります。
doctor-pam-service-unknown = 設定にあるPAMサービス{ $service }は存在しません
doctor-pam-service-unknown-why = 名前が誤っていると、あるはずの規則が効きません。

## Modules

doctor-module-missing = { $place }の{ $module }がモジュールのフォルダーにありません
doctor-module-missing-why = PAMはこの行を失敗とします。制御語がoptionalか、失敗を無視する場合、ワンタイムパスワードなしでログインできます。
doctor-module-other-missing = { $place }の{ $module }がモジュールのフォルダーにありません
doctor-module-other-missing-why = PAMはこの行を失敗とします。必須の行であれば誰もログインできません。
doctor-module-foreign = { $module }はこの機械のモジュールではありません
doctor-module-foreign-why = PAMは読み込めず、行を失敗とします。誰もログインできないか、optionalならワンタイムパスワードなしで全員がログインできます。
doctor-module-linked = { $module }はlibpam.so.0を使っていません
doctor-module-linked-why = libpamのアーカイブと結合されており、別の複製を使うため正しく動きません。
doctor-module-owner = { $place }の所有者は{ $owner }です
doctor-module-owner-why = 所有者は別のものに置き換えることができ、それがログインのたびにrootとして動きます。
doctor-module-writable = { $place }は所有者以外も書き込めます（モード{ $mode }）
doctor-module-writable-why = 書き込める人は別のものに置き換えることができ、それがログインのたびにrootとして動きます。

## sshd

doctor-sshd-no-pam = { $place }: sshdがPAMを使っていません（{ $setting }）
doctor-sshd-no-pam-why = パスワードと鍵をsshdだけで判定するため、ワンタイムパスワードは求められません。
doctor-sshd-keyboard-interactive-off = { $place }: keyboard-interactiveが無効です（{ $setting }）
doctor-sshd-keyboard-interactive-off-why = sshdでワンタイムパスワードの入力を求める唯一の方式です。鍵だけでログインできるか、まったくログインできません。
doctor-sshd-methods-skip-code = { $place }: keyboard-interactiveを含まない方式の組があります（{ $setting }）
doctor-sshd-methods-skip-code-why = その組でログインすると、ワンタイムパスワードを求められません。
doctor-sshd-keys-alone = { $place }: { $methods }だけでログインできます（{ $setting }）
doctor-sshd-keys-alone-why = AuthenticationMethodsでkeyboard-interactiveも求めない限り、PAMの質問とワンタイムパスワードが省かれます。
doctor-sshd-password-method = { $place }: password方式が有効です（{ $setting }）
doctor-sshd-password-method-why = ワンタイムパスワードの問いにパスワードで答えるため拒否されます。この方式ではログインできず、先に試すクライアントもあります。
doctor-sshd-root-login = { $place }: rootがパスワードでログインできます（{ $setting }）
doctor-sshd-root-login-why = 監査記録にはrootと残り、誰であるかわかりません。

## Verifier, sockets, files

doctor-verifier-silent = 認証サーバーが応答しません: { $error }
doctor-verifier-silent-why = ワンタイムパスワードが必要なところでは誰もログインできません。
doctor-verifier-not-trusted = 認証サーバーのソケットを信頼できません: { $error }
doctor-verifier-not-trusted-why = モジュールはそこへワンタイムパスワードを送らないため、必要なところでは誰もログインできません。
doctor-radiusd-not-running = RADIUSクライアントが設定されていますが、sekisho-radiusdが動いていません
doctor-radiusd-not-running-why = ゲートウェイからは誰もログインできません。
doctor-passwordd-not-running = first-factor = "pam"のRADIUSクライアントがありますが、sekisho-passworddが動いていません
doctor-passwordd-not-running-why = パスワードを判定できず、そのゲートウェイからは誰もログインできません。
doctor-socket-missing = { $place }: ソケットがありません
doctor-socket-missing-why = デーモンが動いていないか、別の場所で待っています。問い合わせる側では誰もログインできません。
doctor-socket-folder-writable = { $place }は所有者以外も書き込めます（モード{ $mode }）
doctor-socket-folder-writable-why = 他者がソケットを置き、ワンタイムパスワードを集めることができます。モジュールはこのフォルダーを受け付けません。
doctor-socket-owner = { $place }の所有者は{ $owner }で、フォルダーの所有者と異なります
doctor-socket-owner-why = モジュールは他者のものかもしれないソケットを受け付けません。
doctor-socket-mode = { $place }に接続できない利用者がいます（モード{ $mode }）
doctor-socket-mode-why = 画面ロックや、グループの利用者のsekishoはrootではないため、認証サーバーに接続できません。
doctor-data-missing = { $place }がありません
doctor-data-missing-why = トークンを保管する場所がなく、認証サーバーは起動しません。
doctor-data-mode = { $place }が他者に開かれています（モード{ $mode }）
doctor-data-mode-why = 封印されたシード、監査記録、場合によってはマスター鍵が入っています。
doctor-data-owner = { $place }の所有者は{ $owner }で、認証サーバーの利用者ではありません
doctor-data-owner-why = 認証サーバーが読み書きできず、所有者は読み書きできます。
doctor-master-key-missing = { $place }がありません
doctor-master-key-missing-why = これがないとシードを開けず、認証サーバーは起動しません。控えを戻してください。新しい鍵では何も開けません。
doctor-master-key-mode = { $place }が他者に開かれているか、通常のファイルではありません（モード{ $mode }）
doctor-master-key-mode-why = これとデータを持つ人は、すべてのシードを読めます。認証サーバーはこの鍵を受け付けません。
doctor-user-missing = 利用者{ $user }がいません
doctor-user-missing-why = この利用者で動くデーモンが起動しません。

## Clock and store

doctor-clock-doubted = 認証サーバーが時計を疑っています
doctor-clock-doubted-why = 時計が正しくなるか、管理者が確認するまで、ワンタイムパスワードを受け付けません。
doctor-clock-off = 時計が{ $ms }ミリ秒ずれています
doctor-clock-off-why = ワンタイムパスワードは時刻から作られます。正しいトークンでも拒否されます。
doctor-clock-not-synchronised = 時計が同期していません
doctor-clock-not-synchronised-why = トークンの時計とずれていき、やがて正しいワンタイムパスワードが拒否されます。
doctor-store-damaged = 記録が{ $records }件壊れています
doctor-store-damaged-why = 壊れた記録は読めず、そのトークンやアカウントは拒否されます。
doctor-disk-nearly-full = データのあるディスクの空きは{ $free } MiBだけです
doctor-disk-nearly-full-why = ログインは許可の前に記録されます。ディスクがいっぱいになると誰もログインできません。
doctor-verifier-warning = 認証サーバーの警告: { $warning }
doctor-verifier-warning-why = sekisho statusをご覧ください。
doctor-accounts-without-token = 利用中のトークンのないアカウントが{ $accounts }件あり、猶予期間もありません
doctor-accounts-without-token-why = ワンタイムパスワードが必要なところでは拒否されます。

## RADIUS clients

doctor-radius-secret-short = { $place }: { $client }の共有鍵は{ $octets }オクテットで、{ $advised }より短いです
doctor-radius-secret-short-why = 通信を一つ見た人が共有鍵を総当たりで探し、許可を偽造できます。
doctor-radius-secret-shared = { $place }: { $client }の共有鍵は{ $other }と同じです
doctor-radius-secret-shared-why = 一方のゲートウェイを手に入れた人が、もう一方への応答を偽造できます。
doctor-radius-message-authenticator-off = { $place }: { $client }はMessage-Authenticatorを省けます（message-authenticator = "{ $value }"）
doctor-radius-message-authenticator-off-why = 経路上の者が拒否を許可に書き換えられます（CVE-2024-3596）。
doctor-radius-message-authenticator-never = { $client }は{ $requests }件の要求を送り、一度もMessage-Authenticatorを付けていません
doctor-radius-message-authenticator-never-why = 経路上の者が拒否を許可に書き換えられます（CVE-2024-3596）。ゲートウェイを更新するか、そちらで有効にしてください。

## People

doctor-group-missing = グループ{ $group }がありません
doctor-group-missing-why = 設定で役割に割り当てられていますが、その役割になれる人がいません。
doctor-group-empty = グループ{ $group }に誰もいません
doctor-group-empty-why = 設定で役割に割り当てられていますが、その役割の人がいません。
doctor-approval-one-person = 二人目の管理者の承認を待つ操作がありますが、{ $group }にはroot以外の人がいません
doctor-approval-one-person-why = 自分の依頼は承認できないため、これらの操作は進みません。
doctor-backup-no-recipients = { $place }にバックアップを読める人が指定されていません
doctor-backup-no-recipients-why = バックアップを作れません。ディスクが壊れると、すべてのトークンを発行し直すことになります。
doctor-grace-running = { $place }: 猶予期間は{ $until }までです
doctor-grace-running-why = それまで、トークンのない利用者はパスワードだけでログインできます。
doctor-grace-over = { $place }: 猶予期間は{ $until }に終わりました
doctor-grace-over-why = この行にはもう効果がありません。
