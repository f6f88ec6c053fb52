"""A small client of the Kubernetes API for tests: JSON in, JSON out, one connection per request, verified TLS."""
import http.client
import json
import ssl
import urllib.parse

PATIENCE = 30  # seconds for one request
MERGE = "application/merge-patch+json"


class ApiError(Exception):
    """The API server refused: its status code, its reason and its message."""

    def __init__(self, method, path, status, body):
        try:
            parsed = json.loads(body)
        except ValueError:
            parsed = {}
        self.status, self.reason = status, parsed.get("reason", "")
        super().__init__(f"{method} {path}: {status} {self.reason}: {parsed.get('message') or body[:500]}")


class Api:
    """One user of one API server, known by a client certificate or by a token."""

    def __init__(self, port, authority, certificate=None, token=None):
        self.port, self.token = port, token
        self.context = ssl.create_default_context(cafile=authority)
        if certificate:
            self.context.load_cert_chain(*certificate)

    def request(self, method, path, body=None, content_type="application/json", patience=PATIENCE):
        headers = {"Content-Type": content_type, "Accept": "application/json"}
        if self.token:
            headers["Authorization"] = "Bearer " + self.token
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=patience, context=self.context)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
        finally:
            connection.close()
        if answer.status >= 400:
            raise ApiError(method, path, answer.status, text)
        return json.loads(text) if answer.headers.get_content_type() == "application/json" else text

    def get(self, path, **query):
        return self.request("GET", path + ("?" + urllib.parse.urlencode(query) if query else ""))

    def create(self, path, body):
        return self.request("POST", path, body)

    def update(self, path, body):
        return self.request("PUT", path, body)

    def patch(self, path, body, content_type=MERGE):
        return self.request("PATCH", path, body, content_type)

    def delete(self, path):
        return self.request("DELETE", path)

    def find(self, path):
        """The object, or None if there is none."""
        try:
            return self.get(path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise


def condition(found, name):
    """An object's condition by its type, or None."""
    return next((one for one in found.get("status", {}).get("conditions", []) if one["type"] == name), None)
