"""What the dialogue of a log shows: the order of its lines, and the format of what was sent."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from gatepost.diagnosis.causes import conclude
from gatepost.diagnosis.remedies.catalog import LIBRARIES
from gatepost.diagnosis.reply_quotes import command_of, quote_envelope, quote_reply
from gatepost.diagnosis.rules.auth_attempts import was_judged
from gatepost.model.evidence import AuthAttempt, Evidence, ResponseFormat
from gatepost.model.finding import Finding

_WRAPPED_AT: Final = frozenset({60, 64, 72, 76, 78})
"""Lengths at which encoders break lines: Perl and openssl enc, Ruby, PHP's chunk_split."""
SHORTEST_CUT: Final = 48
"""No encoder breaks shorter lines."""
_EXOTIC: Final = frozenset({"NTLM", "GSSAPI", "GSS-SPNEGO", "EXTERNAL", "KERBEROS_V4"})
"""Mechanisms that do not use a plain password."""
_LONG_LINE: Final = 500
_MECHANISM_REFUSALS: Final = frozenset({500, 501, 502, 503, 504, 535, 538, 550, 553})


def base64_line_wrapped(seen: Evidence) -> Finding | None:
    """A response came on several lines, or ends where encoders break lines."""
    responses = [pair for pair in _responses(seen) if pair[0].reply.code != 235]
    for attempt, response in responses:
        if response.lines > 1:
            proof = f"the response to {command_of(attempt)} came on {response.lines} lines"
            return conclude("base64_line_wrapped", "certain", proof)
    for attempt, response in responses:
        if response.secret is not None and attempt.accepted:
            continue
        if response.octets in _WRAPPED_AT and response.form == "base64":
            proof = f"the response to {command_of(attempt)} ends after {response.octets} octets"
            return conclude("base64_line_wrapped", "possible", proof)
    return None


def wrapped_answers(seen: Evidence) -> Finding | None:
    """The client sent more responses than LOGIN has prompts, or than PLAIN's one."""
    for attempt in seen.attempts:
        expected = {"PLAIN": 1, "XOAUTH2": 2, "LOGIN": 2}.get(attempt.mechanism)
        sent = [each for each in attempt.responses if each.form != "cancel"]
        if (
            expected is not None
            and len(sent) > expected
            and any(each.octets in _WRAPPED_AT for each in sent)
        ):
            cut = next(each.octets for each in sent if each.octets in _WRAPPED_AT)
            proof = (
                f"{command_of(attempt)} was answered with {len(sent)} lines",
                f"one of them has {cut} octets, where encoders break lines",
            )
            return conclude("base64_line_wrapped", "certain", *proof)
    return None


def credentials_not_base64(seen: Evidence) -> Finding | None:
    """A response is not base64, or is base64 of base64."""
    for attempt, response in _responses(seen):
        if response.form in ("not_base64", "twice_base64") and attempt.reply.code != 235:
            how = "is not base64" if response.form == "not_base64" else "is base64 of base64"
            proof = f"what the client sent for {command_of(attempt)} {how}"
            return conclude("credentials_not_base64", "certain", proof)
    return None


def blank_at_the_edge(seen: Evidence) -> Finding | None:
    """User name or password was sent with white space or a line end at its edge, and refused."""
    for attempt, response in _responses(seen):
        if attempt.reply.code < 400:
            continue
        what = "user name" if response.username_form == "edge_blank" else "password"
        if what == "user name" or (response.secret is not None and response.secret.edge_blank):
            proof = (
                f"the {what} in AUTH {attempt.mechanism} begins or ends with a space or a line end",
                quote_reply(attempt),
            )
            return conclude("credential_mangled_by_config", "likely", *proof)
    return None


def empty_credentials(seen: Evidence) -> Finding | None:
    """User name and password are both empty: an unwanted login."""
    for attempt, response in _responses(seen):
        secret = response.secret
        if secret is None or secret.length or attempt.reply.code < 400:
            continue
        proof = f"{command_of(attempt)} contained an empty password"
        if any(each.username_form == "empty" for each in attempt.responses):
            both = f"{command_of(attempt)} contained an empty user name and password"
            return conclude("unwanted_auth_attempt", "certain", both)
        return conclude("empty_password_sent", "certain", proof)
    return None


_DAMAGES: Final = {
    "placeholder": "looks like a variable or a placeholder that nobody has replaced",
    "assignment": "looks like a whole line NAME=VALUE",
    "quoted": "is enclosed in quotation marks",
}
"""Values sent as a secret by mistake, by their format."""


def damaged_secret(seen: Evidence) -> Finding | None:
    """The password is a word such as "null", or a part of a configuration."""
    for attempt, response in _responses(seen):
        shape = response.secret
        if shape is None or attempt.reply.code < 400:
            continue
        if shape.kind == "nothing":
            proof = f"the password sent for {command_of(attempt)} is a word for none, such as null"
            return conclude("credentials_missing", "certain", proof)
        damage = _DAMAGES.get(shape.kind)
        if damage:
            proof = f"the password sent for {command_of(attempt)} {damage}"
            return conclude("credential_mangled_by_config", "certain", proof)
    return None


def authzid(seen: Evidence) -> Finding | None:
    """PLAIN with an authorization identity was refused."""
    for attempt, response in _responses(seen):
        if not response.authzid or attempt.reply.code < 400:
            continue
        proof = (
            "the first field of the PLAIN response, whom to act as, is not empty",
            f"AUTH PLAIN was answered {attempt.reply}",
        )
        others = [name for name in seen.offered if name != "PLAIN"]
        if others and "authori" not in attempt.reply.text.lower():
            listed = f"listed, too: {' '.join(others)}"
            return conclude("mechanism_advertised_but_broken", "certain", *proof, listed)
        return conclude("authzid_not_permitted", "certain", *proof)
    return None


def authzid_beside(seen: Evidence) -> Finding | None:
    """The same refusal: a second, less certain finding about the identity itself."""
    for attempt, response in _responses(seen):
        if response.authzid and attempt.reply.code >= 400:
            proof = "the first field of the PLAIN response, whom to act as, is not empty"
            return conclude("authzid_not_permitted", "likely", proof)
    return None


def auth_command_too_long(seen: Evidence) -> Finding | None:
    """A long response on the AUTH line got a syntax error."""
    for attempt, response in _responses(seen):
        long = response.octets > _LONG_LINE and attempt.form == "initial"
        if long and attempt.reply.code in (500, 501, 555):
            proof = (
                f"the response on the AUTH line has {response.octets} octets",
                quote_reply(attempt),
            )
            return conclude("auth_command_too_long", "certain", *proof)
    return None


def client_sasl_bug(seen: Evidence) -> Finding | None:
    """The client cancelled the exchange."""
    for attempt in seen.attempts:
        if attempt.cancelled:
            proof = f"the client cancelled {command_of(attempt)} with *"
            return conclude("client_sasl_bug", "likely", proof)
    return None


def initial_response_required(seen: Evidence) -> Finding | None:
    """AUTH PLAIN without a response was refused, although PLAIN is listed."""
    for attempt in seen.attempts:
        bare = attempt.mechanism == "PLAIN" and attempt.form == "bare" and not attempt.accepted
        bare = bare and "generic failure" not in attempt.reply.text.lower()
        if bare and "PLAIN" in seen.offered and attempt.reply.code in (535, 501, 500):
            proof = f"EHLO lists PLAIN, yet AUTH PLAIN alone was answered {attempt.reply}"
            return conclude("initial_response_required", "certain", proof)
    return None


def login_initial_response(seen: Evidence) -> Finding | None:
    """AUTH LOGIN with the user name on its line got neither 334 nor 535."""
    for attempt in seen.attempts:
        at_once = attempt.mechanism == "LOGIN" and attempt.form == "initial"
        if at_once and not attempt.accepted and attempt.reply.code in (500, 501, 502, 504, 550):
            if seen.offered and "LOGIN" not in seen.offered:
                return None
            proof = f"AUTH LOGIN with the user name on its line was answered {attempt.reply}"
            return conclude("login_initial_response_rejected", "likely", proof)
    return None


def login_initial_response_unread(seen: Evidence) -> Finding | None:
    """The server prompts for the user name although it came with the AUTH command."""
    for sent, answer in pairwise(seen.transcript):
        with_name = sent.speaker == "C" and re.match(r"(?i)AUTH LOGIN \S", sent.text)
        if with_name and answer.speaker == "S" and _ASKS_FOR_NAME.match(answer.text):
            proof = "AUTH LOGIN had the user name on its line, and the server asks for it again"
            return conclude("login_initial_response_rejected", "certain", proof)
    return None


_ASKS_FOR_NAME: Final = re.compile(r"334[ -](?:VXNlcm|dXNlcm|VVNFUk)")
"""The base64 of ``User``, ``user`` and ``USER``."""


def client_skipped_ehlo(seen: Evidence) -> Finding | None:
    """The client sent only HELO; AUTH is then unknown, or mail is refused without it."""
    verbs = [line.split(" ")[0].upper() for line in seen.client_lines]
    if "EHLO" in verbs or "LHLO" in verbs or not verbs:
        return None
    has_refusal = any(re.match(r"[45]\d\d", line.text) for line in seen.transcript)
    hello_refused = any(
        hello.value is not None and not hello.value.reply.is_success
        for hello in (seen.in_clear, seen.over_tls)
    )
    if not has_refusal or hello_refused or not ({"HELO"} & set(verbs)):
        return None
    return conclude("client_skipped_ehlo", "certain", "the client says HELO, never EHLO")


def client_no_ehlo_after_starttls(seen: Evidence) -> Finding | None:
    """The next command after STARTTLS is not EHLO."""
    lines = [text for text in seen.client_lines if not text.startswith("[")]
    verbs = [text.split(" ")[0].upper() for text in lines]
    if "STARTTLS" not in verbs or seen.starttls.value is None:
        return None
    after = verbs[verbs.index("STARTTLS") + 1 :]
    if not after or after[0] in ("EHLO", "HELO", "QUIT") or not seen.starttls.value.is_success:
        return None
    return conclude(
        "client_no_ehlo_after_starttls", "certain", f"after STARTTLS the client says {after[0]}"
    )


def ehlo_after_auth(seen: Evidence) -> Finding | None:
    """EHLO came between the login and a refusal of mail for lack of a login."""
    signed_in = greeted = False
    for line in seen.transcript:
        if line.speaker == "S" and line.text.startswith("235"):
            signed_in = True
        elif signed_in and line.speaker == "C" and line.text.upper().startswith(("EHLO", "HELO")):
            greeted = True
        elif greeted and line.speaker == "S" and re.match(r"5(?:0[23]|30|50|54)", line.text):
            proof = ("EHLO follows the 235 of the login", f"then came {line.text}")
            return conclude("ehlo_after_auth_resets_session", "certain", *proof)
    return None


def client_reply_desync(seen: Evidence) -> Finding | None:
    """The client sent a command before a multi-line reply was complete."""
    open_reply, interrupted = "", 0
    for line in seen.transcript:
        if line.speaker == "C":
            interrupted += bool(open_reply)
        elif re.match(r"\d{3}-", line.text):
            open_reply = line.text[:3]
        else:
            open_reply = ""
        if interrupted > 1:
            proof = "commands of the client stand between the lines of one reply"
            return conclude("client_reply_desync", "certain", proof)
    return None


def client_ehlo_parse_bug(seen: Evidence) -> Finding | None:
    """EHLO lists AUTH, but the client says that it does not."""
    words = ("not support auth", "auth extension not supported", "doesn't support auth",
             "not support smtp auth", "did not advertise auth")  # fmt: skip
    remark = next((r for r in seen.remarks if any(w in r.lower() for w in words)), "")
    if not remark or not seen.offered or "authentication method" in remark:
        return None
    listed = seen.last_ehlo
    if listed is None or (seen.over_tls.value is None and seen.offers_starttls):
        return None
    proof = (f"EHLO lists AUTH {' '.join(seen.offered)}", f'the client says "{remark[:200]}"')
    return conclude("client_ehlo_parse_bug", "likely", *proof)


def sender_faults(seen: Evidence) -> Finding | None:
    """MAIL FROM is empty or not an address."""
    command = seen.mail.value
    if command is None:
        return None
    replies = (*(each.reply for each in seen.envelope), seen.content.value)
    refusal = next((each for each in replies if each and each.code >= 400), None)
    if refusal is None:
        return None
    if not command.argument:
        proof = ("MAIL FROM is empty", f"the server answered {refusal}")
        at_once = not command.reply.is_success
        return conclude("envelope_sender_missing", "certain" if at_once else "likely", *proof)
    if "@" not in command.argument and not command.reply.is_success:
        proof = (f"MAIL FROM:<{command.argument}> is not an address", f"it was answered {refusal}")
        return conclude("account_name_used_as_sender", "certain", *proof)
    return None


def another_identity(seen: Evidence) -> Finding | None:
    """The user name in XOAUTH2 is not the user of the token, and the login is refused."""
    for attempt, response in _responses(seen):
        if response.identity_differs and attempt.reply.code >= 400:
            proof = "user= is not the user of the token", quote_reply(attempt)
            return conclude("oauth_wrong_identity", "certain", *proof)
    return None


def auth_not_performed(seen: Evidence) -> Finding | None:
    """AUTH is offered but not used, and mail is refused."""
    if seen.attempts or not seen.offered or not seen.transcript:
        return None
    for command, quotation in quote_envelope(seen):
        if command.reply.code not in (530, 550, 553, 554, 503, 535, 571):
            continue
        if command.tls is False and re.search(
            r"tls|ssl|encrypt", command.reply.text, re.IGNORECASE
        ):
            return None
        offer = f"EHLO offers AUTH {' '.join(seen.offered)}, and no AUTH follows"
        return conclude("auth_not_performed", "certain", offer, quotation)
    return None


def foreign_mechanism(seen: Evidence) -> Finding | None:
    """The client uses a mechanism that the last EHLO does not list."""
    for attempt in seen.attempts:
        listed = seen.offered_over_tls if attempt.tls else seen.offered_in_clear
        listed = listed or seen.offered
        if not attempt.mechanism or not listed or attempt.mechanism in listed or attempt.accepted:
            continue
        if was_judged(seen, attempt):
            continue
        if attempt.reply.code in _MECHANISM_REFUSALS:
            library = LIBRARIES.get(seen.client.library)
            exotic = set(listed) <= _EXOTIC and not (library and library.could_use(listed))
            proof = (
                f"EHLO offers AUTH {' '.join(listed)}",
                quote_reply(attempt),
            )
            id_ = "client_lacks_mechanism" if exotic else "mechanism_not_offered"
            return conclude(id_, "certain", *proof)
    return None


def _responses(seen: Evidence) -> Iterator[tuple[AuthAttempt, ResponseFormat]]:
    for attempt in seen.attempts:
        for response in attempt.responses:
            yield attempt, response


RULES: Final = (
    base64_line_wrapped, wrapped_answers, credentials_not_base64, blank_at_the_edge,
    empty_credentials, damaged_secret, authzid, authzid_beside, auth_command_too_long,
    client_sasl_bug, initial_response_required, login_initial_response_unread,
    login_initial_response, client_skipped_ehlo, client_no_ehlo_after_starttls, ehlo_after_auth,
    client_reply_desync, client_ehlo_parse_bug, sender_faults, another_identity,
    auth_not_performed, foreign_mechanism,
)  # fmt: skip
