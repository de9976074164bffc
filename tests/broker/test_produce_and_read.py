"""``produce``, ``decisions`` and ``rejections`` against real brokers, as a user runs them."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from kafka import KafkaProducer

from stream_app.broker import Broker
from stream_app.cli import cli
from stream_app.commands.formats import DECISIONS_CSV_HEADER
from stream_app.commands.read_topic import Span, read
from stream_app.demo.sender import partition_of
from stream_app.errors import TopicMismatch
from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.topics import TopicNames, create_topics
from tests.builders.records import Record, output_of, published, request
from tests.servers.waiting import wait_until

pytestmark = pytest.mark.slow

CSV = "application_id,amount_requested,guaranteed_share,state,when\n7,50000,0.5,OH,2007-01-01\n8,,0.75,,2007-01-02\n"


class Place:
    """A broker, and the topics of one test on it."""

    def __init__(self, broker: Broker, prefix: str) -> None:
        self.bootstrap, self.prefix, self.names = broker.bootstrap, prefix, TopicNames.prefixed(prefix)
        create_topics(KafkaConnection(broker.bootstrap), 4, names=self.names)

    def words(self, *words: str) -> list[str]:
        return [*words, "--kafka", self.bootstrap, "--topic-prefix", self.prefix]

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(cli, self.words(*words))

    def requests(self) -> list[Any]:
        return list(read(KafkaConnection(self.bootstrap), self.names.requests, Span()))

    def publish(self, topic: str, records: list[Record], **settings: Any) -> None:
        """Publish records as they are, a millisecond apart, one after another over the partitions."""
        with KafkaProducer(bootstrap_servers=self.bootstrap, **settings) as producer:
            for number, record in enumerate(records):
                producer.send(
                    topic,
                    value=record.value,
                    key=record.key,
                    headers=record.headers,
                    partition=number % 4,
                    timestamp_ms=1_000 + number,
                )


@pytest.fixture
def place(broker: Broker, unique_prefix: str) -> Place:
    return Place(broker, unique_prefix)


def outputs(*sent: Record) -> list[Record]:
    return [published(output_of(record)) for record in sent]


def decisions(count: int) -> list[Record]:
    return outputs(*(Record(value=request(f"c{number}"), key=b"c%d" % number) for number in range(count)))


def test_the_rows_of_a_file_are_requests_under_their_client_id(place: Place, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(CSV)
    done = place.run("produce", str(tmp_path / "rows.csv"), "--date", "when")
    assert done.exit_code == 0, done.output
    assert "2 requests are on" in done.output
    records = {record.key: record for record in place.requests()}
    assert {key: record.partition for key, record in records.items()} == {
        key: partition_of(key, 0, 4) for key in (b"7", b"8")
    }
    first = json.loads(records[b"7"].value)
    assert first["features"] == {"state": "OH", "amount_requested": 50_000, "guaranteed_share": 0.5}
    assert first["requested_at"] == "2007-01-01T00:00:00Z"


def test_sending_a_file_again_repeats_the_same_records(place: Place, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(CSV)
    for _ in range(2):
        assert place.run("produce", str(tmp_path / "rows.csv"), "--date", "when").exit_code == 0
    values = [record.value for record in place.requests()]
    assert (len(values), len(set(values))) == (4, 2)


def test_a_sample_is_the_first_applications_of_the_loan_book(place: Place) -> None:
    assert place.run("produce", "--sample", "40").exit_code == 0
    ids = [json.loads(record.value)["request_id"] for record in place.requests()]
    assert (len(ids), len(set(ids)), "218908" in ids) == (40, 40, True)


def test_outcomes_lie_on_the_partition_numbers_of_their_requests(place: Place) -> None:
    for words in ([], ["--outcomes"]):
        done = place.run("produce", "--sample", "40", *words)
        assert done.exit_code == 0, done.output
    assert f"40 outcomes are on {place.names.outcomes}" in done.output
    outcomes = list(read(KafkaConnection(place.bootstrap), place.names.outcomes, Span()))
    assert {(each.key, each.partition) for each in outcomes} == {
        (each.key, each.partition) for each in place.requests()
    }


def test_a_file_of_outcomes_is_the_truth_about_requests_sent_before(place: Place, tmp_path: Path) -> None:
    (tmp_path / "truth.csv").write_text("request_id,client_id,bad,observed_at\na,7,1,2009-05-01\n")
    done = place.run("produce", "--outcomes", str(tmp_path / "truth.csv"), "--defaulted", "bad")
    assert done.exit_code == 0, done.output
    [record] = read(KafkaConnection(place.bootstrap), place.names.outcomes, Span())
    expected = {"request_id": "a", "client_id": "7", "defaulted": True, "observed_at": "2009-05-01T00:00:00Z"}
    assert (record.key, json.loads(record.value)) == (b"7", expected)


def test_a_file_without_a_needed_column_sends_nothing(place: Place, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("application_id,state\n7,OH\n")
    done = place.run("produce", str(tmp_path / "rows.csv"))
    assert done.exit_code != 0
    assert "amount_requested" in str(done.exception)
    assert place.requests() == []


def test_without_the_topics_nothing_is_sent_and_the_remedy_is_named(broker: Broker, unique_prefix: str) -> None:
    where = ["--kafka", broker.bootstrap, "--topic-prefix", unique_prefix]
    done = CliRunner().invoke(cli, ["produce", "--sample", "1", *where])
    assert isinstance(done.exception, TopicMismatch)
    assert "topics create" in str(done.exception)


def test_decisions_are_dumped_each_once_up_to_the_present_end(place: Place) -> None:
    published = decisions(500)
    place.publish(place.names.decisions, published)
    done = place.run("decisions", "--json")
    assert sorted(done.stdout.splitlines()) == sorted((record.value or b"").decode() for record in published)


def test_the_last_decisions_are_the_latest_over_all_partitions_in_their_order(place: Place) -> None:
    place.publish(place.names.decisions, decisions(50))
    lines = place.run("decisions", "--last", "5", "--json").stdout.splitlines()
    assert [json.loads(line)["client_id"] for line in lines] == ["c45", "c46", "c47", "c48", "c49"]


def test_people_get_a_header_and_one_line_a_decision(place: Place) -> None:
    place.publish(place.names.decisions, decisions(1))
    header, line = place.run("decisions").stdout.splitlines()
    assert header.split()[:2] == ["decided", "at"]
    assert "approved" in line


def test_a_table_of_decisions_has_one_header_and_a_row_a_decision(place: Place) -> None:
    assert place.run("decisions", "--csv").stdout.splitlines() == [DECISIONS_CSV_HEADER]
    place.publish(place.names.decisions, decisions(50))
    header, *rows = csv.reader(place.run("decisions", "--csv", "--last", "5").stdout.splitlines())
    assert ",".join(header) == DECISIONS_CSV_HEADER
    assert [row[1] for row in rows] == ["c45", "c46", "c47", "c48", "c49"]


def test_what_is_no_decision_is_told_beside_the_table(place: Place) -> None:
    place.publish(place.names.decisions, [Record(value=b"odd"), *decisions(1)])
    done = place.run("decisions", "--csv")
    assert len(done.stdout.splitlines()) == 2
    assert "no decision" in done.stderr


def test_rejections_show_what_was_sent_only_on_request(place: Place) -> None:
    place.publish(place.names.rejections, outputs(Record(value=b"{secret", key=b"c1")))
    assert "secret" not in place.run("rejections").stdout + place.run("rejections", "--json").stdout
    assert json.loads(place.run("rejections", "--json", "--payload").stdout)["value"] == "{secret"


def test_an_empty_topic_says_so_and_a_missing_one_is_an_error(place: Place) -> None:
    assert "none yet" in place.run("decisions").stderr
    done = CliRunner().invoke(cli, ["decisions", "--kafka", place.bootstrap, "--topic-prefix", "nowhere."])
    assert isinstance(done.exception, TopicMismatch)


@pytest.mark.kafka
def test_an_open_transaction_does_not_hold_up_a_dump(kafka_broker: Broker, unique_prefix: str) -> None:
    place = Place(kafka_broker, unique_prefix)
    topic = place.names.decisions
    place.publish(topic, decisions(4))
    with KafkaProducer(bootstrap_servers=place.bootstrap, transactional_id=unique_prefix) as producer:
        producer.init_transactions()
        producer.begin_transaction()
        producer.send(topic, value=b"not yet", partition=0).get(timeout=20)
        assert len(list(read(KafkaConnection(place.bootstrap), topic, Span()))) == 4
        producer.abort_transaction()


@pytest.mark.kafka
def test_of_transactions_only_the_committed_are_read_and_the_last_ones_are_found_among_their_marks(
    kafka_broker: Broker, unique_prefix: str
) -> None:
    place = Place(kafka_broker, unique_prefix)
    topic = place.names.decisions
    with KafkaProducer(bootstrap_servers=place.bootstrap, transactional_id=unique_prefix) as producer:
        producer.init_transactions()
        for number in range(20):
            producer.begin_transaction()
            producer.send(topic, value=b"%d" % number, partition=0, timestamp_ms=1_000 + number)
            producer.abort_transaction() if number % 2 else producer.commit_transaction()
    assert [record.value for record in read(KafkaConnection(place.bootstrap), topic, Span())] == [
        b"%d" % n for n in range(0, 20, 2)
    ]
    assert [record.value for record in read(KafkaConnection(place.bootstrap), topic, Span(last=3))] == [
        b"14",
        b"16",
        b"18",
    ]


@pytest.fixture
def command(place: Place, tmp_path: Path) -> Any:
    """Starts ``stream-app WORDS`` as a child process with its output and its complaints in a file each."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*words: str) -> tuple[subprocess.Popen[bytes], Path]:
        output = tmp_path / "output"
        with output.open("wb") as out, (tmp_path / "complaints").open("wb") as complaints:
            child = [sys.executable, "-m", "stream_app", *place.words(*words)]
            started.append(subprocess.Popen(child, stdout=out, stderr=complaints))
        return started[-1], output

    yield start
    for process in started:
        process.kill()
        process.wait()


def is_shown(text: bytes, output: Path) -> bool:
    return text in output.read_bytes()


def test_a_table_that_follows_has_one_header_and_each_new_decision(place: Place, command: Any) -> None:
    process, output = command("decisions", "--follow", "--csv", "--from-beginning")
    wait_until(output.read_bytes, "the header is written before there is a decision")
    for client in (0, 1):
        place.publish(place.names.decisions, decisions(2)[client:][:1])
        wait_until(partial(is_shown, b"c%d," % client, output), "the new row is shown")
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 130
    assert output.read_text().count("timestamp") == 1


def test_following_shows_what_comes_and_not_what_was_there_until_ctrl_c(place: Place, command: Any) -> None:
    place.publish(place.names.decisions, decisions(3))
    process, output = command("decisions", "--follow", "--json")
    more = decisions(4)[3:]

    def seen() -> bool:
        place.publish(place.names.decisions, more)  # again and again: nobody knows when the follower is there
        return b"c3" in output.read_bytes()

    wait_until(seen, "the new decision is shown")
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 130
    assert output.with_name("complaints").read_text().strip() == ""
    assert {json.loads(line)["client_id"] for line in output.read_text().splitlines()} == {"c3"}


def test_a_reader_that_has_enough_ends_the_dump_quietly(place: Place) -> None:
    place.publish(place.names.decisions, decisions(2_000))
    child = [sys.executable, "-m", "stream_app", *place.words("decisions", "--json")]
    with subprocess.Popen(child, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""


@pytest.mark.parametrize(
    "words", [["decisions"], ["decisions", "--csv"], ["decisions", "--json", "--follow"], ["rejections"]]
)
def test_a_listing_that_cannot_be_written_ends_with_one_line_and_a_status(place: Place, words: list[str]) -> None:
    place.publish(place.names.decisions, decisions(20))
    place.publish(place.names.rejections, outputs(Record(value=b"{", key=b"c1")))
    command = [*words, "--from-beginning"]
    with Path("/dev/full").open("wb") as full:
        child = [sys.executable, "-m", "stream_app", *place.words(*command)]
        done = subprocess.run(child, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode == 74
    assert done.stderr == "stream-app: The output cannot be written (No space left on device).\n"
    closed = ["sh", "-c", 'exec "$@" >&-', "sh", *child]
    done = subprocess.run(closed, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode == 74
    assert done.stderr == "stream-app: The output cannot be written (Bad file descriptor).\n"
