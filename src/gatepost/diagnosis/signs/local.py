"""Faults in the client's own configuration, which the dialogue does not show."""

import re
from typing import Final

from gatepost.diagnosis.signs.reading import Reading
from gatepost.diagnosis.signs.sign import Sign

_NOTHING: Final = re.compile(
    r"(?m)\b(?:smtp|mail|email)[\w.:-]{0,24}(?:user(?:name)?|pass(?:word)?|login)['\"]?\s*"
    r"(?:=>|[:=])\s*(?:null|none|nil|undefined|''|\"\")\s*(?:,\s*)?$"
)


def is_set_to_nothing(reading: Reading) -> bool:
    """The user name or password is set to nothing in the log, although one is needed."""
    is_needed = any(each.reply and each.reply.code in (530, 535) for each in reading.refusals)
    return is_needed and _NOTHING.search(reading.text) is not None


# fmt: off
SIGNS: Final = (
    Sign("non_ascii_password", 17, ("'ascii' codec can't encode", "ascii codec can't encode",
         "unicodeencodeerror", "undefinedconversionerror", "ordinal not in range",
         "unmappable character", "non-ascii*password", "password*non-ascii", "umlaut")),
    Sign("non_ascii_password", 17, ("non-ascii character",), unless=("header", "mime")),
    Sign("credentials_missing", 16, ("missing credentials", "password is required",
         "username is required", "no password", "no username", "username and password are required",
         "empty username", "no user name", "credentials*not set", "credentials*not configured",
         "credentials*missing", "missing username", "missing password", "username*not configured",
         "no credentials", "credentials are required", "authentication information is missing",
         "must provide*password", "undefined*pass", "password not specified",
         "auth requested but missing", "username \"\"", "needs a password",
         "username*field required", "pass*field required", "keyerror: '*pass", "keyerror: '*user",
         "user not specified", "username not set", "cannot read propert*auth"),
         unless=("535 ", "534 ", "535,", "534,", "535-", "534-", "535:")),
    Sign("credentials_missing", 20, when=is_set_to_nothing,
         proof="the user name or the password is set to nothing"),
    Sign("credentials_missing", 14, ("username \"\"", "username ''", "user \"\"")),
    Sign("credentials_missing", 12, ("nonetype*auth_plain", "auth_plain*nonetype",
         "nonetype*password", "password*nonetype", "nonetype*auth_login", "nonetype*auth_cram",
         "password*undefined", "undefined*password", "user*undefined")),
    Sign("credentials_missing", 14, ("nonetype",), when=lambda r: r.seen.position == "auth"),
    Sign("credentials_missing", 14, ("'nonetype' object has no attribute 'encode'",),
         when=lambda r: "authobject(" in r.text or "in auth_" in r.text),
    Sign("client_config_conflict", 16, ("mutually exclusive", "cannot be used together",
         "not compatible", "are incompatible", "cannot be combined", "is exclusive",
         "are exclusive", "can't be used together", "already using tls", "only set one of",
         "can not be used together", "both use_tls", "use_tls and start_tls", "conflicting",
         "only one of*true", "cannot use*and*at the same time", "incompatible option", "not both")),
    Sign("client_validation_rejects_username", 15, ("must be a valid email", "not a valid email",
         "invalid email", "valid e-mail", "is too long", "may not be greater than",
         "at most*characters", "username*characters", "maximum length", "max length",
         "field*too long", "maxlength", "value too long for type", "data too long for column",
         "username*validation", "validation*username", "user*invalid format",
         "user must be an email"),
         unless=("line is too long", "line too long", "535", "550", "header", "body")),
    Sign("stored_secret_undecryptable", 17, ("mac is invalid", "invalidtoken", "encryption key",
         "payload is invalid", "cipher: message authentication failed", "decrypt", "app_key",
         "secret_key_base", "wrong final block length", "padding is invalid", "encryption_key",
         "hmac does not match"), unless=("bad record mac",)),
    Sign("credential_url_encoding", 16, ("non-existent parameter", "dsn is invalid",
         "configuration url is malformed", "dsn*must contain", "malformed dsn", "uri malformed",
         "invalid userinfo", "bad uri", "invalid url", "malformed url", "invalid uri",
         "cast to integer value", "first path segment", "invalid port", "the mailer dsn",
         "parse \"smtp", "invalid dsn", "url*percent", "percent-encod", "url-encod", "urlencod",
         "url encod", "malformed uri", "invalid percent", "unsupported scheme")),
    Sign("host_setting_malformed", 12, ("smtp.host*http", "host*contains", "host*whitespace",
         "trailing space*host", "host*trailing", "leading space*host", "hostname*space")),
    Sign("credential_mangled_by_config", 14, ("variable is not set. defaulting to a blank",
         "dollar sign", "variable*interpolat", "interpolation*password", "password*truncated",
         "password*trailing", "trailing newline", "newline*password", "password*newline",
         "password*quotes", "password*special", "password*$", "password*#", "password*backslash",
         "special char*password")),
    Sign("client_tls_disabled", 4, ("ssl is disabled", "tls is disabled", "openssl*not loaded")),
)
# fmt: on
