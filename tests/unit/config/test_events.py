"""``[events]``: what is read, and which mistakes are found."""

import pytest

from gatepost.config.load import parse_config, read_config
from gatepost.config.problems import ConfigProblems
from gatepost.config.provider_events_file import parse_event_provider
from gatepost.model.provider_events import EventProvider
from gatepost.model.route import MxTarget
from tests.unit.config.small import SMALL, mistakes

TOPIC = (
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.Communication/communicationServices/n"
)
TARGETS = """
[target.out]
kind = "mx"
[target.kept]
kind = "capture"
[[route]]
recipients = ["bounces.example.com"]
to = "kept"
[[route]]
recipients = ["out.example"]
to = "out"
"""
LISTENER = '[[listener]]\naddress = "127.0.0.1:2525"\ntls = "none"\n'
EVENTS = f'{LISTENER}{TARGETS}[events]\ntopic = "{TOPIC}"\n'
PROVIDER = '[events.provider.p]\nprovider = "mailgun"\ntargets = ["out"]\n'
KEY = 'key = { file = "k" }\n'
AT = 'address = "127.0.0.1:8591"\n'


def test_without_the_table_nobody_gets_events() -> None:
    config = parse_config(SMALL)
    assert (config.events, config.reports) == (None, None)


def test_everything_is_read() -> None:
    config = parse_config(
        f'{EVENTS}{AT}suppress = false\nbounce_domain = "Bounces.example.com"\n'
        f'bounce_targets = ["out"]\n{PROVIDER}{KEY}'
    )
    events = config.events
    assert events is not None
    assert (events.topic, events.suppress, events.address) == (TOPIC, False, ("127.0.0.1", 8591))
    assert (events.bounce_domain, events.bounce_targets) == ("bounces.example.com", ("out",))
    [provider] = events.providers
    assert (provider.name, provider.targets, provider.provider.name) == ("p", ("out",), "mailgun")
    assert config.reports is not None


QUEUE = f"""{EVENTS}[events.provider.p]
provider = "ses"
targets = ["out"]
queue = "https://sqs.eu-west-1.amazonaws.com/123456789012/mail"
credential = "aws"
[credentials.aws]
kind = "aws-access-key"
access_key_id = "AKID"
secret_access_key = {{ file = "k" }}
"""


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("sqs.eu-west-1.amazonaws.com", "eu-west-1"),
        ("sqs.us-gov-east-1.amazonaws.com:443", "us-gov-east-1"),
        ("sqs-fips.us-east-2.amazonaws.com", "us-east-2"),
        ("sqs.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("sqs.eu-west-1.api.aws", "eu-west-1"),
        ("vpce-0a1-b2.sqs.eu-west-1.vpce.amazonaws.com", "eu-west-1"),
    ],
)
def test_a_queue_tells_its_region(host: str, region: str) -> None:
    root, source = read_config(QUEUE.replace("sqs.eu-west-1.amazonaws.com", host), "g.toml")
    assert not source.problems
    assert not any("not used" in str(each) for each in source.warnings)
    assert root.events is not None
    [provider] = root.events.providers
    assert (provider.has_webhook, provider.has_delivery_events) == (False, True)
    assert provider.queue is not None
    assert (provider.queue.url, provider.queue.region) == (
        f"https://{host}/123456789012/mail",
        region,
    )
    assert provider.queue.credential.access_key_id == "AKID"


def test_a_queue_elsewhere_needs_the_region() -> None:
    elsewhere = QUEUE.replace("https://sqs.eu-west-1.amazonaws.com", "http://localhost:4566/queue")
    [problem] = mistakes(elsewhere)
    assert "events.provider.p.region is missing: the URL" in problem
    events = parse_config(
        elsewhere.replace("credential =", 'region = "mars-1"\ncredential =')
    ).events
    assert events is not None
    assert events.providers[0].queue is not None
    assert events.providers[0].queue.region == "mars-1"


# fmt: off
MISTAKES = [
    (QUEUE.replace('credential = "aws"\n', ""), "events.provider.p.credential is missing"),
    (QUEUE.replace('credential = "aws"', 'credential = "asw"'), "there is no [credentials.asw]"),
    (QUEUE.replace("aws-access-key", "api-key").replace("secret_access_key", "key")
     .replace('access_key_id = "AKID"\n', ""), 'credentials of the kind "aws-access-key"'),
    (QUEUE.replace("/123456789012/mail", "/mail"), "must be the URL of a queue"),
    (QUEUE.replace("/mail", "/mail?x=1"), "must be the URL of a queue"),
    (QUEUE.replace("https:", "http:"), "must be an https:// URL"),
    (QUEUE.replace("credential =", "region = 'a b'\ncredential ="), "must be a region of Amazon"),
    (QUEUE.replace("queue =", "topics = ['arn:aws:sns:eu-west-1:123456789012:t']\nqueue ="),
     "events.address is missing"),
    (QUEUE.replace("queue =", "#"), "credential needs events.provider.p.queue"),
    (QUEUE.replace('"ses"', '"mailgun"'), "events of Mailgun do not come by Amazon SNS"),
    (f"{SMALL}[events]\n", "events.topic is missing"),
    (f'{SMALL}[events]\ntopic = "contoso"\n', "must be the id of a resource"),
    (f"{EVENTS}{PROVIDER}{KEY}", "events.address is missing: the webhooks"),
    (f'{EVENTS}address = "0.0.0.0:1"\n', "events.certificate is missing: other machines"),
    (f"{EVENTS}{AT}{PROVIDER}", "events.provider.p.key is missing"),
    (f'{EVENTS}{AT}{PROVIDER}key = "secret"\n', "must not be in the configuration"),
    (f"{EVENTS}{AT}{PROVIDER.replace('out', 'kept')}{KEY}", "no target kept that relays mail"),
    (f"{EVENTS}{AT}{PROVIDER.replace('out', 'nowhere')}{KEY}", "no target nowhere"),
    (f"{EVENTS}{AT}{PROVIDER.replace('mailgun', 'mailgum')}{KEY}", "must be one of brevo, "),
    (f"{EVENTS}{AT}{PROVIDER.replace('mailgun', 'brevo')}{KEY}", "username is missing"),
    (f"{EVENTS}{AT}{PROVIDER.replace('mailgun', 'ses')}", "topics is missing"),
    (f"{EVENTS}{AT}{PROVIDER.replace('mailgun', 'ses')}topics = ['mail']\n", "must be the ARN"),
    (f"{EVENTS}{PROVIDER}poll = '1m'\n", "events.provider.p.api_key is missing"),
    (f"{EVENTS}{PROVIDER}{KEY}poll = '1s'\n", 'must be a time from "10s"'),
    (f"{EVENTS}{PROVIDER}poll = '1m'\n", "events.provider.p.domain is missing"),
    (f"{EVENTS}{PROVIDER}poll = '1m'\nregion = 'mars'\n", "region must be"),
    (f"{EVENTS}{AT}{PROVIDER}{KEY}domain = 'a.b'\n", "domain needs events.provider.p.poll"),
    (f"{EVENTS}{PROVIDER.replace('mailgun', 'resend')}poll = '1m'\n", "no API of Resend is known"),
    (f"{EVENTS}{PROVIDER}poll = '1m'\n{KEY}api_{KEY}domain = 'a.b'\n", "events.address is missing"),
    (f"{EVENTS}[[events.webhook]]\nname = 'hook'\n", "events.webhook[0].url is missing"),
    (f"{EVENTS}[[events.webhook]]\nname = 'a b'\nurl = {{ file = 'u' }}\n", "3 to 64 letters"),
    (f"{EVENTS}[[events.webhook]]\nname = 'hook'\nurl = 'https://x'\n", "must not be in the"),
    (f"{EVENTS}[[events.webhook]]\nname = 'hook'\nurl = {{ file = 'u' }}\nevent_types = ['x']\n",
     "unknown event type"),
    (f"{EVENTS}" + "[[events.webhook]]\nname = 'hook'\nurl = { file = 'u' }\n" * 2,
     "there is already a webhook of this name"),
    (f"{EVENTS}bounce_domain = 'bounces.example.com'\n", "events.bounce_targets is missing"),
    (f"{EVENTS}bounce_targets = ['out']\n", "needs events.bounce_domain"),
    (f"{EVENTS}bounce_domain = 'other.example'\nbounce_targets = ['out']\n",
     'there is no [[route]] with recipients = ["other.example"]'),
]
# fmt: on
EARLIER = '[[route]]\nsenders = ["<>", "*.example.org"]\nto = "out"\n[[route]]\nrecipients = ["b'
BOUNCING = 'bounce_domain = "bounces.example.com"\nbounce_targets = ["out"]\n'


def test_a_route_that_would_take_bounces_away() -> None:
    text = f"{EVENTS}{BOUNCING}"
    assert parse_config(text).events is not None
    first = text.replace('[[route]]\nrecipients = ["b', EARLIER)
    assert any("is earlier, and would send bounces away" in each for each in mistakes(first))
    other = first.replace('"<>", ', "")  # of a sender of ours: no bounce
    assert parse_config(other).events is not None


def test_mail_whose_bounces_come_back_goes_to_one_recipient_at_a_time() -> None:
    def read(keys: str) -> tuple[int, list[str], list[object]]:
        out = TARGETS.replace('kind = "mx"', f'kind = "mx"\n{keys}')
        text = f'hostname = "a.example"\n{EVENTS}{BOUNCING}'.replace(TARGETS, out)
        root, source = read_config(text, "g.toml")
        [target] = [each for route in root.routes for each in route.chain if each.name == "out"]
        assert isinstance(target, MxTarget)
        shown = [each.value for each in root.effective if each.key.endswith("per_message")]
        return target.limits.recipients, [str(each) for each in source.warnings], shown

    assert read("") == (1, [], [1])
    assert read("recipients_per_message = 1") == (1, [], [1])
    recipients, [warning], shown = read("recipients_per_message = 50")
    assert (recipients, shown) == (50, [50])
    assert "can report bounces of each other" in warning


def test_polling_needs_neither_an_address_nor_the_key_of_webhooks() -> None:
    text = f"{EVENTS}{PROVIDER}poll = '2m'\napi_{KEY}domain = 'mg.a.b'\nregion = 'eu'\n"
    config = parse_config(text)
    assert config.events is not None
    [provider] = config.events.providers
    assert (provider.has_webhook, provider.has_delivery_events) == (False, True)
    assert provider.poll is not None
    assert provider.poll.every.total_seconds() == 120
    assert provider.poll.urls == ("https://api.eu.mailgun.net/v3/mg.a.b/events",)
    here = parse_config(text + 'api_endpoint = "https://localhost:8443"\n').events
    assert here is not None
    assert here.providers[0].poll is not None
    assert here.providers[0].poll.urls == ("https://localhost:8443/v3/mg.a.b/events",)


def test_a_list_of_failures_does_not_tell_of_deliveries() -> None:
    postmark = PROVIDER.replace("mailgun", "postmark")
    polled = parse_config(f"{EVENTS}{postmark}poll = '1m'\napi_{KEY}").events
    both = parse_config(
        f"{EVENTS}{AT}{postmark}poll = '1m'\napi_{KEY}username = 'u'\npassword = {{ file = 'p' }}\n"
    ).events
    assert polled is not None
    assert both is not None
    assert not polled.providers[0].has_delivery_events
    assert both.providers[0].has_delivery_events


@pytest.mark.parametrize(("text", "problem"), MISTAKES)
def test_mistakes(text: str, problem: str) -> None:
    assert any(problem in each for each in mistakes(text)), mistakes(text)


SOURCE = """
[proof]
kind = "basic"
[event]
kind = ["event"]
delivery = ["id"]
recipients = "to"
[[meaning]]
kind = ["gone"]
then = "bounced"
where = { "a.b" = ["c"] }
"""


def parse(text: str) -> EventProvider:
    return parse_event_provider(text, "mine.toml")


def test_a_file_of_ones_own() -> None:
    provider = parse(SOURCE)
    assert (provider.name, provider.mark) == ("mine", None)
    assert provider.meanings[0].where == (("a.b", ("c",)),)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (('kind = "basic"', 'kind = "trust"'), "proof.kind"),
        (('kind = "basic"', 'kind = "ecdsa"'), "proof.signature_header is missing"),
        (('recipients = "to"', 'recipients = "to..x"'), "must be the path of a member"),
        (('recipients = "to"', ""), "event.recipients is missing"),
        (('then = "bounced"', 'then = "lost"'), "meaning[0].then must be"),
        (('{ "a.b" = ["c"] }', "{}"), "must be a table such as"),
        (("[event]", '[mark]\nheader = "X-A"\nvalue = "x"\n[event]'), '"{delivery}" in it'),
        (("[event]", '[mark]\nheader = "X A"\nvalue = "{delivery}"\n[event]'), "header field"),
        (('delivery = ["id"]', 'delivery = ["id"]\nother = 1'), "unknown key event.other"),
    ],
)
def test_mistakes_in_a_file(change: tuple[str, str], problem: str) -> None:
    with pytest.raises(ConfigProblems) as caught:
        parse(SOURCE.replace(*change))
    assert problem in str(caught.value)
