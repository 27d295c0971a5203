### What is wrong with the arguments, and the frame of help pages.

usage-surplus = 余分な引数があります。ほかの人に見えるため、ワンタイムパスワードや秘密情報は引数に指定できません
usage-surplus-way = --help をご覧ください。ワンタイムパスワードだった場合は、次の表示を待って、求められたときに入力してください
usage-usage = 使い方:
usage-commands = コマンド:
usage-arguments = 引数:
usage-options = オプション:
usage-global = 共通オプション:
usage-choices = [選択肢: { $names }]
usage-default = [省略時: { $value }]
usage-exit-codes =
    終了コード:
       0  完了
       1  失敗: ファイル、端末、または応答の不備
       2  不正: 引数、設定、ファイル、または要求の誤り
       3  該当なし: シリアル番号、アカウント、受付番号などが見つからない
       4  不可: 現在の状態では実行できない、またはすでに存在する
       5  未確認: ワンタイムパスワードが一致しない
       6  権限なし: このユーザーには許可されていない
       7  利用不可: 認証サーバーなどの応答がない、または記録できない
       8  信頼不可: ソケットまたは応答の出どころを確認できない
       9  未切断: 操作は完了したが、ゲートウェイのセッションが続いている
      10  指摘あり: sekisho doctor が問題を見つけた
      11  未承認: 2人目の承認待ち、却下、または期限切れ
      12  確認不可: sekisho doctor が一部を確認できなかった
usage-similar = 似たものがあります: { $names }
usage-see-help = 詳しくは --help をご覧ください。
usage-unknown-argument = 引数 '{ $argument }' は使えません
usage-unknown-command = コマンド '{ $name }' はありません
usage-no-command = コマンドを指定してください
usage-required = 次の引数を指定してください:
usage-twice = '{ $argument }' は一度しか指定できません
usage-conflict = '{ $argument }' と '{ $other }' は同時に指定できません
usage-conflicts = '{ $argument }' は次のものと同時に指定できません:
usage-no-value = '{ $argument }' には値が必要です
usage-wrong-value = '{ $argument }' の値 '{ $value }' が正しくありません
usage-wrong-value-because = { $wrong }: { $cause }
usage-not-utf8 = 引数の文字コードが UTF-8 ではありません
usage-wrong = 引数が正しくありません
usage-not-in-range = { $low }～{ $high }で指定してください
usage-no-number = 整数で指定してください
usage-request-key = 空白を含まない1～64文字の英数字と記号で指定してください
usage-attribute = 名前=値 の形で指定してください。削除は --no-attribute 名前 です
usage-age = 日数（400d）または週数（57w）で、1d以上を指定してください
usage-prefix = 192.0.2.7、192.0.2.0/24、2001:db8::/32 のように指定してください（ネットワークはホスト部を0にします）
usage-time = 2026-11-22、"2026-11-22 09:14"、または12時間前を表す 12h のように指定してください
usage-before-1970 = 1970年以降を指定してください
usage-duration = 分（30m）、時間（24h）、日（7d）のように指定してください
