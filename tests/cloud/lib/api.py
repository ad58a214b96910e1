"""A small client of the cloud's HTTP APIs, and of its database."""
import json
import urllib.error
import urllib.request

from settings import ADMIN_PASSWORD, AUTH_URL, DB_SOCKET, HOST, PORTS

_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


class ApiError(Exception):
    def __init__(self, method, url, status, text):
        super().__init__(f"{method} {url}: {status} {text[:300]}")
        self.status, self.text = status, text


TIMEOUT = 180  # seconds; a busy machine may need many


def http(method, url, body=None, headers=None, timeout=None):
    """(status, headers, body text); an answer of any status is an answer."""
    data, headers = body, dict(headers or {})
    if body is not None and not isinstance(body, bytes):
        data = json.dumps(body).encode()
        headers.setdefault("Content-Type", "application/json")
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with _open(request, timeout=timeout or TIMEOUT) as r:
            return r.status, r.headers, r.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.headers, e.read().decode()


BASE = {
    "identity": AUTH_URL,
    "placement": f"http://{HOST}:{PORTS['placement']}",
    "compute": f"http://{HOST}:{PORTS['nova-api']}/v2.1",
    "image": f"http://{HOST}:{PORTS['glance-api']}",
    "network": f"http://{HOST}:{PORTS['neutron-server']}",
    "volume": f"http://{HOST}:{PORTS['cinder-api']}/v3/{{project}}",
}
VERSIONS = {"compute": "compute 2.90", "volume": "volume 3.70", "placement": "placement 1.39"}


class Session:
    """A token of one user in one project, and calls with it."""

    def __init__(self, user="admin", password=ADMIN_PASSWORD, project="admin"):
        scope = {"project": {"name": project, "domain": {"id": "default"}}}
        status, headers, text = http("POST", f"{AUTH_URL}/auth/tokens", {"auth": {
            "identity": {"methods": ["password"], "password": {"user": {
                "name": user, "domain": {"id": "default"}, "password": password}}},
            "scope": scope}})
        if status != 201:
            raise ApiError("POST", "/v3/auth/tokens", status, text)
        self.token = headers["X-Subject-Token"]
        token = json.loads(text)["token"]
        self.project, self.user = token["project"]["id"], token["user"]["id"]

    def call(self, service, method, path, body=None, headers=None, timeout=None):
        """The JSON answer, or ApiError."""
        url = BASE[service].format(project=self.project) + path
        head = {"X-Auth-Token": self.token} | (headers or {})
        if service in VERSIONS:
            head["OpenStack-API-Version"] = VERSIONS[service]
        status, _, text = http(method, url, body, head, timeout)
        if status >= 300:
            raise ApiError(method, url, status, text)
        return json.loads(text) if text.strip()[:1] in ("{", "[") else {}

    def get(self, service, path):
        return self.call(service, "GET", path)


def sql(statement, *values, database=None):
    """Rows of a statement, over the socket, as the database's root."""
    import pymysql
    c = pymysql.connect(unix_socket=str(DB_SOCKET), user="root", database=database,
                        charset="utf8", autocommit=True, connect_timeout=3, read_timeout=180)
    try:
        with c.cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchall()
    finally:
        c.close()
