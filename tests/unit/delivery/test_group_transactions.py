"""Whose a transaction is: told by its id alone, whatever dots the names of groups have."""

from __future__ import annotations

from stream_app.transactions.group import abandoned, name_of, of_group, transactional_id
from stream_app.transactions.requests import Member


def test_the_ids_of_one_group_are_not_taken_for_those_of_another_whose_name_begins_alike() -> None:
    short, long = Member("a", 1, "client-0.15.3-x"), Member("a.b", 1, "client-0.15.3-y")
    ids = [transactional_id(member, turn) for member in (short, long) for turn in (0, 1)]
    assert len(set(ids)) == 4
    assert list(of_group("a", ids)) == ids[:2]
    assert list(of_group("a.b", ids)) == ids[2:]


def test_transactions_of_members_that_are_gone_are_abandoned_and_those_of_the_living_are_not() -> None:
    here, gone = Member("a", 1, "client-0.15.3-x"), Member("a", 1, "client-0.15.3-y")
    ids = [transactional_id(here, 0), transactional_id(gone, 1)]
    assert abandoned(ids, living=[name_of(here.member_id, None)]) == [ids[1]]


def test_an_id_that_is_none_of_ours_is_nobodys() -> None:
    assert list(of_group("a", ["a", "a.check", "a.topic.0.1", "a.other.ids", "b.x.0"])) == []


def test_whoever_is_started_in_a_slot_has_the_ids_of_whoever_was_there_before() -> None:
    older, newer = Member("a", 1, "client-x", "one"), Member("a", 7, "client-y", "one")
    assert transactional_id(older, 0) == transactional_id(newer, 0) == "a.slot-one.0"
    assert abandoned([transactional_id(older, 0)], living=[name_of(newer.member_id, newer.instance_id)]) == []
