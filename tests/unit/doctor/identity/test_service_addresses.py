"""The endpoints of Entra and the related APIs."""

# ruff: noqa: E501  # a table

import pytest

from gatepost.doctor.identity.service_addresses import Cloud, find_cloud
from gatepost.doctor.probe_settings import IdentityUrls as Urls
from gatepost.errors import ConfigError

PUBLIC = Cloud(
    "https://login.microsoftonline.com",
    "https://management.azure.com",
    "https://{resource}.communication.azure.com",
)
OURS = Cloud(
    "https://localhost:2443",
    "https://localhost:2443",
    "https://{resource}.communication.localhost:2443",
)

# fmt: off
CLOUDS = [
    # on the command line         in the environment                                   local
    (Urls(),                    {},                                                  False, PUBLIC),
    (Urls(),                    {},                                                  True,  Cloud()),
    (Urls(),                    {"AZURE_AUTHORITY_HOST": "login.microsoftonline.com"}, True, PUBLIC),
    (Urls(),                    {"AZURE_AUTHORITY_HOST": "https://localhost:2443/"}, True,  OURS),
    (Urls("https://localhost:2443"), {"AZURE_AUTHORITY_HOST": "https://other.example"}, False, OURS),
    (Urls("https://LocalHost:2443"), {},                                             True,  OURS),
    (Urls("https://localhost:2443", email="https://localhost:2443/"), {},            True,  OURS),
    (Urls("https://localhost:2443", email="https://127.0.0.1:2443"), {},             True,  OURS),
    (Urls("https://localhost:2443", email="https://localhost:2444"), {},             True,
     Cloud(OURS.authority, OURS.arm, "https://localhost:2444")),
    (Urls("login.microsoftonline.us"), {},                                           False,
     Cloud("https://login.microsoftonline.us", "https://management.usgovcloudapi.net")),
    (Urls("https://other.example"), {},                                              False,
     Cloud("https://other.example")),
    (Urls("https://other.example", "https://arm.example", "https://{resource}.mail.example"), {}, False,
     Cloud("https://other.example", "https://arm.example", "https://{resource}.mail.example")),
    (Urls(),                    {"GATEPOST_ARM_URL": "https://arm.example", "GATEPOST_EMAIL_URL": "https://m.example"},
     False, Cloud(PUBLIC.authority, "https://arm.example", "https://m.example")),
]
# fmt: on


@pytest.mark.parametrize(("given", "environment", "local", "wanted"), CLOUDS)
def test_endpoints_of_a_cloud(
    given: Urls, environment: dict[str, str], local: bool, wanted: Cloud
) -> None:
    assert find_cloud(given, environment, local=local) == wanted


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:2443",
        "https://",
        "https://u:p@x",
        "https://x:99999",
        "ftp://x",
        "https://x?y",
    ],
)
def test_a_secret_goes_under_tls_to_a_host(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        find_cloud(Urls(url), {}, local=False)
    assert str(caught.value) == "the URL of the authority must be https://HOST[:PORT]"
