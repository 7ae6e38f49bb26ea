"""The metrics for Prometheus."""

import re

from gatepost.watch.metrics import UpstreamStatus, render
from tests.unit.watch.looks import EXPIRED, NOW, now

LINE = re.compile(r'[a-z_]+\{(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)+\} -?[\d.]+(?:e[+-]?\d+)?')


def test_everything_that_is_known() -> None:
    status = UpstreamStatus(
        "provider", "mail.example.com:587", now(), {"healthy": 3, "finding": 1}, 2
    )
    lines = render([status], NOW).splitlines()
    samples = [line for line in lines if not line.startswith("#")]
    assert [line for line in samples if not LINE.fullmatch(line)] == []
    expected = [
        'up{upstream="provider",server="mail.example.com:587"} 1',
        'healthy{upstream="provider"} 1',
        'auth_mechanism{upstream="provider",mechanism="CRAM-MD5",channel="tls"} 1',
        'size_limit_bytes{upstream="provider",channel="clear"} 1000',
        'certificate_age_seconds{upstream="provider"} 2592000',
        'certificate_left_seconds{upstream="provider"} 5184000',
        'probes_total{upstream="provider",verdict="healthy"} 3',
        'changes_total{upstream="provider"} 2',
    ]
    assert [each for each in expected if f"gatepost_watch_{each}" not in samples] == []
    for line in samples:
        assert f"# TYPE {line.partition('{')[0]} " in "\n".join(lines)


def test_unknown_values_have_no_metric() -> None:
    text = render([UpstreamStatus("a", "a:587")], NOW)
    assert 'changes_total{upstream="a"} 0' in text
    assert 'up{upstream="a"' not in text


def test_a_server_cannot_write_lines_of_its_own() -> None:
    found = now(findings=(EXPIRED,))
    odd = UpstreamStatus('a"\\\nb', "h:1\ud800", found)
    for line in render([odd], NOW).splitlines():
        assert line.startswith("#") or LINE.fullmatch(line), line
