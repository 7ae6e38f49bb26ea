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
MORE: Final = (
    _text(
        "Dear customer,\n\nYour One Time Password (OTP) for transaction at ACME is 773920. "
        "Do not share.\n",
        "773920",
    ),
    _text(
        "Sign-in attempt detected.\nYour sign-in code is below.\n\n  4 5 1 9 0 2\n\nIP: 203"
        ".0.113.4",
        "451902",
    ),
    _text(
        "Hello,\n\n220 418\n\nThat's your Slack confirmation code. Expires in 24 hours.",
        "220418",
    ),
    _text(
        "Your Instagram code: 84 12 99",
    ),
    _text(
        "Use code 774411 to verify your phone number.",
        "774411",
    ),
    _text(
        "Please verify your email with this 6-digit code: 019283",
        "019283",
    ),
    _text(
        "Verification Code\n\n738291\n\nThis code will expire in 15 minutes. © 2026 Acme, 5"
        "00 Terry Francois Blvd, San Francisco 94158",
        "738291",
    ),
    _text(
        "Your Apple ID Code is: 660021. Don't share it with anyone.",
        "660021",
    ),
    _text(
        "Your Uber code is 4821. Never share this code. Reply STOP ALERTS to unsubscribe.",
        "4821",
    ),
    _text(
        "Microsoft account\nSecurity code\nPlease use the following security code for the M"
        "icrosoft account jo**@example.com.\n\nSecurity code: 5521903",
        "5521903",
    ),
    _text(
        "If you didn't request this code, call 1-800-555-0199. Your code: 883301",
        "883301",
    ),
    _text(
        "Order #20394857 confirmed. Total $1,234.56. Use promo code SPRING2026 next time.",
    ),
    _text(
        "Your password reset PIN is 90210. It expires at 14:30.",
        "90210",
    ),
    _text(
        "Access token: 12345678",
        "12345678",
    ),
    _text(
        "Welcome! Your account number is 12345678 and your customer ID is 554433.",
    ),
    _text(
        "Your parcel 99887766 arrives on 2026-12-01 between 0900 and 1300.",
    ),
    _text(
        "Reset code 5566-7788 valid for 30 min",
        "55667788",
    ),
    _text(
        "To log in, enter 8 8 2 2 1 1",
    ),
    _text(
        "Temporary passcode 3344 for room 1201",
        "3344",
    ),
    _text(
        "The answer is 42424. Not a secret. Code review tomorrow at 1500.",
    ),
    _text(
        "2FA code: 112 358",
        "112358",
    ),
    _text(
        "Login code: 240815. Do not give this code to anyone, even if they say they are fro"
        "m Telegram!\n\nYou can also tap on this link to log in:\nhttps://t.example/login/2"
        "40815",
        "240815",
    ),
    _text(
        "Ihr Code: 556677",
        "556677",
    ),
    _text(
        "ご本人様確認のため、下記の確認コードをご入力ください。\n\n確認コード：902817\n\n※"
        "有効期限は発行から10分です。",
        "902817",
    ),
    _text(
        "【重要】ワンタイムパスワードのお知らせ\n\nワンタイムパスワード\n３９２０１１\n\n株"
        "式会社例 〒150-0002 東京都渋谷区1-2-3 TEL 03-0000-0000",
        "392011",
    ),
    _text(
        "認証コード「7781」を入力してください。このコードは5分間有効です。",
        "7781",
    ),
    _text(
        "お客様の認証コードは、 445 821 です。",
        "445821",
    ),
    _text(
        "暗証番号(4桁): 8291",
        "8291",
    ),
    _text(
        "ご予約番号：20261130 ご来店日：2026/11/30 19:00 人数：4名",
    ),
    _text(
        "お支払い金額 12,800円 取引番号 88112233",
    ),
    _text(
        "注文番号 5589123 の商品を発送しました。お問い合わせ番号：4455 6677 8899",
    ),
    _text(
        "ログイン認証コード:123-456\n有効期限:2026年12月1日 10:30",
        "123456",
    ),
    _text(
        "メールアドレス確認のための認証番号は以下のとおりです。\n \n　４５６７８９",
        "456789",
    ),
    _text(
        "会員番号12345678の山田様\n暗証番号の変更を受け付けました。",
    ),
    _text(
        "1234 is your code",
        "1234",
    ),
    _text(
        "Code: 2025",
        "2025",
    ),
    _text(
        "Your code for 2026 is ready. See you in 2027!",
    ),
    _text(
        "Flight AB1234 code share LH5678 booking ref 445566",
    ),
    _text(
        "Verification code: AB12CD",
    ),
    _text(
        "Error 404040: code not found",
    ),
    _text(
        "PIN code of Tokyo office area: postal code 1500002",
    ),
    _text(
        "Use this code within 900 seconds: 331 204",
        "331204",
    ),
    _text(
        "Enter verification code 6 digits: 120399",
        "120399",
    ),
    _text(
        "Your number is 556644. Thanks for calling.",
    ),
    _text(
        "Hi Sam,\n\nThanks for signing up to Example! Please use the code below to confirm "
        "your email.\n\n715 204\n\nCheers,\nThe Example team\n12 Market St, London",
        "715204",
    ),
    _text(
        "Your one-time passcode for signing in to the Billing portal is 99120345.",
        "99120345",
    ),
    _text(
        "Someone tried to log in from Paris at 18:22 on 30/11/2026. If it was you, enter 4409.",
    ),
    _text(
        "PIN 7788\nRoom 4021\nGate 1200",
        "7788",
    ),
    _text(
        "Amount: 4999 INR. OTP is 611204. Valid for 3 mins.",
        "611204",
    ),
    _text(
        "611204 is your OTP for INR 4999 at Store 2210.",
        "611204",
    ),
    _text(
        "Confirm subscription: reply with code 8080 to 55512.",
        "8080",
    ),
    _text(
        "Security notice\n\nA new key was added. Reference 20261130-4471.",
    ),
    _text(
        "Your backup codes:\n1122 3344\n5566 7788",
        "11223344",
        "55667788",
    ),
    _text(
        "Enter this code:\n\n|  309118  |\n\nor open https://x.example/c/309118",
        "309118",
    ),
    _text(
        "The last four digits of your card are 9921. Your code is 550011.",
        "550011",
    ),
    _text(
        "Case 5512345 updated. Verification pending since 2024.",
    ),
    _text(
        "Please find invoice 2026-1130 attached. PO 4500012345.",
    ),
    _text(
        "Kod: 5599",
    ),
    _text(
        "Your verification code for account 40021 is 773300",
        "773300",
    ),
    _text(
        "Welcome to ACME! Your temporary PIN code: 0007",
        "0007",
    ),
    _text(
        "Your Google Account verification code: 381 902. Learn more: support 650-253-0000.",
        "381902",
    ),
    _text(
        "セキュリティコード 5512 は、10:30まで有効です。お問い合わせ番号 7788-1234",
        "5512",
    ),
    _text(
        "2段階認証\n確認コード\n\n112233\n\n第2026号",
        "112233",
    ),
    _text(
        "認証用コード: 771 002\n発行日 2026/11/30\n注文 99001122",
        "771002",
    ),
    _text(
        "商品番号 445566 は 2000円です。",
    ),
    _text(
        "パスワード再設定用のコードは「８８１１２２」です。",
        "881122",
    ),
    _text(
        "本人確認のため、6桁の数字 402918 を入力してください。",
    ),
    _text(
        "アクセスコード（有効期限：2026年12月31日）：66778899",
        "66778899",
    ),
    _text(
        "受付番号：12345678\n認証コード：4433",
        "4433",
    ),
)
"""Written after the words and rules, to see how these do with what they were not made for."""
