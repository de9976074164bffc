"""The simulator: the real loan book as a stream of loan requests in the order of approval, and their labels.

A request states what the applicant asks for; what is known of the client beforehand is in the client store. The
application's id serves as request id and as client id. A label has the date it became known: a default the day the loan
was charged off, a paid loan the end of the horizon that the model predicts.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
import pandas as pd

from models.contract import Contract
from models.datasets.sba import PROFILE_FEATURES, REQUEST_FEATURES, TARGET, TARGET_MONTHS, load_applications
from stream_app.events import Label, LoanRequest
from stream_app.formats.format import Format
from stream_app.formats.json_format import JSON
from stream_app.tables.columns import Profile, Request, feature_objects
from stream_app.tables.messages import Message, label_message

FIRST_YEAR, LAST_YEAR = 2005, 2008
"""What is replayed: the years after the shipped model's training data, up to the crisis."""


@dataclass(frozen=True)
class Replay:
    """Applications in approval order: requests, client profiles, years of approval, the labels (1: defaulted), and the
    same as labels, each dated when it became known."""

    requests: Sequence[Request]
    profiles: Sequence[Profile]
    years: Sequence[int]
    defaulted: Sequence[int]
    labels: Sequence[Label]

    def __len__(self) -> int:
        return len(self.requests)

    @property
    def applications(self) -> Sequence[Profile]:
        """What each request says, as the client's latest application in the client store."""
        return [(request.client_id, msgspec.json.encode(request.features)) for request in self.requests]


def read_replay(contract: Contract, limit: int | None = None) -> Replay:
    """The shipped book's applications of 2005-2008, at most ``limit`` of them."""
    book = load_applications()
    years = book["approval_date"].dt.year
    return replay_of(book[years.between(FIRST_YEAR, LAST_YEAR)].head(limit or len(book)), contract)


def replay_of(applications: pd.DataFrame, contract: Contract) -> Replay:
    """Applications, with the columns of :func:`models.datasets.sba.load_applications`, in their order."""
    ids = [str(application) for application in applications["application_id"].tolist()]
    dates = _utc(applications["approval_date"])
    asked = feature_objects(applications[[*REQUEST_FEATURES]], contract)
    known = feature_objects(applications[[*PROFILE_FEATURES]], contract)
    return Replay(
        requests=[
            LoanRequest(request_id, request_id, date, features)
            for request_id, date, features in zip(ids, dates, asked, strict=True)
        ],
        profiles=[(client, msgspec.json.encode(profile)) for client, profile in zip(ids, known, strict=True)],
        years=applications["approval_date"].dt.year.tolist(),
        defaulted=applications[TARGET].tolist(),
        labels=_labels(ids, applications),
    )


def _labels(ids: Sequence[str], applications: pd.DataFrame) -> list[Label]:
    """Defaults are known on their charge-off date, the others ``TARGET_MONTHS`` after their approval."""
    defaulted = applications[TARGET].eq(1)
    horizon = applications["approval_date"] + pd.DateOffset(months=TARGET_MONTHS)
    known = _utc(applications["charge_off_date"].where(defaulted, horizon))
    return [
        Label(request_id, request_id, bad, date)
        for request_id, bad, date in zip(ids, defaulted.tolist(), known, strict=True)
    ]


def _utc(dates: pd.Series) -> list[dt.datetime]:
    return [date.replace(tzinfo=dt.UTC) for date in dates.dt.to_pydatetime()]


class LabelSchedule:
    """Labels in the order they became known, each due once the first request of the same date or a later one is sent.

    What became known after the last request is due when all are sent. ``requests`` are in the order of their dates.
    """

    def __init__(self, labels: Iterable[Label], requests: Sequence[Request], outcomes: Format = JSON) -> None:
        self._outcomes = outcomes
        dates = [request.requested_at for request in requests]
        ordered = sorted(labels, key=lambda label: label.observed_at)
        self._waiting = deque((bisect_left(dates, label.observed_at), label) for label in ordered)

    def due(self, sent: int) -> list[Message]:
        """Those that the first ``sent`` requests make due, each returned once, in their order."""
        due: list[Message] = []
        while self._waiting and self._waiting[0][0] < sent:
            due.append(label_message(self._waiting.popleft()[1], self._outcomes))
        return due

    def rest(self) -> list[Message]:
        """All that is still waiting."""
        rest = [label_message(label, self._outcomes) for _, label in self._waiting]
        self._waiting.clear()
        return rest
