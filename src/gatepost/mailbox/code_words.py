"""The words that tell a one-time code from other numbers, in English and Japanese.

Lines are compared in NFKC and lower case.
"""

import re
from typing import Final


def _words(text: str) -> tuple[str, ...]:
    return tuple([each.strip() for each in text.split(" /")])


_NAMES: Final = _words(r"""
    one[- ]?time (?:pass(?:word|code)|pin|code|key)s? / otps? / pass ?codes? / tan /
    pin(?: ?(?:code|number)s?)? / (?:2fa|mfa|totp)(?: codes?)? / codes? / temporary password /
    verification (?:number|key|digits) / security (?:number|key) /
    (?:(?:access|auth|login|security|verification) )?tokens? /
    認証コード / 認証番号 / 認証キー / 確認コード / 確認番号 / 検証コード /
    ワンタイムパスワード / ワンタイムコード / ワンタイムパスコード / 使い捨てパスワード /
    暗証番号 / パスコード / セキュリティコード / セキュリティーコード / ログインコード /
    アクセスコード / 本人確認コード / 承認コード / 照合コード / 登録コード / 照合番号 / コード
""")
"""What a code is called."""
_OTHER_CODES: Final = _words(r"""
    activity / airport / area / bank / bar / billing / booking / branch / build / building /
    class / country / coupon / currency / customer / delivery / dial / dialing / dialling /
    discount / dress / employee / error / exit / gift / gift card / hs / http / invoice / item /
    offer / order / parcel / penal / pickup / post / postal / product / project / promo /
    promotion / promotional / qr / redemption / reference / referral / response / return /
    reservation / sort / source / status / store / swift / tax / tracking / vat / voucher / zip
""")
"""What stands before ``code`` when it is another."""
_OTHERS: Final = _words(r"""
    codes? ?(?:of conduct|reviews?|bases?|coverage|freezes?|samples?|snippets?|names?) /
    orders? / invoices? / tickets? / cases? / accounts? / customers? /
    members?(?:hip)? / booking / reservation / tracking / transaction / receipt / shipments? /
    parcel / ref(?:erence)? / ids? / serial / model / version / build / release / rfc / port /
    room / suite / apartment / flight / train / gate / po box / box / policy / claim /
    contract / phone / telephone / tel / fax / mobile / cell / call(?: us)? / hotline /
    helpline / sms to / text us / extension / ext / whatsapp / zip / copyright / since / est /
    established / founded / year / total / amount / balance / price / fee / sum /
    ending (?:in|with|on) / ends (?:in|with) / last (?:four|4)(?: digits)? /
    digits? of your card / card / iban / bic / vat / tax / registered / registration / company /
    license / licence / issue / pull request / bug / job / pid / process / line / page / error /
    quantity / qty / sku / item / product / part / vol / volume / no / nr / number / 注文番号 /
    ご注文番号 / 注文 / 郵便番号 / 電話番号 / 電話 / fax番号 / 伝票番号 / 予約番号 / 会員番号 /
    顧客番号 / お客様番号 / 商品番号 / 商品コード / クーポンコード / エラーコード /
    問い合わせ番号 / 問合せ番号 / 受付番号 / 管理番号 / 追跡番号 / 口座番号 / 請求番号 /
    請求書番号 / 店舗コード / 支店番号 / 支店コード / 銀行コード / 金融機関コード / 郵便コード /
    国コード / 招待コード / プロモーションコード / 割引コード / 取引番号 / 参照番号 /
    シリアル番号 / 便名 / カード番号 / 下4桁 / 末尾 / 社員番号 / 学籍番号 / 登録番号 /
    許可番号 / 免許 / お問い合わせ先 / フリーダイヤル / 内線 / 号 / 版 / バージョン / 整理番号 /
    案件番号 / 契約番号 / 番号 / qrコード / バーコード / ソースコード / ステータスコード /
    製品コード / 合計 / 金額 / 残高
""")
"""What other numbers are called."""
_UNITS: Final = _words(r"""
    s(?:ec(?:ond)?s?)? / m(?:in(?:ute)?s?)? / h(?:(?:ou)?rs?)? / d(?:ays?)? / weeks? / months? /
    years? / am / pm / utc / gmt / jst / est / pst / cet / usd / eur / gbp / jpy / yen /
    dollars? / euros? / pounds? / cents? / points? / items? / people / users? / members? /
    customers? / times? / characters? / digits? / bytes? / [kmgt]i?b / km / mi(?:les)? / kg /
    lbs? / [kc]?m / percent / messages? / emails? / requests? / attempts? / steps? / calories /
    votes? / views? / reviews? / pages? /
    (?:\w+ ){1,2}(?:street|st|avenue|ave|road|rd|lane|boulevard|blvd|drive|way|square|court)
""")
"""What stands behind a number of something, as a word of its own."""
_COUNTERS: Final = "円年月日時分秒週間号番人件個名回点歳階台本枚冊社度室頁桁種店番条丁倍匹杯軒"
"""What stands behind a number of something in Japanese, without a blank."""
_LONG_COUNTERS: Final = _words(r"""
    ポイント / 文字 / ページ / バイト / ドル / ユーロ / ヶ月 / か月 / メートル
""")

_OTHER_CODE: Final = rf"(?:{'|'.join(_OTHER_CODES)})[- ]?codes?"
_ASCII: Final = r"[a-z0-9]"


def _any_of(words: tuple[str, ...]) -> str:
    """Return an expression for these words; Latin ones are not parts of others."""
    latin = "|".join(each for each in words if each[:1].isascii())
    others = "|".join(each for each in words if not each[:1].isascii())
    return rf"(?<!{_ASCII})(?:{latin})(?!{_ASCII})" + (f"|{others}" if others else "")


LABEL: Final = re.compile(
    rf"(?P<other>{_any_of((_OTHER_CODE, *_OTHERS))})|(?P<code>{_any_of(_NAMES)})"
)
"""What a number may be called; the first of two names at a place counts."""
UNIT: Final = re.compile(rf"[ -]?(?:{_any_of(_UNITS)})")
COUNTER: Final = re.compile(rf"\s?(?:[{_COUNTERS}]|{'|'.join(_LONG_COUNTERS)}|[%‰°€£$¥₩])")
CURRENCY: Final = re.compile(
    r"(?:[$€£¥₩₹#№]|(?<![a-z])(?:usd|eur|gbp|jpy|chf|aud|cad|inr|sgd|cny|krw|rs|us\$)\.?)\s?\Z"
)
IMPERATIVE: Final = re.compile(
    r"(?:use|enter|type|type in|input|insert|provide|submit)(?: (?:the|this|these))?"
    r"(?: (?:number|digits))?\s?[:：]?\s?[\"'“‘「*]*\Z"
)
"""What stands before a code that is not called one."""
PURPOSE: Final = re.compile(
    r"[\"'”’」*]*\s?(?:to|and|when|in order to|for)\b[^.!?]{0,40}"
    r"(?:sign|log|verify|verif|confirm|authenticat|continu|complete|finish|reset|activat|access)"
)
"""What stands behind it then."""
DIRECT: Final = re.compile(
    r"[\s:：]*+(?:(?:is|are|was|=|->|→|は|が|-|–|—|to|below|follows)[\s:：]*+){0,3}"
    r"[\"'“‘「『【\[(<*_]*+\s*\Z"
)
"""What may stand between a name and the number that it names."""

JOIN: Final = re.compile(r"\s?(?:,|/|&|and|or|、|と|または|・)\s?")
"""What stands between two codes."""
VERB: Final = re.compile(r"\s?(?:is|:|=|は|の)[\s:]*")
"""What stands between something's number and its code."""
ENDS_WITH_VERB: Final = re.compile(r"(?:\bis|[:：=は])\s?\Z")
"""What stands before a number that is named at the beginning of its sentence."""
TIME: Final = re.compile(r"\b(?:at|by|until|before|after|from|between)\s?\Z")
"""What stands before a time of day without a colon."""
