"""Mails with and without one-time codes, in English and Japanese, written for these tests.

Each is (subject, text, HTML, codes in them).
"""

from typing import Final

CodeMail = tuple[str, str, str, tuple[str, ...]]


def _text(text: str, *codes: str, subject: str = "Hello") -> CodeMail:
    return subject, text, "", codes


def _html(html: str, *codes: str, subject: str = "Hello") -> CodeMail:
    return subject, "", html, codes


ENGLISH: Final = (
    _text("Your verification code is 482913.", "482913"),
    _text("Your verification code is: 482 913", "482913"),
    _text("Hi Ann,\n\nYour login code:\n\n    771204\n\nIt expires in 10 minutes.\n", "771204"),
    _text("Use 9031 as your one-time password for Acme.", "9031"),
    _text("904417 is your Acme security code. Don't share it.", "904417"),
    _text("G-553102 is your Example verification code.", "553102"),
    _text("Enter 660019 to sign in. If this was not you, ignore this mail.", "660019"),
    _text("OTP: 8823-1190 (valid 5 minutes)", "88231190"),
    _text("Your PIN: 4471", "4471"),
    _text("Confirmation code\n-----------------\n339 201\n\nThanks!", "339201"),
    _text("Here's the passcode you asked for: 12349876", "12349876"),
    _text("PASSCODE = 55012", "55012"),
    _text("Your temporary password is 60606060. Change it soon.", "60606060"),
    _text("To confirm your address, type in this code: 1190 4423", "11904423"),
    _text("Your two-factor code is *271828*", "271828"),
    _text("A request from 203.0.113.9.\nCode: 314159\nTime: 12:30 UTC, 30 Nov 2026",
          "314159"),
    _text("Hi Ann! 246810 is the code for ann@example.com. Order 99887766 stays open.", "246810"),
    _text("Your access code for order 77665544 is 102938.", "102938"),
    _text("Please enter the following code to verify your email address:\n\n0042\n", "0042"),
    _text("> Your code\n> 567 890\n\nfoo 2026", "567890"),
    _text("Security code for your login: 3141-5926\nNever give it to anybody who calls you.",
          "31415926"),
    _text("", "778899", subject="778899 is your Example code"),
    _text("See above.", "665544", subject="Your verification code: 665544"),
    _text("Your code is 121212\n\n(If the code 121212 has expired, ask for a new one.)", "121212"),
    _text("Device code: 909 808\nCall us at +1 555 010 9999 with questions.", "909808"),
    _text("1 3 5 7 9 1\nis your verification code", "135791"),
    _text("Authentication code:\n\n\n7 0 7 1 2 3\n", "707123"),
    _text("Your verification codes: 111222 and 333444", "111222", "333444"),
    _text("The code “864209” unlocks your account for 15 minutes.", "864209"),
    _text("Code — 515253 — expires 2026-12-01.", "515253"),
    _html("<h1>Verify your email</h1><p>Your code is</p><p style='font-size:40px'>908172</p>",
          "908172"),
    _html("<table><tr><td>Verification code</td><td><b>443 556</b></td></tr></table>", "443556"),
    _html("<p>Hi</p><div>Use this one-time code:</div><div><span>2</span><span>9</span>"
          "<span>1</span><span>8</span></div>", "2918"),
    _html("<p>Your <b>PIN</b> is&nbsp;<code>8080</code></p>", "8080"),
    _html("<a href='https://x.example/v?code=999111'>Verify</a> or enter code <b>222111</b>",
          "222111"),
)  # fmt: skip
JAPANESE: Final = (
    _text("認証コード：123987", "123987"),
    _text("認証コードは 445566 です。10分以内に入力してください。", "445566"),
    _text("確認コード\n\n　７８９０１２\n\n有効期限は30分です。", "789012"),
    _text("ワンタイムパスワード: 4821-9933", "48219933"),
    _text("あなたの暗証番号は「3355」です。", "3355"),
    _text("ログイン用の6桁のコードは 918273 です。", "918273"),
    _text("山田様\n\n以下の認証コードを入力してください。\n【 556677 】\n\n2026年11月", "556677"),
    _text("セキュリティコード：0099\nお電話は 03-1234-5678 まで。", "0099"),
    _text("本文をご覧ください。", "778812", subject="【例】認証コード 778812"),
    _text("パスコード　１２３　４５６", "123456"),
    _text("認証番号[665501]を画面に入力してください。", "665501"),
    _text("ご注文番号 12345678 の確認コードは 9988 です。", "9988"),
    _text("検証コード\n--------\n102030\n--------", "102030"),
    _text("アカウント登録を完了するには、次の確認コードを入力してください：\n8412", "8412"),
    _text("二段階認証コード 334455（有効時間 300秒）", "334455"),
    _html("<p>ワンタイムパスワード</p><p><strong>730519</strong></p><p>有効期間は5分間です</p>",
          "730519"),
    _html("<table><tr><td>認証コード</td><td>６６１２</td></tr></table>", "6612"),
)  # fmt: skip
DECOYS: Final = (
    _text("Thank you for order 12345678. It ships on 30 November 2026.", subject="Order 12345678"),
    _text("© 2026 Example Inc., 1234 Main Street, Springfield 62704"),
    _text("Your invoice 20261130 over $1499.00 is due 2026-12-31."),
    _text("Total: 12500 yen. Balance: EUR 4500"),
    _text("Meeting at 1530 UTC on 12/01/2026, room 4021."),
    _text("Call us: 555-1234 or +44 20 7946 0958."),
    _text("Your promo code SAVE2026 gives 2000 points. Discount code: 445566"),
    _text("Error code 500123 in build 20451. Exit code 1370."),
    _text("Zip code 94105, area code 4155."),
    _text("Click https://x.example/verify?code=123456 to verify. The code is in the link."),
    _text("Your code expires in 1440 minutes."),
    _text("Your code was sent to the phone ending in 4821."),
    _text("Tracking number 9400 1000 and reference 55667788"),
    _text("We review code every day. Version 4.2.1, commit 1234567a, since 1998."),
    _text("Code of conduct 2026: see page 1234."),
    _text("4000 people use our code. 1200 users signed in."),
    _text("Card 4111 1111 1111 1111 was charged. Verification code is not needed."),
    _text("Ticket #482913 was closed", subject="[Ticket #482913] closed"),
    _text("Your flight 7788, gate 1204, seat 12A, booking code 557799."),
    _text("Sign in from a new device on Nov 30, 2026 at 12:30. IP 192.0.2.1, port 50123."),
    _text("The verification code must have 4 to 8 digits.\nAbout 15000 were sent in 2025."),
    _text("Account 00112233: your statement for 2026/11. Customer no. 5566778."),
    _text("Your QR code is attached. Ticket 334455."),
    _text("ご注文番号: 12345678\nお問い合わせ番号: 4455-6677", subject="ご注文 12345678"),
    _text("2026年11月30日 12時30分に 1500円 のお支払いがありました。"),
    _text("電話番号 03-1234-5678、郵便番号 100-0001、会員番号 556677。"),
    _text("クーポンコード 778899 で 2000ポイント。"),
    _text("認証コードの有効期限は 1440分 です。"),
    _text("エラーコード 500123 が発生しました。受付番号 998877"),
    _text("商品コード 4901234、伝票番号 5566-7788"),
    _html("<p>Your receipt</p><table><tr><td>Order</td><td>556677</td></tr>"
          "<tr><td>Total</td><td>1234 JPY</td></tr></table>"),
    _html("<style>.code{width:1234px}</style><p>Thanks for joining in 2026!</p>"),
    _html("<a href='https://x.example/code/482913'>Show my code</a><img alt='2026'>"),
)  # fmt: skip
