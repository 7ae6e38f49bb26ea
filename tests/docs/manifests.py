"""The manifests of ``deploy/kubernetes``, which are the chart with its default values.

``python -m tests.docs.manifests`` writes them; it needs requirements/compliance.txt.
"""

from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).parent.parent.parent
CHART: Final = ROOT / "deploy/helm/gatepost"
MANIFESTS: Final = ROOT / "deploy/kubernetes/gatepost.yaml"
HEAD: Final = """\
# Made from deploy/helm/gatepost by `python -m tests.docs.manifests`. Change the ConfigMap, the
# image and the NetworkPolicy; docs/how-to/kubernetes.md has the rest.
"""


def render(values: dict[str, Any] | None = None) -> dict[str, str]:
    """Return the objects of the chart as YAML, by the names of their templates."""
    import helm_python

    chart = helm_python.Chart.load(CHART)
    texts = chart.render(values or {}, name="gatepost", namespace="mail")
    named = {Path(name).stem: text.strip() for name, text in sorted(texts.items())}
    return {name: text for name, text in named.items() if text and name != "NOTES"}


def manifests() -> str:
    """Return the contents of the file."""
    return HEAD + "".join([f"---\n{text}\n" for text in render().values()])


def objects(text: str) -> list[dict[str, Any]]:
    """Return the objects in a file."""
    return [each for each in yaml.safe_load_all(text) if each]


if __name__ == "__main__":
    MANIFESTS.write_text(manifests(), encoding="utf-8")
