"""The simulator: the loan book of 2005-2008 in approval order, as requests, profiles and the truth."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import msgspec
import pandas as pd
import pytest

from models.contract import Contract
from models.datasets.sba import CONTRACT_FILE, PROFILE_FEATURES, REQUEST_FEATURES, load_applications
from stream_app.demo.loan_book import Replay, read_replay, replay_of
from stream_app.events import Label, LoanRequest
from stream_app.feature_struct import feature_struct
from stream_app.tables.messages import label_message, request_message

CONTRACT = Contract.read(CONTRACT_FILE)


@pytest.fixture(scope="module")
def replay() -> Replay:
    return read_replay(CONTRACT)


def test_the_replay_is_every_application_of_2005_to_2008(replay: Replay) -> None:
    assert len(replay) == len(replay.profiles) == len(replay.years) == len(replay.defaulted) == 74_118
    assert (min(replay.years), max(replay.years)) == (2005, 2008)


def test_requests_come_in_the_order_of_approval_and_at_its_date(replay: Replay) -> None:
    assert all(earlier.requested_at <= later.requested_at for earlier, later in pairwise(replay.requests))
    assert replay.requests[0].requested_at == dt.datetime(2005, 1, 3, tzinfo=dt.UTC)


def test_a_request_is_known_by_its_application_and_states_only_what_is_asked_for(replay: Replay) -> None:
    request = replay.requests[0]
    assert request.request_id == request.client_id == "218908"
    assert isinstance(request.features, dict)
    assert tuple(request.features) == REQUEST_FEATURES
    assert request.features["amount_requested"] == 70_000


def test_the_profile_of_the_same_client_has_what_is_known_beforehand(replay: Replay) -> None:
    client, profile = replay.profiles[0]
    assert client == replay.requests[0].client_id
    assert tuple(msgspec.json.decode(profile)) == PROFILE_FEATURES


def test_an_empty_cell_is_null(replay: Replay) -> None:
    missing = [request for request in replay.requests if request.features["revolving_line"] is None]  # type: ignore[index]
    assert len(missing) == 19_421
    assert b'"revolving_line":null' in msgspec.json.encode(missing[0])


def test_every_request_and_every_profile_keeps_the_shipped_contract(replay: Replay) -> None:
    features = feature_struct(CONTRACT)
    decode_request = msgspec.json.Decoder(LoanRequest[features]).decode  # type: ignore[valid-type]
    decode_profile = msgspec.json.Decoder(features).decode
    for request, (_, profile) in zip(replay.requests, replay.profiles, strict=True):
        assert decode_request(msgspec.json.encode(request)).request_id == request.request_id
        assert isinstance(decode_profile(profile), features)


def test_a_limit_takes_the_first_ones(replay: Replay) -> None:
    some = read_replay(CONTRACT, limit=10)
    assert list(some.requests) == list(replay.requests[:10])
    assert len(some.profiles) == 10


def test_the_share_of_defaults_by_year_is_that_of_the_book(replay: Replay) -> None:
    of_2007 = [bad for year, bad in zip(replay.years, replay.defaulted, strict=True) if year == 2007]
    assert sum(of_2007) / len(of_2007) == pytest.approx(0.2012, abs=1e-4)


def test_every_application_has_one_label_in_the_same_order_and_of_the_same_truth(replay: Replay) -> None:
    assert [label.request_id for label in replay.labels] == [request.request_id for request in replay.requests]
    assert [label.defaulted for label in replay.labels] == [bool(bad) for bad in replay.defaulted]
    assert all(label.client_id == label.request_id for label in replay.labels)


def test_a_default_is_known_when_it_is_charged_off_and_a_paid_loan_after_36_months() -> None:
    days = pd.to_datetime(pd.Series(["2005-02-28", "2005-02-28", "2005-02-28"]))
    charged_off = pd.to_datetime(pd.Series(["2006-03-01", "2009-01-01", None]))
    book = load_applications().head(3).assign(approval_date=days, charge_off_date=charged_off, defaulted_36m=[1, 0, 0])
    labels = replay_of(book, CONTRACT).labels
    assert [label.defaulted for label in labels] == [True, False, False]
    assert [label.observed_at for label in labels] == [
        dt.datetime(2006, 3, 1, tzinfo=dt.UTC),
        dt.datetime(2008, 2, 28, tzinfo=dt.UTC),  # the later charge-off is beyond the horizon
        dt.datetime(2008, 2, 28, tzinfo=dt.UTC),
    ]


def test_the_truth_about_the_crisis_comes_until_the_end_of_2011(replay: Replay) -> None:
    known = [label.observed_at for label in replay.labels]
    assert (min(known), max(known)) == (
        dt.datetime(2005, 12, 2, tzinfo=dt.UTC),
        dt.datetime(2011, 12, 31, tzinfo=dt.UTC),
    )
    assert all(known > asked.requested_at for known, asked in zip(known, replay.requests, strict=True))


def test_a_label_has_the_key_of_its_request(replay: Replay) -> None:
    message = label_message(replay.labels[0])
    assert message.key == request_message(replay.requests[0]).key
    assert msgspec.json.decode(message.value or b"", type=Label) == replay.labels[0]
