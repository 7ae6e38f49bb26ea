"""From evidence to findings: a positive case for each cause, and cases of similar causes."""

from dataclasses import replace
from typing import Any

import pytest

from gatepost.diagnosis.diagnose import diagnose
from gatepost.diagnosis.rules.tls import is_named
from gatepost.model.evidence import (
    Connect,
    EhloExchange,
    Evidence,
    Fact,
    Greeting,
    OtherServer,
    Resolution,
    RevocationSource,
    Target,
    TlsFirst,
)
from gatepost.model.reply import Reply
from gatepost.profiles import available_profiles, load_profile
from tests.unit.diagnosis.cases import (
    DAY,
    GOOD,
    HEALTHY,
    NOW,
    attempt,
    but,
    client,
    hello,
    judged,
    login,
    mail,
    reply,
    tls,
    tried,
)

PROFILES = [load_profile(name) for name in available_profiles()]
SILENT = Greeting(None, 2000.0)
LOGIN_ONLY = hello("AUTH LOGIN")
PLAIN_REFUSED = attempt("PLAIN", "504 5.7.4 Unrecognized authentication type")
LOGIN_TAKEN = attempt("LOGIN", "334 VXNlcm5hbWU6", cancelled=True)
NO_AUTH = but(in_clear=hello("STARTTLS"), over_tls=hello("SIZE 5"), client=client("go-net-smtp"))
UNKNOWN_ISSUER: dict[str, Any] = {
    "verify_code": 20,
    "verify_error": "unable to get local issuer certificate",
}
AIA = replace(GOOD, issuer_urls=("http://ca.example/issuer.der",))
NO_LIST = RevocationSource("http://ca.example/list.crl", "timed out")
IN_CLEAR = but(tls=Fact(), over_tls=Fact(), starttls=Fact(), in_clear=hello("SIZE 5"))
EHLO_REFUSED = EhloExchange("localhost", reply("501 5.5.4 Invalid domain name"))
HUNG_UP = replace(EHLO_REFUSED, reply=Reply(0))
WRONG = judged("PLAIN", "535 5.7.8 Authentication failed")
OTHER = replace(mail("250 ok"), argument="bob@example.net", authenticated=False)
SECURITY = "535 5.7.139 Authentication unsuccessful, "


SIGNED_IN = but(client=client(), login=login(), auth=tried(judged("PLAIN", "235 2.7.0 ok")))


def at_rcpt(text: str, argument: str = "ann@example.com") -> Evidence:
    return but(SIGNED_IN, mail=mail("250 ok"), rcpt=(replace(mail(text), argument=argument),))


def at_data(text: str) -> Evidence:
    return but(SIGNED_IN, mail=mail("250 ok"), content=Fact("seen", reply(text)))


# fmt: off
CASES = [
    # nothing wrong, with and without a client that can sign in
    (HEALTHY, []),
    (but(client=client("go-net-smtp"), auth=tried(attempt("PLAIN", "334 "))), []),
    (but(client=client("python-smtplib")), []),
    (but(over_tls=LOGIN_ONLY), []),
    (but(login=login(), auth=tried(judged("PLAIN", "235 2.7.0 ok"))), []),

    # mechanism_not_offered: fixed, given up before AUTH, seen on the wire without a library
    (but(client=client("go-net-smtp"), over_tls=LOGIN_ONLY, auth=tried(PLAIN_REFUSED)),
     ["mechanism_not_offered"]),
    (but(client=client("go-net-smtp"), over_tls=LOGIN_ONLY), ["mechanism_not_offered"]),
    (but(client=client("python-smtplib"), over_tls=hello("AUTH XOAUTH2")),
     ["mechanism_not_offered"]),
    (but(client=client(), over_tls=LOGIN_ONLY, auth=tried(PLAIN_REFUSED)),
     ["mechanism_not_offered"]),
    (but(client=client(), over_tls=hello("AUTH XOAUTH2"), login=login()),
     ["mechanism_not_offered"]),
    (but(client=client(), over_tls=hello("AUTH XOAUTH2"), login=login("token")), []),
    (but(client=client("nodemailer"), over_tls=hello("AUTH XOAUTH2"),
         auth=tried(PLAIN_REFUSED)), ["mechanism_not_offered"]),
    (but(client=client(), over_tls=hello("AUTH PLAIN SCRAM-SHA-1"), auth=tried(judged(
         "SCRAM-SHA-1-PLUS", "535 5.7.8 Error: authentication failed: bad protocol / cancel"))),
     ["mechanism_not_offered"]),
    # ... not where the server takes what it does not list, nor where smtplib picks LOGIN
    (but(client=client("go-net-smtp"), over_tls=LOGIN_ONLY,
         auth=tried(attempt("PLAIN", "334 "))), []),
    (but(client=client("python-smtplib"), over_tls=LOGIN_ONLY, auth=tried(LOGIN_TAKEN)), []),
    # client_lacks_mechanism: not even a setting helps
    (but(client=client("go-net-smtp"), over_tls=hello("AUTH NTLM"), auth=tried(PLAIN_REFUSED)),
     ["client_lacks_mechanism"]),
    (but(client=client("javamail"), over_tls=hello("AUTH XOAUTH2")), ["mechanism_not_offered"]),
    (but(client=client("javamail"), over_tls=hello("AUTH NTLM")), []),
    (but(over_tls=hello("AUTH NTLM GSSAPI"), login=login()), ["client_lacks_mechanism"]),
    (but(over_tls=hello("AUTH NTLM LOGIN"), login=login(), auth=tried(judged("LOGIN", "235 ok"))),
     []),

    # starttls_required: refused in clear, or AUTH listed only behind TLS
    (but(client=client("python-smtplib", "none")), ["starttls_required"]),
    (but(client=client(tls="none", signs_in=False)), ["starttls_required"]),
    (but(client=client(tls="none"), in_clear=hello("STARTTLS", "AUTH LOGIN"),
         mail=mail("530 5.7.0 Must issue a STARTTLS command first", over_tls=False)),
     ["starttls_required"]),
    (but(client=client(tls="none"), in_clear=hello("STARTTLS"), over_tls=Fact(),
         mail=mail("451 5.7.3 starttls is required to send mail", over_tls=False)),
     ["starttls_required"]),
    (but(client=client(tls="none"), in_clear=hello("STARTTLS", "AUTH LOGIN"),
         auth=tried(attempt("LOGIN", "538 5.7.11 Encryption required", tls=False))),
     ["starttls_required"]),
    (but(client=client(tls="none"), in_clear=hello("STARTTLS", "AUTH LOGIN PLAIN")), []),
    (but(client=client(tls="none"), in_clear=hello("STARTTLS", "AUTH LOGIN"),
         mail=replace(mail("530 5.7.1 Authentication required", over_tls=False),
                      authenticated=False)), []),

    # wrong TLS mode: only where the client is set to it
    (but(client=client(tls="implicit")), ["implicit_tls_on_starttls_port"]),
    (but(client=client(tls="starttls"), greeting=SILENT, in_clear=Fact(), starttls=Fact(),
         tls_first=TlsFirst(True, reply("220 hi"))), ["starttls_on_implicit_tls_port"]),
    (but(client=client(tls="none"), greeting=SILENT, in_clear=Fact(), starttls=Fact(),
         tls_first=TlsFirst(True)), ["starttls_on_implicit_tls_port"]),
    (but(client=client(tls="implicit"), greeting=SILENT, in_clear=Fact(), starttls=Fact(),
         tls_first=TlsFirst(True)), []),
    (but(greeting=SILENT, in_clear=Fact(), starttls=Fact(), tls_first=TlsFirst(True)), []),
    (but(client=client(tls="starttls")), []),

    # certificates: each alone, and what hides behind another
    (but(tls=tls(**UNKNOWN_ISSUER)), ["cert_untrusted"]),
    (but(tls=tls(replace(GOOD, self_signed=True), verify_code=18, verify_error="self-signed")),
     ["cert_untrusted"]),
    (but(tls=tls(replace(GOOD, names=("other.example",)), verify_code=62)),
     ["cert_hostname_mismatch"]),
    (but(tls=tls(replace(GOOD, names=()), verify_code=62)), ["cert_hostname_mismatch"]),
    # signed by itself and trusted as that: only its date or its name is wrong
    (but(tls=tls(replace(GOOD, self_signed=True, not_after=NOW - DAY), verify_code=10)),
     ["cert_expired"]),
    (but(tls=tls(replace(GOOD, self_signed=True, names=("other.example",)), verify_code=62)),
     ["cert_hostname_mismatch"]),
    (but(tls=tls(replace(GOOD, not_after=NOW - DAY), verify_code=10)), ["cert_expired"]),
    (but(tls=tls(replace(GOOD, not_before=NOW + DAY), verify_code=9)), ["cert_expired"]),
    (but(tls=tls(replace(GOOD, names=("other.example",)), **UNKNOWN_ISSUER)),
     ["cert_hostname_mismatch", "cert_untrusted"]),
    (but(tls=tls(AIA, chain_length=1, **UNKNOWN_ISSUER)),
     ["cert_chain_incomplete", "cert_untrusted"]),
    (but(tls=tls(GOOD, chain_length=1, **UNKNOWN_ISSUER)), ["cert_untrusted"]),
    (but(tls=tls(replace(GOOD, issuer="CN=Example Intermediate CA"), chain_length=1,
                 **UNKNOWN_ISSUER)), ["cert_chain_incomplete", "cert_untrusted"]),
    (but(tls=tls(AIA, chain_length=2, **UNKNOWN_ISSUER)), ["cert_untrusted"]),
    # whose certificate it is
    (but(tls=tls(replace(GOOD, issuer="CN=Zscaler Intermediate Root CA,O=Zscaler Inc."),
                 **UNKNOWN_ISSUER)), ["tls_intercepted", "cert_untrusted"]),
    (but(target=Target("smtp.gmail.com", 587),
         tls=tls(replace(GOOD, names=("*.hoster.example",)), verify_code=62)),
     ["connection_redirected_by_network", "cert_hostname_mismatch"]),
    (but(target=Target("smtp.gmail.com", 587),
         tls=tls(replace(GOOD, names=("imap.gmail.com",)), verify_code=62)),
     ["cert_hostname_mismatch"]),
    (but(tls=tls(replace(GOOD, issuer="CN=R11,O=Let's Encrypt,C=US"), chain_length=2,
                 **UNKNOWN_ISSUER)), ["client_ca_store_missing", "cert_untrusted"]),
    (but(starttls=reply("454 4.7.0 TLS not available"), tls=Fact(), over_tls=Fact()),
     ["server_tls_misconfigured"]),
    (but(tls=replace(tls(), certificate=None, failure="TLS failed: unsupported protocol"),
         over_tls=Fact()), ["tls_version_too_old"]),

    # no AUTH: unless none is wanted, or none is needed, or it may stand behind STARTTLS
    (NO_AUTH, ["auth_not_advertised"]),
    (but(IN_CLEAR, client=client()), ["auth_not_advertised"]),
    (but(NO_AUTH, client=client(signs_in=False)), []),
    (but(NO_AUTH, over_tls=Fact(), tls=Fact()), []),
    (but(NO_AUTH, neighbours=(OtherServer("mail.example.com", 465, "tls", "220", ("PLAIN",)),)),
     ["auth_not_offered_on_port"]),
    (but(NO_AUTH, mail=mail("250 ok"), rcpt=(mail("250 ok"),)), ["unwanted_auth_attempt"]),
    (but(NO_AUTH, mail=mail("250 ok"), rcpt=(mail("550 5.7.1 relaying denied"),)),
     ["auth_not_advertised"]),

    # a password that is refused where none is needed; a server's own domain proves nothing
    (but(login=login(), auth=tried(WRONG), mail=mail("250 ok"), rcpt=(OTHER,)),
     ["unwanted_auth_attempt", "bad_credentials"]),
    (but(login=login(), auth=tried(WRONG), mail=mail("250 ok"),
         rcpt=(replace(OTHER, reply=reply("550 no")),)),
     ["bad_credentials"]),
    (but(login=login(), auth=tried(WRONG), mail=mail("250 ok"), rcpt=(mail("250 ok"),)),
     ["bad_credentials"]),

    # EHLO
    (but(in_clear=EHLO_REFUSED, other_name=hello("AUTH PLAIN"), over_tls=Fact(), tls=Fact()),
     ["helo_rejected"]),
    (but(in_clear=EHLO_REFUSED, other_name=Fact(), over_tls=Fact(), tls=Fact()),
     ["helo_rejected"]),
    (but(over_tls=EHLO_REFUSED, other_name=hello("AUTH PLAIN")), ["helo_rejected"]),
    (but(in_clear=HUNG_UP, other_name=hello("AUTH PLAIN"), over_tls=Fact(), tls=Fact()),
     ["helo_rejected"]),
    (but(in_clear=HUNG_UP, other_name=HUNG_UP, over_tls=Fact(), tls=Fact()), []),

    (but(mail=mail("503 5.5.1 Error: send HELO/EHLO first")), ["commands_out_of_order"]),

    # signed in, and the server does not relay; the same to a stranger is another thing
    (but(login=login(), auth=tried(judged("LOGIN", "235 ok")), mail=mail("250 ok"),
         rcpt=(mail("554 5.7.1 <b@example.net>: Relay access denied"),)),
     ["recipient_domain_not_hosted"]),

    # the words of a refusal, held against what the probe knows
    (but(auth=tried(judged("PLAIN", "500 5.5.6 line too long"))), ["auth_command_too_long"]),
    (but(auth=tried(judged("PLAIN", "530 5.7.0 Must issue a STARTTLS command first"))),
     ["server_tls_state_bug"]),
    (but(auth=tried(judged("LOGIN", "235 ok")), mail=mail("530 5.7.0 Authentication required")),
     ["login_forgotten"]),
    (but(auth=tried(judged("LOGIN", "235 ok")), mail=mail("530 5.7.0 Must use STARTTLS first")),
     ["server_tls_state_bug"]),
    (but(auth=tried(judged("LOGIN", "235 ok")), mail=mail("450 4.7.1 Client host rejected: cannot "
         "find your reverse hostname, [192.0.2.1]")), ["reverse_dns_missing"]),

    (but(login=login(), auth=tried(judged("LOGIN", "235 ok")),
         mail=replace(mail("504 5.5.2 <a@localhost>: Sender address rejected: need fully-qualified "
                           "address"), argument="a@localhost")), ["sender_domain_unknown"]),

    # certificates: named the old way, too weak, with a stranger in the place of the issuer
    (but(client=client("go-net-smtp"), tls=tls(replace(GOOD, names=()), verified=True)),
     ["cert_hostname_mismatch"]),
    (but(client=client("python-smtplib"), tls=tls(replace(GOOD, names=()), verified=True)), []),
    (but(tls=tls(replace(GOOD, weak="an RSA key of 1024 bits"), verify_code=66,
                 verify_error="EE certificate key too weak")), ["weak_tls"]),
    (but(tls=tls(replace(GOOD, issuer_urls=("http://ca.example/i.cer",)), verify_code=20,
                 issuer_missing=True)), ["cert_chain_incomplete", "cert_untrusted"]),
    (but(over_tls=Fact(), failure="TLS failed: tlsv13 alert certificate required",
         position="ehlo"), ["client_certificate_required"]),

    # a password that nobody sends: the doctor itself, or a careful library
    (but(IN_CLEAR, client=client(), login=login(), in_clear=hello("AUTH PLAIN")),
     ["auth_before_tls_refused_by_client"]),
    (but(IN_CLEAR, client=client("go-net-smtp"), in_clear=hello("AUTH PLAIN"),
         auth=tried(attempt("PLAIN", "334 ", tls=False))), ["auth_before_tls_refused_by_client"]),
    (but(IN_CLEAR, client=client("python-smtplib"), in_clear=hello("AUTH PLAIN"),
         auth=tried(attempt("PLAIN", "334 ", tls=False))), []),
    (but(IN_CLEAR, client=client(tls="starttls", signs_in=False)), ["starttls_not_offered"]),

    # 535 and its neighbours
    (but(login=login(), auth=tried(judged("LOGIN", "535 5.7.8 Authentication failed"))),
     ["bad_credentials"]),
    (but(login=login(), auth=tried(judged("LOGIN", "435 4.7.8 Error: authentication failed"))),
     ["bad_credentials"]),
    (but(login=login(), auth=tried(attempt("PLAIN", "535 5.7.8 no mechanism available"))), []),
    (but(login=login(), auth=tried(judged("CRAM-MD5", "535 no"), judged("PLAIN", "235 yes"))),
     ["mechanism_advertised_but_broken"]),
    (but(login=login("guid"), provider="acs", auth=tried(judged("LOGIN", "535 5.7.3 no"))),
     ["wrong_credential_kind", "bad_credentials"]),
    (but(login=login("guid"), auth=tried(judged("LOGIN", "535 5.7.3 no"))), ["bad_credentials"]),
    (but(login=login(form="guid"), provider="acs", auth=tried(judged("LOGIN", "535 5.7.3 no"))),
     ["username_format", "bad_credentials"]),
    (but(auth=tried(attempt("LOGIN", "501 5.5.4 no", form="initial"), LOGIN_TAKEN)),
     ["login_initial_response_rejected"]),
    (but(client=client("phpmailer"), over_tls=hello("AUTH PLAIN"),
         auth=tried(attempt("PLAIN", "535 Incorrect"))), ["initial_response_required"]),
    (but(client=client("go-net-smtp"), over_tls=hello("AUTH PLAIN"),
         auth=tried(attempt("PLAIN", "535 Incorrect"))), []),
    (but(auth=tried(attempt("PLAIN", "501 5.5.4 no", form="initial", secret_sent=True),
                    attempt("PLAIN", "334 "))), ["login_initial_response_rejected"]),
    # a listed mechanism that the server does not know: another one is taken, or was not asked
    (but(client=client("phpmailer"), over_tls=hello("AUTH CRAM-MD5 LOGIN"),
         auth=tried(attempt("CRAM-MD5", "504 5.5.4 no"), LOGIN_TAKEN)),
     ["mechanism_advertised_but_broken"]),
    (but(login=login(), over_tls=hello("AUTH CRAM-MD5 PLAIN"),
         auth=tried(attempt("CRAM-MD5", "504 5.5.4 no"), judged("PLAIN", "235 ok"))),
     ["mechanism_advertised_but_broken"]),
    (but(over_tls=hello("AUTH CRAM-MD5"), auth=tried(attempt("CRAM-MD5", "504 5.5.4 no"))),
     ["mechanism_advertised_but_broken"]),
    (but(over_tls=hello("AUTH CRAM-MD5"),
         auth=tried(attempt("CRAM-MD5", "504 5.5.4 no", tls=False))), ["starttls_required"]),
    # ... nor where the server itself has stumbled
    (but(login=login(), auth=tried(
        attempt("PLAIN", "500 Error: (ConnectionError) ldap", form="initial", secret_sent=True),
        attempt("PLAIN", "334 "))), ["server_auth_backend_down"]),
    # nothing comes at AUTH
    (but(login=login(), failure="the server said nothing in time",
         auth=tried(replace(judged("LOGIN", "535 no"), reply=Reply(0)))),
     ["server_auth_backend_down"]),

    # refusals that name their cause
    (but(auth=tried(judged("PLAIN", "534 5.7.9 Application-specific password required"))),
     ["app_password_required"]),
    (but(auth=tried(judged("LOGIN", SECURITY + "SmtpClientAuthentication is disabled for the "
                           "Tenant."))), ["smtp_auth_disabled_tenant"]),
    (but(auth=tried(judged("LOGIN", SECURITY + "SmtpClientAuthentication is disabled for the "
                           "Mailbox."))), ["smtp_auth_disabled_mailbox"]),
    (but(auth=tried(judged("LOGIN", SECURITY + "user is locked by your organization's security "
                           "defaults policy."))), ["security_defaults_block"]),
    (but(auth=tried(judged("LOGIN", SECURITY + "basic authentication is disabled."))),
     ["basic_auth_disabled"]),
    (but(auth=tried(judged("PLAIN", "454 4.7.0 Temporary authentication failure: Connection "
                           "lost to authentication server"))), ["server_auth_backend_down"]),
    (but(auth=tried(judged("PLAIN", "454 4.7.0 Too many login attempts"))), ["auth_throttled"]),
    (but(mail=mail("501 5.1.7 The specified sender domain has not been linked.")),
     ["sender_domain_not_linked"]),
    (but(mail=mail("550 5.3.5 Email sender's username is invalid")), ["sender_not_authorised"]),
    (but(mail=mail("250 ok"), content=Fact("seen", reply(
        "450 4.5.127 Message rejected. Excessive message rate from sender."))), ["rate_limited"]),
    (but(mail=mail("250 ok"), rcpt=(mail("553 5.7.1 <a@b>: Sender address rejected: not owned "
                                         "by user me"),)), ["sender_not_authorised"]),
    (but(mail=mail("250 ok"), rcpt=(mail("550 5.1.1 no such user"),)), ["recipient_unknown"]),
    (but(mail=mail("250 ok"), rcpt=(mail("550 5.2.0 no"),)), []),

    (but(mail=mail("250 ok"), rcpt=(replace(mail("554 5.7.1 <b@example.com>: Recipient address "
                                                 "rejected: Access denied"), authenticated=False),)
         ), ["auth_not_performed"]),

    # ... about a password, the sender's domain or address, the recipient, the message
    (but(auth=tried(judged("LOGIN", "535 5.7.0 Authentication rejected: your password is too "
                           "simple"))), ["weak_password_refused"]),
    (but(auth=tried(judged("LOGIN", "535 5.7.8 password expired"))),
     ["weak_password_refused", "bad_credentials"]),
    (but(auth=tried(judged("LOGIN", "550 5.7.30 Basic authentication is not supported for Client "
                           "Submission."))), ["basic_auth_disabled"]),
    (at_data("550 5.7.26 Unauthenticated email from example.com is not accepted due to domain's "
             "DMARC policy"), ["sender_unauthenticated"]),
    (at_data("550 5.7.515 Access denied, sending domain example.com does not meet the required "
             "authentication level"), ["sender_unauthenticated"]),
    (at_rcpt("450 4.7.1 Client host rejected: cannot find your reverse hostname, [203.0.113.7]"),
     ["reverse_dns_missing"]),
    (at_data("550 5.7.25 The IP address sending this message does not have a PTR record"),
     ["reverse_dns_missing"]),
    (Evidence("probe", HEALTHY.target, greeting=Fact("seen", Greeting(reply(
        "554 Bad DNS PTR resource record.")))), ["reverse_dns_missing"]),
    (at_rcpt("452 4.2.2 The email account that you tried to reach is over quota"),
     ["mailbox_full"]),
    (at_rcpt("550 5.7.133 Sender not authenticated for group"), ["recipient_restricted"]),
    (at_rcpt("550 5.7.1 RESOLVER.RST.AuthRequired; authentication required"),
     ["recipient_restricted"]),
    (at_data("550 5.5.105 External sending is not supported for High Volume Email accounts."),
     ["recipient_restricted"]),
    (at_data("550 You tried to send to recipient(s) that have been marked as inactive"),
     ["recipient_suppressed"]),
    (at_data("554 5.4.14 Hop count exceeded - possible mail loop"), ["mail_loop"]),
    (at_data("554 5.4.6 Too many hops"), ["mail_loop"]),
    (at_data("554 5.6.1 Body type not supported by Remote Host"), ["content_not_encoded"]),
    (at_data("550 4.4.7 QUEUE.Expired; message expired"), ["delivery_expired"]),

    (but(SIGNED_IN, mail=mail("503 5.5.1 Error: nested MAIL command")), ["commands_out_of_order"]),

    # connection_dropped: in the middle, and nothing says why
    (but(SIGNED_IN, mail=mail("250 ok"), position="data", failure="the server closed it"),
     ["connection_dropped"]),
    (but(SIGNED_IN, mail=mail("450 4.2.0 no"), position="mail", failure="the server closed it"),
     []),

    # envelope_address_malformed: the form of what was sent, and a refusal
    *[(at_rcpt("501 5.1.3 Bad recipient address syntax", address),
       ["envelope_address_malformed"])
      for address in ("<ann@example.com", "Ann <ann@example.com", "ann@example.com ",
                      "ann@example.com, bob@example.com", "mailto:ann@example.com", "ann")],
    (at_rcpt("550 5.2.0 no", '"Ann Lee, <x>"@example.com'), []),
    (at_rcpt("550 5.2.0 no", "ann"), []),
    (at_rcpt("550 5.2.0 no", "postmaster"), []),
    (at_rcpt("250 ok", "<ann@example.com"), []),

    # revocation_check_failed: OpenSSL is set to want a list
    (but(tls=tls(verify_code=3, verify_error="unable to get certificate CRL")),
     ["revocation_check_failed"]),
    # nothing answers where the client would ask; one answer is enough
    (but(revocation=Fact("seen", (NO_LIST, RevocationSource("http://ocsp.ca.example", "refused")))),
     ["revocation_check_failed"]),
    (but(revocation=Fact("seen", (NO_LIST, RevocationSource("http://ocsp.ca.example")))), []),

    # before the first reply
    (Evidence("probe", HEALTHY.target, resolution=Fact("seen", Resolution(error="no address"))),
     ["dns_failure"]),
    (Evidence("probe", HEALTHY.target, connects=Fact("seen", (Connect("192.0.2.1", "timeout"),))),
     ["port_blocked"]),
    (Evidence("probe", HEALTHY.target, connects=Fact("seen", (Connect("192.0.2.1", "refused"),))),
     []),
    (Evidence("probe", HEALTHY.target, connects=Fact("seen", (Connect("192.0.2.1", "refused"),)),
              neighbours=Fact("seen", (OtherServer("mail.example.com", 465, "tls", "220 hi"),))),
     ["port_blocked"]),
    (Evidence("probe", HEALTHY.target, connects=Fact("seen", (Connect("192.0.2.1", "timeout"),)),
              neighbours=Fact("seen", (OtherServer("smtp.example.com", 587, "greets", "220 hi"),))),
     ["port_blocked", "provider_endpoint_changed"]),
    (Evidence("probe", HEALTHY.target, connects=Fact("seen", (
        Connect("2001:db8::1", "unreachable"),))), ["ipv6_unreachable"]),
    (but(connects=(Connect("2001:db8::1", "timeout", 3000), Connect("192.0.2.1", "ok"))),
     ["ipv6_unreachable"]),
    (but(connects=(Connect("2001:db8::1", "timeout", 900), Connect("192.0.2.1", "ok"))), []),
    (but(connects=(Connect("2001:db8::1", "unreachable"), Connect("192.0.2.1", "ok"))), []),
    (but(connects=(Connect("::1", "refused"), Connect("127.0.0.1", "ok"))), []),
    (but(connects=(Connect("2001:db8::1", "unreachable"), Connect("192.0.2.1", "ok")),
         client=client("nodemailer")), ["ipv6_unreachable"]),
    (Evidence("probe", HEALTHY.target, greeting=Fact("seen", SILENT),
              greeting_after_ehlo=Fact("seen", Greeting(reply("220 hi")))),
     ["mesh_server_first_hang"]),
    (Evidence("probe", HEALTHY.target, greeting=Fact("seen", Greeting(closed=True)),
              tls_first=Fact("seen", TlsFirst(False, failure="closed"))),
     ["backend_down_behind_proxy"]),
]
# fmt: on


@pytest.mark.parametrize(("evidence", "expected"), CASES)
def test_findings_proven_by_evidence(evidence: Evidence, expected: list[str]) -> None:
    assert [finding.id for finding in diagnose(evidence, PROFILES).findings] == expected


def test_a_password_transition_has_two_causes() -> None:
    """Signing in with PLAIN once may help (RFC 4954 6), or a new password is wanted."""
    seen = but(auth=tried(judged("CRAM-MD5", "432 4.7.12 A password transition is needed")))
    found = diagnose(seen, PROFILES).findings
    ids = {finding.id for finding in found}
    assert ids == {"mechanism_advertised_but_broken", "weak_password_refused"}


def test_an_unknown_client_certificate_is_not_called_a_password() -> None:
    evidence = but(auth=tried(judged("EXTERNAL", "535 5.7.8 Authentication failed")))
    [finding] = [
        each for each in diagnose(evidence, PROFILES).findings if each.id == "bad_credentials"
    ]
    assert "certificate" in finding.summary
    assert "password" not in f"{finding.fix} {finding.proof}"


@pytest.mark.parametrize(("evidence", "expected"), CASES)
def test_every_finding_proves_itself(evidence: Evidence, expected: list[str]) -> None:
    for finding in diagnose(evidence, PROFILES).findings:
        assert finding.proof
        assert all(finding.proof)
        assert finding.fix.endswith(".")
        assert finding.summary.endswith(".")
        assert finding.confidence != "possible" or finding.id in (
            "port_blocked", "auth_throttled", "cert_untrusted", "provider_endpoint_changed",
            "auth_not_performed",
        )  # fmt: skip


NAMES = [
    # certificate            host                 covered
    (("mail.example.com",),  "mail.example.com",  True),
    (("MAIL.example.com",),  "mail.EXAMPLE.com.", True),
    (("*.example.com",),     "mail.example.com",  True),
    (("*.example.com",),     "a.mail.example.com", False),
    (("*.example.com",),     "example.com",       False),
    (("*.com",),             "localhost",         False),
    (("127.0.0.1",),         "127.0.0.1",         True),
    (("::1",),               "0:0:0:0:0:0:0:1",   True),
    (("*.0.0.1",),           "127.0.0.1",         False),
    (("xn--mnchen-3ya.de",), "münchen.de",        True),
    ((),                     "mail.example.com",  False),
]  # fmt: skip


@pytest.mark.parametrize(("names", "host", "covered"), NAMES)
def test_which_host_a_certificate_is_for(names: tuple[str, ...], host: str, covered: bool) -> None:
    assert is_named(names, host) is covered
