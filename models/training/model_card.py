"""The model card: what a person must know before trusting the model. Its text is in model_card_template.md."""

from __future__ import annotations

import hashlib
from pathlib import Path

from models.contract import Contract, Feature
from models.manifest import CalibrationBin, Figures, Manifest

_TEMPLATE = Path(__file__).with_name("model_card_template.md")


def model_card(manifest: Manifest, contract: Contract, model_text: bytes) -> str:
    """The card as Markdown; the same arguments give the same text."""
    data = manifest.data
    groups = enumerate(manifest.calibration_table, start=1)
    return _TEMPLATE.read_text(encoding="utf-8").format(
        manifest=manifest,
        contract=contract,
        data=data,
        policy=manifest.policy,
        period=f", dated {data.first_date} to {data.last_date} (`{contract.date_column}`)" if data.first_date else "",
        default_rate=data.defaults / data.rows,
        figures="\n".join(_figures_row(group, figures) for group, figures in manifest.figures.items()),
        calibration_table="\n".join(_calibration_row(number, group) for number, group in groups),
        features="\n".join(_feature_row(feature) for feature in contract.features),
        model_sha256=hashlib.sha256(model_text).hexdigest(),
        parameters=", ".join(f"{name}={value}" for name, value in manifest.parameters.items()),
        libraries=", ".join(f"{name} {version}" for name, version in manifest.libraries.items()),
    )


def _figures_row(group: str, figures: Figures) -> str:
    auc = "–" if figures.auc is None else f"{figures.auc:.3f}"
    return (
        f"| {group} | {figures.rows:,} | {figures.defaults:,} | {figures.observed:.2%} | {figures.predicted:.2%}"
        f" | {auc} | {figures.brier:.4f} | {figures.log_loss:.4f} |"
    )


def _calibration_row(number: int, group: CalibrationBin) -> str:
    return f"| {number} | {group.rows:,} | {group.predicted:.2%} | {group.observed:.2%} |"


def _feature_row(feature: Feature) -> str:
    required = "yes" if feature.required else ""
    return f"| `{feature.name}` | {feature.kind} | {feature.unit} | {_accepted_values(feature)} | {required} |"


def _accepted_values(feature: Feature) -> str:
    if feature.kind == "category":
        return f"{len(feature.categories)} categories"
    ends = ["" if end is None else f"{end:,g}" for end in (feature.minimum, feature.maximum)]
    usual = [f"{end:,g}" for end in (feature.usual_minimum, feature.usual_maximum) if end is not None]
    return " to ".join(ends).strip() or (f"any, usually {' to '.join(usual)}" if usual else "any")
