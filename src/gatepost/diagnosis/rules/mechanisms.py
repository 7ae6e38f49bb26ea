"""AUTH: the mechanisms that client and server can use, and the format of the exchange."""

import re
from typing import Final

from gatepost.diagnosis.causes import conclude
from gatepost.diagnosis.remedies.catalog import LIBRARIES
from gatepost.diagnosis.reply_quotes import quote_reply
from gatepost.diagnosis.rules.auth_attempts import (
    UNSUPPORTED,
    WRONG_SECRET,
    mechanisms_for,
    was_broken_off,
    was_judged,
)
from gatepost.model.evidence import AuthAttempt, Evidence
from gatepost.model.finding import Finding
from gatepost.model.reply import Reply

_NOT_THIS: Final = frozenset({500, 501, 502, 503, 504})
"""The command is refused, whatever the secret is (RFC 4954 4)."""
_NOT_KNOWN: Final = frozenset({504})
"""The mechanism is not known (RFC 4954 4), in any form."""
_SOMETHING_ELSE: Final = re.compile(r"too long|\(\w*(error|exception)\)", re.IGNORECASE)
"""A refusal that is not about the mechanism, such as an exception in the server."""
_NAME_JUDGED: Final = re.compile(r"invalid user ?name", re.IGNORECASE)
"""The server read the name on the line, and does not like it."""


def mechanism_not_offered(seen: Evidence) -> Finding | None:
    """The client uses a mechanism that EHLO does not list, such as PLAIN where only LOGIN is."""
    unlisted = _unlisted(seen)
    library = LIBRARIES.get(seen.client.library)
    if unlisted is None or (library and not library.could_use(seen.offered)):
        return None
    client = library.title if library else "The client"
    if seen.login.value is not None and not unlisted and not library:
        return _no_password_mechanism(seen)
    instead = library.could_use(seen.offered) if library else seen.offered[0]
    return conclude(
        "mechanism_not_offered",
        "certain",
        *_offer(seen),
        *_answers(seen, unlisted),
        summary=f"{client} {_signs_in_with(unlisted)}; the server offers {' '.join(seen.offered)}.",
        fix=f"Make the client sign in with {instead}.",
    )


def client_lacks_mechanism(seen: Evidence) -> Finding | None:
    """Client and server have no mechanism in common, however the client is set."""
    unlisted = _unlisted(seen)
    library = LIBRARIES.get(seen.client.library)
    if library is None:
        return _foreign_only(seen)
    if unlisted is None or library.could_use(seen.offered):
        return None
    supported = " ".join((*library.mechanisms, *library.settable))
    return conclude(
        "client_lacks_mechanism",
        "certain",
        *_offer(seen),
        f"{library.title} supports {supported}",
        *_answers(seen, unlisted),
        summary=f"{library.title} supports none of the mechanisms that the server offers.",
    )


def _foreign_only(seen: Evidence) -> Finding | None:
    """There is a password, but the mechanisms listed can be used by few clients."""
    login = seen.login.value
    if seen.source != "probe" or login is None or login.secret.kind == "token" or seen.is_signed_in:
        return None
    ours = mechanisms_for("password") - UNSUPPORTED
    if not UNSUPPORTED.intersection(seen.offered) or ours.intersection(seen.offered):
        return None
    return conclude(
        "client_lacks_mechanism",
        "likely",
        *_offer(seen),
        summary=f"The server offers only {' '.join(seen.offered)}, which few clients support.",
        next_probe="the same with --as LIBRARY",
    )


def _unlisted(seen: Evidence) -> str | None:
    """Return the mechanism that the client uses although it is not listed.

    Empty if it gives up before AUTH; None if the choice is right.
    """
    if not seen.offered or any(each.accepted and not was_broken_off(each) for each in _own(seen)):
        return None
    library = LIBRARIES.get(seen.client.library)
    if library is not None and not (seen.source != "probe" and seen.attempts):
        choice = library.first_choice(seen.offered)
        return None if choice in seen.offered else choice
    mechanisms = [
        each.mechanism
        for each in seen.attempts
        if not (each.reply.is_success or was_judged(seen, each))
    ]
    login = seen.login.value
    if not mechanisms and login is not None and login.secret.kind != "token":
        return None if mechanisms_for("password").intersection(seen.offered) else ""
    return next((name for name in mechanisms if name not in seen.offered), None)


def _no_password_mechanism(seen: Evidence) -> Finding:
    tokens = mechanisms_for("token").intersection(seen.offered)
    with_token = ", with an access token" if tokens else ""
    return conclude(
        "mechanism_not_offered",
        "likely",
        *_offer(seen),
        summary=f"A password cannot sign in here; the server offers {' '.join(seen.offered)}.",
        fix=f"Make the client sign in with {seen.offered[0]}{with_token}.",
        next_probe="",
    )


def _own(seen: Evidence) -> tuple[AuthAttempt, ...]:
    """Return the attempts with the mechanism that the client uses although it is not listed."""
    return tuple(each for each in seen.attempts if each.mechanism not in seen.offered)


def _signs_in_with(mechanism: str) -> str:
    return f"signs in with {mechanism}" if mechanism else "supports none of these and gives up"


def _offer(seen: Evidence) -> tuple[str, ...]:
    where = "over TLS" if seen.over_tls.value else "in clear"
    lines = [f"EHLO {where} offers AUTH {' '.join(seen.offered)}"]
    if seen.over_tls.value and seen.in_clear.value:
        before = " ".join(seen.offered_in_clear)
        lines.append(f"EHLO in clear offers AUTH {before}" if before else "no AUTH before TLS")
    return tuple(lines)


def _answers(seen: Evidence, unlisted: str) -> tuple[str, ...]:
    refusals = [
        quote_reply(each)
        for each in seen.attempts
        if each.mechanism == unlisted and not each.accepted
    ]
    accepted = [
        f"AUTH {each.mechanism} is accepted: the server "
        + ("signed us in" if each.reply.code == 235 else "asked for more")
        for each in seen.attempts
        if each.accepted and each.mechanism != unlisted
    ]
    return (*refusals, *accepted)


def login_initial_response_rejected(seen: Evidence) -> Finding | None:
    """AUTH LOGIN with the user name on its line is refused, and accepted without; the same for
    PLAIN."""
    for mechanism, what, then in (("LOGIN", "user name", "both prompts"),
                                  ("PLAIN", "response", "the prompt")):  # fmt: skip
        own = [each for each in seen.attempts if each.mechanism == mechanism]
        rejected = next(
            (each for each in own if each.form == "initial" and not each.accepted
             and not _NAME_JUDGED.search(each.reply.text)
             and (mechanism == "LOGIN" or _is_about_the_form(each.reply))), None,
        )  # fmt: skip
        bare = next((each for each in own if each.form == "bare" and each.accepted), None)
        if rejected is None or bare is None:
            continue
        return conclude(
            "login_initial_response_rejected",
            "certain",
            f"AUTH {mechanism} <{what}> was answered {rejected.reply}",
            f"AUTH {mechanism} alone is accepted",
            summary=f"The server accepts AUTH {mechanism}, but not with the {what} on the same "
            "line.",
            fix=f"Make the client send AUTH {mechanism} alone and answer {then}.",
        )
    return None


def _is_about_the_form(reply: Reply) -> bool:
    """Tell whether a refusal is about neither the secret nor the length of the line."""
    return reply.code in _NOT_THIS and not _SOMETHING_ELSE.search(reply.text)


def initial_response_required(seen: Evidence) -> Finding | None:
    """AUTH PLAIN without a response is refused, and the library sends it like this."""
    library = LIBRARIES.get(seen.client.library)
    if library is None or "PLAIN" in library.initial or "PLAIN" not in seen.offered:
        return None
    if library.first_choice(seen.offered) != "PLAIN":
        return None
    plain = [each for each in seen.attempts if each.mechanism == "PLAIN" and each.form == "bare"]
    if not plain or any(each.accepted or not each.reply.code for each in plain):
        return None
    whole = [each for each in seen.attempts if each.mechanism == "PLAIN" and each.form == "initial"]
    works = any(each.reply.code == 235 for each in whole)
    if whole and not works:
        return None
    return conclude(
        "initial_response_required",
        "certain" if works else "likely",
        f"EHLO lists PLAIN, yet AUTH PLAIN alone was answered {plain[0].reply}",
        "AUTH PLAIN with the response on the same line signs in" if works else "",
        summary="The server refuses AUTH PLAIN without the response on the same line; "
        f"{library.title} sends it so.",
        next_probe=""
        if works
        else "sign in with AUTH PLAIN and an initial response (--username, --password-file)",
    )


def auth_before_tls_refused_by_client(seen: Evidence) -> Finding | None:
    """AUTH is listed without TLS, and this client sends no password without TLS."""
    hello = seen.in_clear.value
    if seen.source == "log" or hello is None or seen.over_tls.value or not seen.offered_in_clear:
        return None
    library = LIBRARIES.get(seen.client.library)
    is_careful = library is not None and library.keeps_passwords
    is_unsent = seen.login.value is not None and not any(each.secret_sent for each in seen.attempts)
    host = seen.host
    is_local = host in ("localhost", "127.0.0.1", "::1")
    if seen.offers_starttls or not ((is_careful and not is_local) or is_unsent):
        return None
    client = library.title if library and is_careful else "The client"
    return conclude(
        "auth_before_tls_refused_by_client",
        "certain",
        f"EHLO in clear offers AUTH {' '.join(seen.offered_in_clear)} and no STARTTLS",
        "the password was kept: the connection is not encrypted" if is_unsent else "",
        summary=f"{client} will not send a password in clear, and there is no TLS here.",
        next_probe="do 465 and 587 of the same host offer TLS?",
    )


def authzid_not_permitted(seen: Evidence) -> Finding | None:
    """PLAIN with the user name as authorization identity, which some libraries send, is refused."""
    if seen.source == "log":
        return None
    plain = [each for each in seen.attempts if each.mechanism == "PLAIN" and each.secret_sent]
    acting = next((each for each in plain if each.responses and not each.reply.is_success), None)
    if acting is None:
        return None
    without = [each for each in plain if not each.responses]
    works = any(each.reply.code == 235 for each in without)
    elsewhere = next((each for each in seen.attempts if each.reply.code == 235), None)
    judged = [each for each in seen.attempts if each.secret_sent and not each.responses]
    if judged and elsewhere is None:
        return None
    return conclude(
        "authzid_not_permitted",
        "certain" if works else "likely" if elsewhere else "possible",
        f"PLAIN with the user name in its first field, too, was answered {acting.reply}",
        "PLAIN with an empty first field signs in" if works else "",
        f"{elsewhere.mechanism} signs in" if elsewhere and not works else "",
        next_probe=""
        if works
        else "the same without --as"
        if elsewhere
        else "the same with --try-all: then PLAIN is tried without it, too",
    )


def mechanism_advertised_but_broken(seen: Evidence) -> Finding | None:
    """A listed mechanism does not work, although another one accepts the secret, or in any case."""
    under_tls = seen.over_tls.value is not None
    listed = [
        each for each in seen.attempts if each.mechanism in seen.offered and each.tls == under_tls
    ]
    judged = [each for each in seen.attempts if each.secret_sent]
    worked = [each for each in judged if each.reply.code == 235]
    usable = worked or [each for each in listed if each.accepted and not each.secret_sent]
    working = {each.mechanism for each in (*worked, *(each for each in listed if each.accepted))}
    failed = [each for each in listed if _is_broken(each) and each.mechanism not in working]
    if worked:
        failed += [
            each
            for each in judged
            if each.reply.code in WRONG_SECRET and not each.responses
            and each.mechanism not in {one.mechanism for one in worked}
        ]  # fmt: skip
    if not failed or not (usable or seen.source == "probe"):
        return None
    broken = failed[0].mechanism
    return conclude(
        "mechanism_advertised_but_broken",
        "certain" if worked else "likely",
        *(quote_reply(each) for each in (*failed, *worked)),
        *(f"AUTH {each.mechanism} is accepted" for each in usable if not worked),
        summary=f"{broken} is listed, but does not work; {usable[0].mechanism} does."
        if usable
        else f"{broken} is listed, but the server does not accept it.",
        fix=(f"Make the client use {usable[0].mechanism}, or remove" if usable else "Take")
        + f" {broken} from the server's list.",
        next_probe="" if worked else "sign in with --username, --password-file and --try-all",
    )


def _is_broken(attempt: AuthAttempt) -> bool:
    """Tell whether a mechanism was refused, not its secret. PLAIN without a response and LOGIN with
    one are forms, which other rules judge."""
    odd_form = (attempt.mechanism, attempt.form) in (("PLAIN", "bare"), ("LOGIN", "initial"))
    codes = _NOT_KNOWN if odd_form else _NOT_THIS
    other = _SOMETHING_ELSE.search(attempt.reply.text)
    return not (attempt.accepted or other) and attempt.reply.code in codes


def dropped_before_auth(seen: Evidence) -> Finding | None:
    """EHLO under TLS, which would list AUTH, ends the connection; EHLO in clear does not.

    Postfix does this if it has no mechanisms, or if its SASL service does not run.
    """
    before, tls = seen.in_clear.value, seen.tls.value
    if seen.source == "log" or seen.position != "ehlo" or seen.over_tls.value or not seen.failure:
        return None
    if before is None or not before.reply.is_success or tls is None or not tls.version:
        return None
    if seen.offered_in_clear or "time" in seen.failure or "alert" in seen.failure:
        return None
    return conclude(
        "server_auth_backend_down",
        "possible",
        "EHLO in clear is answered, and lists no AUTH",
        f"EHLO over TLS, where AUTH would be listed, fails: {seen.failure}",
        summary="The server closes the connection where it would list AUTH.",
        fix="The server's log says why. Postfix does this if its SASL library or socket offers no "
        "mechanism: check smtpd_sasl_type, smtpd_sasl_path and the service behind it.",
        next_probe="the server's log at this time",
    )


RULES: Final = (
    mechanism_not_offered, client_lacks_mechanism, login_initial_response_rejected,
    initial_response_required, auth_before_tls_refused_by_client, authzid_not_permitted,
    mechanism_advertised_but_broken, dropped_before_auth,
)  # fmt: skip
