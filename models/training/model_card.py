"""The model card: what a person must know before trusting the model."""

from __future__ import annotations

import hashlib

from models.contract import Contract, Feature
from models.manifest import CalibrationBin, Figures, Manifest
from models.policy import Policy


def model_card(manifest: Manifest, contract: Contract, model_text: bytes) -> str:
    """The card as Markdown; nothing in it depends on the clock."""
    sections = (
        f"# Model card: {manifest.name}",
        _purpose(contract),
        _data(manifest, contract),
        _figures(manifest),
        _calibration(manifest),
        _policy(manifest.policy),
        _features(contract.features),
        _LIMITS,
        _provenance(manifest, model_text),
    )
    return "\n\n".join(sections) + "\n"


def _purpose(contract: Contract) -> str:
    return f"""## Intended use

Gives each loan request a probability that `{contract.target}` will be 1 (higher is riskier), and with the policy
below an outcome: approved, review by a person, or refused. It supports decisions on requests like those it was trained
on. It is not made for pricing, for collections, for people or products outside that population, or as the only ground
of a refusal."""


def _data(manifest: Manifest, contract: Contract) -> str:
    data = manifest.data
    period = f", dated {data.first_date} to {data.last_date} (`{contract.date_column}`)" if data.first_date else ""
    return f"""## Data

{data.rows:,} applications{period}, {data.defaults:,} of them ({data.defaults / data.rows:.1%}) defaults. Rows the
service would reject were left out before.

Held out: {manifest.hold_out}. A first model, fitted without them, was judged and calibrated
on them; the model shipped is the same recipe fitted on all rows, under that calibration."""


def _figures(manifest: Manifest) -> str:
    rows = "\n".join(_figure_row(group, figures) for group, figures in manifest.figures.items())
    return f"""## Figures

AUC: chance that a random default ranks above a random paid loan (0.5 is no use). Brier and log-loss: lower is better.
Observed and predicted: mean default rate. "hold-out" is the first model's, cross-fitted where it is calibrated; "out of
time" is the shipped model's on rows later than any it has seen.

| rows | n | defaults | observed | predicted | AUC | Brier | log-loss |
|---|---:|---:|---:|---:|---:|---:|---:|
{rows}"""


def _figure_row(group: str, figures: Figures) -> str:
    auc = "–" if figures.auc is None else f"{figures.auc:.3f}"
    return (
        f"| {group} | {figures.rows:,} | {figures.defaults:,} | {figures.observed:.2%} | {figures.predicted:.2%}"
        f" | {auc} | {figures.brier:.4f} | {figures.log_loss:.4f} |"
    )


def _calibration(manifest: Manifest) -> str:
    rows = "\n".join(_bin_row(number, group) for number, group in enumerate(manifest.calibration_table, start=1))
    return f"""## Calibration

Method: **{manifest.calibration.method}**, the one with the lower cross-fitted log-loss on the hold-out. The hold-out in
groups of rising probability:

| group | n | predicted | observed |
|---:|---:|---:|---:|
{rows}"""


def _bin_row(number: int, group: CalibrationBin) -> str:
    return f"| {number} | {group.rows:,} | {group.predicted:.2%} | {group.observed:.2%} |"


def _policy(policy: Policy) -> str:
    return f"""## Policy

`{policy.id}`: a missed default costs as much as {policy.cost_ratio:g} lost good loans, a person's look as much as
{policy.review_cost:g}. Hence approved below {policy.review_at:.4f}, reviewed from there, refused from
{policy.refuse_at:.4f} on. The thresholds are only as good as the calibration."""


def _features(features: tuple[Feature, ...]) -> str:
    rows = "\n".join(_feature_row(feature) for feature in features)
    return f"## Features\n\n| feature | kind | unit | values | required |\n|---|---|---|---|---|\n{rows}"


def _feature_row(feature: Feature) -> str:
    required = "yes" if feature.required else ""
    return f"| `{feature.name}` | {feature.kind} | {feature.unit} | {_values(feature)} | {required} |"


def _values(feature: Feature) -> str:
    if feature.kind == "category":
        return f"{len(feature.categories)} categories"
    ends = ["" if end is None else f"{end:,g}" for end in (feature.minimum, feature.maximum)]
    return " to ".join(ends).strip() or "any"


_LIMITS = """## Limits

* The training rows are applications that were approved and have an outcome; the refused ones are unknown (reject
  inference was not attempted). The model knows nothing of applicants unlike them.
* An outcome is known only long after the decision; whoever trains on recent rows must wait until theirs is.
* Probabilities hold for the economy of the training period. Where "predicted" and "observed" part above, the ranking
  may still serve while the thresholds do not: watch the calibration on late outcomes, not only the inputs' drift.
* An unseen category takes the path of a missing value and is counted. A number that was never missing in training is
  read as 0 when it is missing: make such a feature required where 0 would be wrong.
* Reasons are exact Shapley values of the trees, in log-odds before calibration. They explain the model, not the world.
* No test for disparate impact was made, and a feature such as place or industry can stand in for a protected trait.
  Make that test on your own population before use."""


def _provenance(manifest: Manifest, model_text: bytes) -> str:
    libraries = ", ".join(f"{name} {version}" for name, version in manifest.libraries.items())
    settings = ", ".join(f"{name}={value}" for name, value in manifest.parameters.items())
    return f"""## Provenance

* `model.txt` SHA-256: `{hashlib.sha256(model_text).hexdigest()}`
* Training data SHA-256 (encoded matrix, then target, float64): `{manifest.data.sha256}`
* Seed {manifest.seed}; {settings}
* {libraries}

The same data, seed, thread count and library versions give the same bytes again."""
