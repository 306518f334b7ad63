# SPDX-License-Identifier: Apache-2.0
"""A client of the API server: one object at a time, with the server's own words on a refusal."""

import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Document = dict[str, Any]
"""A Kubernetes object as JSON gives it."""

TIMEOUT_SECONDS = 30


class RefusedError(Exception):
    """The server answered with an error.

    Args:
        code: HTTP's.
        message: the server's.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


@dataclass(slots=True)
class Api:
    """The API server as one user meets it."""

    port: int
    context: ssl.SSLContext
    token: str
    _resources: dict[tuple[str, str], tuple[str, bool]] = field(default_factory=dict)

    def as_user(self, token: str) -> "Api":
        return Api(self.port, self.context, token)

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        content_type: str = "application/json",
    ) -> Document:
        """Return the answer's object.

        Raises:
            RefusedError: the server answered with another status than 2xx.
            OSError: it does not answer.
        """
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.port, timeout=TIMEOUT_SECONDS, context=self.context
        )
        headers = {"Content-Type": content_type, "Authorization": f"Bearer {self.token}"}
        try:
            connection.request(
                method, path, None if body is None else json.dumps(body), headers=headers
            )
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        try:
            document = json.loads(text)
        except ValueError:
            document = {"message": text}
        if not 200 <= answer.status < 300:
            raise RefusedError(answer.status, document.get("message", text))
        found: Document = document
        return found

    def create(self, document: Mapping[str, Any], **query: str) -> Document:
        """Create the object; unknown fields are refused unless ``query`` says otherwise."""
        options = {"fieldValidation": "Strict", **query}
        path = self._collection(document)
        tail = "&".join(f"{key}={value}" for key, value in options.items())
        return self.request("POST", f"{path}?{tail}", document)

    def get(self, document: Mapping[str, Any]) -> Document:
        return self.request("GET", self._path(document))

    def replace(self, document: Mapping[str, Any]) -> Document:
        return self.request("PUT", f"{self._path(document)}?fieldValidation=Strict", document)

    def patch(self, document: Mapping[str, Any], change: object) -> Document:
        """Apply a JSON merge patch."""
        path = self._path(document)
        return self.request("PATCH", path, change, "application/merge-patch+json")

    def delete(self, document: Mapping[str, Any]) -> Document:
        return self.request("DELETE", self._path(document))

    def _path(self, document: Mapping[str, Any]) -> str:
        return f"{self._collection(document)}/{document['metadata']['name']}"

    def _collection(self, document: Mapping[str, Any]) -> str:
        version, kind = document["apiVersion"], document["kind"]
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        if (version, kind) not in self._resources:
            for one in self.request("GET", root)["resources"]:
                if "/" not in one["name"]:
                    self._resources[version, one["kind"]] = one["name"], one["namespaced"]
        name, namespaced = self._resources[version, kind]
        if not namespaced:
            return f"{root}/{name}"
        return f"{root}/namespaces/{document['metadata'].get('namespace', 'default')}/{name}"
