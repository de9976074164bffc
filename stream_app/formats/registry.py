"""A schema registry over HTTP: Confluent's API, which Apicurio, Karapace and Redpanda speak as well.

A schema never changes under its id: it is asked for once and kept. That an id is unknown is kept for a while only: a
registry that follows another may learn of it later.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import msgspec

from stream_app.errors import RegistryError, RegistryUnavailable
from stream_app.events import RejectionReason, Undecodable
from stream_app.formats.writer_schema import WriterSchema, unusable, writer_schema

REQUEST_SECONDS = 3.0
MAX_ANSWER_BYTES = 1_000_000
MAX_KNOWN = 1_000
"""Schema ids remembered, the most recently used ones."""
UNKNOWN_SECONDS = 60.0

_NO_SUBJECT, _NO_SCHEMA = 40401, 40403
"""Confluent's codes: a plain 404 may also come from a server that is no registry."""

_Known = tuple[WriterSchema | Undecodable, float]
"""A schema or why there is none, and until when that holds."""


class SchemaRegistry:
    """``url``: up to where Confluent's paths begin. ``login``: user and password. ``context``: TLS for ``https``.

    ``registers``: whether schemas of ours are registered, or must be there.
    """

    def __init__(
        self,
        url: str,
        login: tuple[str, str] | None = None,
        context: Callable[[], ssl.SSLContext] = ssl.create_default_context,
        *,
        registers: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url, self._registers, self._clock = url.rstrip("/"), registers, clock
        self._context = context() if url.startswith("https:") else None
        self._headers = {"Accept": "application/vnd.schemaregistry.v1+json, application/json"}
        if login:
            self._headers["Authorization"] = "Basic " + base64.b64encode(":".join(login).encode()).decode()
        self._known: OrderedDict[int, _Known] = OrderedDict()

    def check(self) -> None:
        """Raises RegistryUnavailable or RegistryError unless a registry answers."""
        try:
            self._ask("/schemas/types")
        except _Refusal as refusal:
            raise self._refused(refusal) from None

    def schema(self, schema_id: int) -> WriterSchema:
        """The schema under an id. Raises Undecodable (there is none, or it cannot be used) or RegistryError."""
        schema, holds_until = self._known.get(schema_id, (None, 0.0))
        if schema is None or holds_until < self._clock():
            schema = self._fetch(schema_id)
            holds_until = self._clock() + UNKNOWN_SECONDS if isinstance(schema, Undecodable) else float("inf")
            self._known[schema_id] = schema, holds_until
            if len(self._known) > MAX_KNOWN:
                self._known.popitem(last=False)
        self._known.move_to_end(schema_id)
        if isinstance(schema, Undecodable):
            raise schema
        return schema

    def id_of(self, subject: str, schema: dict[str, Any]) -> int:
        """The id of a schema under a subject, registered if it is new and we may. Raises RegistryError."""
        path = f"/subjects/{urllib.parse.quote(subject, safe='')}" + ("/versions" if self._registers else "")
        try:
            return int(self._ask(path, {"schema": json.dumps(schema), "schemaType": "AVRO"})["id"])
        except _Refusal as refusal:
            raise self._not_registered(subject, refusal) from None
        except (KeyError, TypeError, ValueError):
            raise self._away("answers without an id") from None

    def _fetch(self, schema_id: int) -> WriterSchema | Undecodable:
        try:
            answer = self._ask(f"/schemas/ids/{schema_id}")
            if answer.get("schemaType", "AVRO") != "AVRO":
                raise unusable("is no Avro schema")
            if answer.get("references"):
                raise unusable("refers to other schemas, which is not supported")
            return writer_schema(msgspec.json.decode(answer["schema"]))
        except _Refusal as refusal:
            if refusal.code != _NO_SCHEMA:
                raise self._refused(refusal) from None
            return Undecodable(RejectionReason.UNKNOWN_SCHEMA_ID, f"The schema registry has no schema {schema_id}.")
        except Undecodable as fault:
            return fault
        except (AttributeError, KeyError, TypeError, msgspec.DecodeError, RecursionError):
            return unusable("is not readable")

    def _ask(self, path: str, document: dict[str, Any] | None = None) -> Any:
        """The JSON answer. Raises _Refusal, RegistryUnavailable, or Undecodable for an answer without end."""
        body = None if document is None else json.dumps(document).encode()
        headers = self._headers | ({"Content-Type": "application/vnd.schemaregistry.v1+json"} if body else {})
        request = urllib.request.Request(self._url + path, body, headers)  # noqa: S310 - the settings allow http and https only
        try:
            with urllib.request.urlopen(request, timeout=REQUEST_SECONDS, context=self._context) as answer:  # noqa: S310
                content = answer.read(MAX_ANSWER_BYTES + 1)
                if len(content) > MAX_ANSWER_BYTES:
                    raise unusable("is larger than 1 MB")
                return json.loads(content)
        except urllib.error.HTTPError as fault:
            if fault.code >= 500 or fault.code == 429:
                raise self._away(f"answered {fault.code}") from None
            raise _Refusal(fault) from None
        except (OSError, http.client.HTTPException) as fault:
            cause = fault.reason if isinstance(fault, urllib.error.URLError) else fault
            if isinstance(cause, ssl.SSLError):
                raise self._not_trusted(cause) from None
            raise self._away(f"does not answer ({type(cause).__name__})") from None
        except Undecodable:
            raise
        except (ValueError, RecursionError):
            raise self._away("answers with something else than JSON") from None

    def _away(self, how: str) -> RegistryUnavailable:
        return RegistryUnavailable(
            f"The schema registry at {self._url} {how}.",
            kept="No record was passed over for it.",
            do_next="Start it or correct STREAM_APP_REGISTRY.",
        )

    def _not_trusted(self, fault: ssl.SSLError) -> RegistryError:
        why = getattr(fault, "verify_message", "") or fault.reason or type(fault).__name__
        return RegistryError(
            f"There is no TLS connection to the schema registry at {self._url}: {why}.",
            do_next="Name its authority's certificate in STREAM_APP_REGISTRY_CA, and the host the certificate names.",
        )

    def _refused(self, refusal: _Refusal) -> RegistryError:
        if refusal.status in (401, 403):
            do_next = "Check STREAM_APP_REGISTRY_USERNAME and STREAM_APP_REGISTRY_PASSWORD and what they may do there."
        else:
            do_next = (
                "STREAM_APP_REGISTRY must name it up to where Confluent's API begins, for Apicurio /apis/ccompat/v7."
            )
        return RegistryError(f"The schema registry at {self._url} refuses: {refusal}.", do_next=do_next)

    def _not_registered(self, subject: str, refusal: _Refusal) -> RegistryError:
        if refusal.status == 409:
            return RegistryError(
                f"The registry refuses our schema of {subject} as incompatible with those it has: {refusal}.",
                do_next="Take topics of another prefix, or register it there by hand under another compatibility rule.",
            )
        if refusal.code in (_NO_SUBJECT, _NO_SCHEMA) and not self._registers:
            return RegistryError(
                f"The registry does not have our schema of {subject}.",
                do_next="Register the .avsc file of it that `stream-app contracts` writes, or set "
                "STREAM_APP_REGISTRY_REGISTER=true.",
            )
        return self._refused(refusal)


class _Refusal(Exception):
    """The registry's answer is no: HTTP status, Confluent's code if it gives one, its message."""

    def __init__(self, answer: urllib.error.HTTPError) -> None:
        try:
            document = json.loads(answer.read(MAX_ANSWER_BYTES))
            self.code, message = int(document["error_code"]), str(document["message"])
        except (OSError, http.client.HTTPException, ValueError, TypeError, KeyError, RecursionError):
            self.code, message = 0, str(answer.reason)
        self.status = answer.code
        super().__init__(f"{answer.code} {message[:300]}".rstrip("."))
