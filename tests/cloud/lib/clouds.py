"""clouds.yaml, openrc and env.sh: how others reach the cloud."""
import json
import os

import api
from settings import (ADMIN_PASSWORD, AMQP_URL, AUTH_URL, DB_SOCKET, DEMO_PASSWORD, HOST, LOG,
                      MGMT_URL, MQ_PASSWORD, MQ_USER, MQ_VHOST, PORTS, REGION, RUN)

CLOSED_URL = f"http://{HOST}:{PORTS['closed']}/v3"


def _password(user, password, project, auth_url=AUTH_URL):
    return {"auth": {"auth_url": auth_url, "username": user, "password": password,
                     "project_name": project, "user_domain_name": "Default",
                     "project_domain_name": "Default"}}


def entries():
    """The entries by name; `token` holds a token made now."""
    credential = json.loads((RUN / "appcred.json").read_text())  # the seed wrote it
    token = api.Session().token
    _write("token", [token])
    return {
        "admin": _password("admin", ADMIN_PASSWORD, "admin"),
        "member": _password("demo", DEMO_PASSWORD, "demo"),
        "appcred": {"auth_type": "v3applicationcredential", "auth": {
            "auth_url": AUTH_URL, "application_credential_id": credential["id"],
            "application_credential_secret": credential["secret"]}},
        "token": {"auth_type": "v3token", "auth": {
            "auth_url": AUTH_URL, "token": token, "project_name": "admin",
            "project_domain_name": "Default"}},
        "wrong": _password("admin", "not-the-password", "admin"),
        "closed": _password("admin", ADMIN_PASSWORD, "admin", CLOSED_URL),
    }


def _yaml(value, indent=0):
    """Enough of YAML for two levels of plain strings: JSON's strings are YAML's."""
    for k, v in value.items():
        if isinstance(v, dict):
            yield " " * indent + f"{k}:"
            yield from _yaml(v, indent + 2)
        else:
            yield " " * indent + f"{k}: {json.dumps(v, ensure_ascii=False)}"


def _write(name, lines):
    path = RUN / name
    new = path.with_suffix(path.suffix + ".new")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
        f.write("\n".join(lines) + "\n")
    new.rename(path)


def renew_token():
    """Write all anew if the token of the entry `token` is no longer taken."""
    path = RUN / "token"
    old = path.read_text().strip() if path.exists() else ""
    if api.http("GET", f"{AUTH_URL}/auth/projects", headers={"X-Auth-Token": old})[0] == 200:
        return False
    write()
    return True


def write():
    _write("clouds.yaml", _yaml({"clouds": {
        name: entry | {"region_name": REGION, "identity_api_version": "3"}
        for name, entry in entries().items()}}))
    rc = {"OS_AUTH_URL": AUTH_URL, "OS_USERNAME": "admin", "OS_PASSWORD": ADMIN_PASSWORD,
          "OS_PROJECT_NAME": "admin", "OS_USER_DOMAIN_NAME": "Default",
          "OS_PROJECT_DOMAIN_NAME": "Default", "OS_REGION_NAME": REGION,
          "OS_IDENTITY_API_VERSION": "3"}
    _write("openrc", (f"export {k}={v}" for k, v in rc.items()))
    env = {"STACKWATCH_TEST_RUN": RUN, "OS_CLIENT_CONFIG_FILE": RUN / "clouds.yaml",
           "STACKWATCH_TEST_LOGS": LOG, "AMQP_URL": AMQP_URL,
           # the same in the words of the AMQP specification: the vhost is escaped
           "AMQP_URI": f"amqp://{MQ_USER}:{MQ_PASSWORD}@{HOST}:{PORTS['rabbitmq']}/"
                       + MQ_VHOST.replace("/", "%2F"),
           "RABBIT_MGMT_URL": MGMT_URL, "RABBIT_USER": MQ_USER, "RABBIT_PASSWORD": MQ_PASSWORD,
           "RABBIT_VHOST": MQ_VHOST, "MYSQL_UNIX_SOCKET": DB_SOCKET}
    env |= {f"PORT_{n.upper().replace('-', '_')}": p for n, p in PORTS.items()}
    _write("env.sh", (f"export {k}='{v}'" for k, v in env.items()))
