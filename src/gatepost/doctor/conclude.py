"""From evidence to a diagnosis, with the providers that we know."""

from gatepost.diagnosis.diagnose import diagnose as conclude
from gatepost.model.evidence import Evidence
from gatepost.model.finding import Diagnosis
from gatepost.profiles import available_profiles, load_profile


def diagnose_evidence(evidence: Evidence) -> Diagnosis:
    """Return what the rules of this version make of evidence, also of a saved one."""
    return conclude(evidence, [load_profile(name) for name in available_profiles()])
