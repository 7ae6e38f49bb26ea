"""What the errors of the client prove, for those who show them."""

from gatepost.diagnosis.client_errors import explain, finding_of, fix_of
from gatepost.errors import AuthenticationRefused, Refused, SenderRefused, TlsError, TokenError
from gatepost.model.reply import Esc, Reply

WRONG = Reply(535, "Authentication unsuccessful", Esc(5, 7, 3))


def test_users_see_the_findings_of_all_refused_mechanisms() -> None:
    first = AuthenticationRefused(Reply(504, "Unrecognized"), "PLAIN", ("LOGIN",))
    first.slug = "mechanism_not_offered"
    last = AuthenticationRefused(WRONG, "LOGIN", ("LOGIN",))
    last.__cause__ = first
    explain(last)
    assert (last.slug, last.finding) == ("bad_credentials", "bad_credentials")
    assert first.slug == "mechanism_not_offered"


def test_a_refusal_means_something_where_it_was_made() -> None:
    reply = Reply(501, "The sender domain has not been linked", Esc(5, 1, 7))
    assert finding_of(SenderRefused(reply).at("mail")) == "sender_domain_not_linked"
    assert finding_of(Refused(reply).at("greeting")) == ""


def test_an_error_that_knows_its_finding_keeps_it() -> None:
    assert finding_of(TlsError("expired").because("", 10)) == "cert_expired"


def test_the_fix_of_a_token_request() -> None:
    error = TokenError("no", is_transient=False, error="invalid_client", number=7000222)
    assert finding_of(error) == "expired_secret"
    assert "secret" in fix_of(error)
    proxy = TokenError("no", is_transient=True)
    proxy.status = 302
    assert finding_of(proxy) == "provider_endpoint_changed"
    assert "token_endpoint" in fix_of(proxy)
    assert fix_of(TokenError("later", is_transient=True, number=90033)) == ""
