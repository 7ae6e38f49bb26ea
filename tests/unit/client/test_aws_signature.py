"""AWS Signature Version 4, by vectors of botocore and of AWS's own test suite."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gatepost.client.aws_signature import AwsKey, sign
from gatepost.net.http_client import HttpRequest

KEY = AwsKey("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
BODY = (
    b'{"Content":{"Raw":{"Data":"U3ViamVjdDogeA0KDQpIZWxsbw0K"}},'
    b'"Destination":{"ToAddresses":["b@example.net"]},"FromEmailAddress":"a@example.com"}'
)
SES = HttpRequest(
    "POST",
    "https://email.eu-west-1.amazonaws.com/v2/email/outbound-emails",
    {"content-type": "application/json"},
    BODY,
)
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def test_a_message_for_ses_is_signed_as_botocore_1_44_8_signs_it() -> None:
    signed = sign(SES, KEY, "eu-west-1", "ses", NOON)
    assert dict(signed.headers) == {
        "content-type": "application/json",
        "x-amz-date": "20261124T120000Z",
        "authorization": (
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261124/eu-west-1/ses/aws4_request, "
            "SignedHeaders=content-type;host;x-amz-date, "
            "Signature=f9cdcf7d5f91dd76b087daf42499305d87d6f4380bf7b91636ed3bfadbaceba9"
        ),
    }
    assert (signed.method, signed.url, signed.body) == (SES.method, SES.url, BODY)


@pytest.mark.parametrize(
    ("target", "signature"),
    [
        ("/", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        (
            "/?Param2=value2&Param1=value1",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
    ],
    ids=["get-vanilla", "get-vanilla-query-order-key-case"],
)
def test_the_vectors_of_the_test_suite_of_aws(target: str, signature: str) -> None:
    request = HttpRequest("GET", f"https://example.amazonaws.com{target}")
    moment = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
    signed = sign(request, KEY, "us-east-1", "service", moment)
    assert signed.headers["authorization"].endswith(f"Signature={signature}")


def test_a_temporary_key_has_its_token_signed_and_sent() -> None:
    temporary = replace(KEY, session_token="t0ken/+=")
    signed = sign(SES, temporary, "eu-west-1", "ses", NOON)
    assert signed.headers["x-amz-security-token"] == "t0ken/+="
    proof = signed.headers["authorization"]
    assert "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, " in proof
    assert proof.endswith(  # by botocore 1.44.8
        "Signature=96ac66b50567ab43d2df97cdf0d662bb80465a34666595081870e721c326e1cb"
    )


def test_the_port_counts_only_if_it_is_sent() -> None:
    def signature(url: str) -> str:
        signed = sign(replace(SES, url=url), KEY, "eu-west-1", "ses", NOON)
        return signed.headers["authorization"]

    usual = signature("https://email.example/v2")
    assert signature("https://email.example:443/v2") == usual
    assert signature("https://email.example:8443/v2") != usual


def test_the_key_is_in_no_representation() -> None:
    temporary = replace(KEY, session_token="t0ken")
    assert "wJalr" not in repr(temporary)
    assert "t0ken" not in repr(temporary)
    assert "wJalr" not in str(sign(SES, temporary, "eu-west-1", "ses", NOON).headers)
