"""What ``deploy`` has works: the chart and the manifests are valid, the configuration in them has
no mistakes, and systemd can read the unit."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from gatepost.config.load import load_config
from tests.certificates import make_authority
from tests.docs.manifests import CHART, MANIFESTS, ROOT, manifests, objects, render

VERSIONS = ("1.27", "1.30", "1.33", "1.37")
OTHER_VALUES: list[dict[str, Any]] = [
    {"networkPolicy": {"enabled": False}, "tlsSecret": "", "replicas": 1},
    {
        "image": {"pullSecrets": [{"name": "registry"}]},
        "service": {"type": "LoadBalancer", "annotations": {"a": "b"}},
        "nodeSelector": {"disk": "fast"},
        "tolerations": [{"key": "mail", "operator": "Exists"}],
        "networkPolicy": {"monitors": [{"namespaceSelector": {}}]},
        "podAnnotations": {"note": "x"},
        "podDisruptionBudget": {"minAvailable": 2, "maxUnavailable": None},
    },
]


def by_kind(text: str) -> dict[str, dict[str, Any]]:
    return {each["kind"]: each for each in objects(text)}


def test_the_configuration_in_it_has_no_mistakes(tmp_path: Path) -> None:
    pair = make_authority(tmp_path).issue("relay.example.com")
    text = yaml.safe_load((CHART / "values.yaml").read_text())["config"]
    for old, new in (
        ("/run/tls/tls.crt", pair.certificate),
        ("/run/tls/tls.key", pair.key),
        ("/run/secrets/gatepost/", f"{tmp_path}/"),
        ("/var/lib/gatepost", str(tmp_path / "data")),
    ):
        assert old in text
        text = text.replace(old, str(new))
    for name in ("database", "application", "provider"):
        (tmp_path / name).write_text("postgresql://gatepost@db/gatepost")
        (tmp_path / name).chmod(0o600)
    config = tmp_path / "gatepost.toml"
    config.write_text(text)
    assert load_config(config).warnings == ()


def test_the_pods_have_no_rights_and_each_is_a_node_of_its_own() -> None:
    spec = by_kind(MANIFESTS.read_text())["Deployment"]["spec"]
    pod = spec["template"]["spec"]
    [container] = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not pod["automountServiceAccountToken"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    [node] = [each for each in container["env"] if each["name"] == "NODE"]
    assert node["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}
    arguments = container["args"]
    assert arguments[arguments.index("--node") + 1] == "$(NODE)"
    assert container["readinessProbe"]["httpGet"]["path"] == "/health"
    assert "httpGet" not in container["livenessProbe"], "no restart heals a database"
    mounts = {each["mountPath"] for each in container["volumeMounts"]}
    assert {"/var/lib/gatepost", "/var/lib/gatepost/key", "/tmp"} <= mounts
    assert not any("secret" in str(each.get("value", "")) for each in container["env"])


def test_the_network_is_closed_except_for_mail_dns_and_the_database() -> None:
    policy = by_kind(MANIFESTS.read_text())["NetworkPolicy"]["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    [ingress] = policy["ingress"]
    assert ingress["from"]
    assert [each["port"] for each in ingress["ports"]] == ["submission"]
    dns, database, upstreams = policy["egress"]
    assert {each["port"] for each in dns["ports"]} == {53}
    assert [each["port"] for each in database["ports"]] == [5432]
    assert 587 in [each["port"] for each in upstreams["ports"]]


@pytest.mark.compliance
def test_the_manifests_are_those_of_the_chart() -> None:
    assert MANIFESTS.read_text() == manifests()


@pytest.mark.compliance
def test_the_chart_has_no_faults() -> None:
    import helm_python

    found = helm_python.lint(CHART)
    messages = [each["error"] for each in found["messages"]]
    assert not found["errors"]
    assert messages == ["icon is recommended"]


@pytest.mark.compliance
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("values", [{}, *OTHER_VALUES], ids=["default", "least", "most"])
def test_its_objects_are_valid(version: str, values: dict[str, Any]) -> None:
    import kubernetes_validate

    found = [each for text in render(values).values() for each in objects(text)]
    assert {"Deployment", "Service", "ConfigMap"} <= {each["kind"] for each in found}
    for each in found:
        kubernetes_validate.validate(each, version, strict=True)


@pytest.mark.compliance
def test_values_that_do_not_exist_are_refused() -> None:
    import helm_python

    with pytest.raises(helm_python.HelmError, match="replica"):
        render({"replica": 2})


def test_systemd_reads_the_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    text = (ROOT / "deploy/systemd/gatepost@.service").read_text()
    program = tmp_path / "gatepost"
    program.symlink_to(sys.executable)
    unit = tmp_path / "gatepost@one.service"
    unit.write_text(text.replace("/opt/gatepost/bin/gatepost", str(program)))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    ours = [each for each in done.stderr.splitlines() if "gatepost" in each]
    assert (done.returncode, ours) == (0, [])
