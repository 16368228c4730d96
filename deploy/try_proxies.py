"""Try nginx and Caddy in front of the program, with the very files of this folder, on loopback.

``python deploy/try_proxies.py [nginx] [caddy]`` starts two servers on one embedded database and the proxy, asks through
it, starts both servers anew one after the other while customers are created, says what was lost, and stops everything.
Needs the program (the Python that runs this has it) and the proxies; ends with exit code 1 when something is not as it
should be.
"""

import http.client
import json
import os
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from click import echo

HERE = Path(__file__).parent
DAIRY = [sys.executable, "-m", "dairy_app.cli"]
EMAIL, PASSWORD = "owner@dairy.example", "a long password for a try"
#: Of this address of loopback the client asks, so that it is another one than the proxy's.
CLIENT = "127.0.0.2"
CLIENTS = 4
CERTIFICATE = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]


def free_port() -> int:
    """A port of loopback that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(ready: Callable[[], Any], what: str, seconds: float = 120) -> None:
    """Wait until ``ready``; ends the program when it takes too long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if ready():
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise SystemExit(f"{what} did not come up within {seconds:.0f} s")


class Host:
    """One ``dairy serve``; its log is kept."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.port, self.log = free_port(), folder / f"server-{secrets.token_hex(3)}.log"
        self._environment = environment
        self.start()

    def start(self) -> None:
        command = [*DAIRY, "serve", "--port", str(self.port), "--workers", "1", "--threads", "4"]
        with self.log.open("a") as log:
            self._process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)
        until(lambda: ask(self.port, "GET", "/api/health/ready", tls=False)[0] == 200, "a server")

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(60)


def ask(
    port: int,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    *,
    tls: bool = True,
) -> tuple[int, http.client.HTTPMessage, bytes]:
    """One request on a connection of its own. The certificate is of nobody, so it is not asked."""
    if tls:
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        line: http.client.HTTPConnection = http.client.HTTPSConnection(
            "localhost", port, timeout=30, context=trusting, source_address=(CLIENT, 0)
        )
    else:
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        line.request(method, path, body, {"Content-Type": "application/json", **(headers or {})})
        answer = line.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        line.close()


@contextmanager
def running(command: list[str], environment: dict[str, str], log: Path, **account: Any) -> Iterator[None]:
    """A program until the end of the block, as an account of its own if need be; what it says is kept in ``log``."""
    with log.open("w") as out, subprocess.Popen(command, env=environment, stdout=out, stderr=out, **account) as process:
        try:
            yield
        finally:
            process.terminate()


@contextmanager
def nginx(folder: Path, ports: list[int], listen: int) -> Iterator[None]:
    """With ``nginx/dairy.conf``: only names, ports and the certificate are others."""
    subprocess.run(
        [*CERTIFICATE, "-keyout", folder / "privkey.pem", "-out", folder / "fullchain.pem"],
        check=True,
        capture_output=True,
    )
    site = (HERE / "nginx" / "dairy.conf").read_text()
    for old, new in (
        ("server 127.0.0.1:8000 ", f"server 127.0.0.1:{ports[0]} "),
        ("# server 127.0.0.1:8001 ", f"server 127.0.0.1:{ports[1]} "),
        ("listen 80;", f"listen 127.0.0.1:{free_port()};"),
        ("listen 443 ", f"listen 127.0.0.1:{listen} "),
        ("milk.dairy.example", "localhost"),
        ("/etc/ssl/dairy", str(folder)),
    ):
        assert old in site, f"{old!r} is not in dairy.conf"
        site = site.replace(old, new)
    places = "".join(
        f"{each}_temp_path {folder}/{each};\n" for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = folder / "nginx.conf"
    whole.write_text(
        f"{'user root;' if os.geteuid() == 0 else ''}\n"  # else its workers may not use this folder
        f"daemon off;\npid {folder}/nginx.pid;\nerror_log stderr;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{places}{site}}}\n"
    )
    with running(["nginx", "-c", str(whole), "-e", "stderr"], dict(os.environ), folder / "nginx.log"):
        yield


@contextmanager
def caddy(folder: Path, ports: list[int], listen: int) -> Iterator[None]:
    """With ``caddy/Caddyfile``: only the name, the ports and who signs the certificate are others."""
    site = (HERE / "caddy" / "Caddyfile").read_text()
    for old, new in (
        ("milk.dairy.example {", f"https://localhost:{listen} {{\n\ttls internal\n\tbind 127.0.0.1"),
        ("reverse_proxy 127.0.0.1:8000 {", f"reverse_proxy 127.0.0.1:{ports[0]} 127.0.0.1:{ports[1]} {{"),
    ):
        assert old in site, f"{old!r} is not in the Caddyfile"
        site = site.replace(old, new)
    file = folder / "Caddyfile"
    file.write_text("{\n\tadmin off\n\tskip_install_trust\n\tauto_https disable_redirects\n}\n" + site)
    homes = {**os.environ, "XDG_DATA_HOME": str(folder / "data"), "XDG_CONFIG_HOME": str(folder / "config")}
    command = ["caddy", "run", "--config", str(file), "--adapter", "caddyfile"]
    with running(command, homes, folder / "caddy.log"):
        yield


class Faults:
    """What is not as it should be; each thing that is looked at is said."""

    def __init__(self) -> None:
        self.count = 0

    def look(self, what: str, is_right: bool, seen: Any) -> None:
        self.count += not is_right
        echo(f"  {'ok   ' if is_right else 'WRONG'} {what}: {seen}")


def try_proxy(name: str, proxy: Callable[..., Any], hosts: list[Host], folder: Path, faults: Faults) -> None:
    """Ask through one proxy for all that a dairy needs of it."""
    echo(name)
    listen = free_port()
    with proxy(folder, [each.port for each in hosts], listen):
        until(lambda: ask(listen, "GET", "/api/health")[0] == 200, name)
        status, headers, _ = ask(listen, "GET", "/api/health/ready")
        faults.look("ready over TLS", status == 200, status)
        faults.look(
            "the program knows of TLS", "Strict-Transport-Security" in headers, headers["Strict-Transport-Security"]
        )
        token = json.loads(
            ask(listen, "POST", "/api/v1/auth/login", json.dumps({"email": EMAIL, "password": PASSWORD}).encode())[2]
        )
        bearer = {"Authorization": f"Bearer {token['access_token']}"}
        ask(listen, "GET", f"/api/v1/customers?search={name}", headers=bearer | {"X-Forwarded-For": "203.0.113.9"})
        time.sleep(0.2)
        lines = [
            line for each in hosts for line in each.log.read_text().splitlines() if "route=/api/v1/customers" in line
        ]
        faults.look(
            "whose address the log has, also of who claims another",
            bool(lines) and f"ip={CLIENT} " in lines[-1],
            lines[-1][30:110],
        )
        try:
            status, headers, body = ask(listen, "POST", "/api/v1/customers", b"x" * (5 << 20), bearer)
            refused = status == 413 and json.loads(body).get("code") == "payload_too_large"
            faults.look(
                "a body that is too large is refused by the program", refused, (status, headers["Content-Type"])
            )
        except OSError as error:  # Caddy passes the refusal on before the body has come, and hangs up
            faults.look("a body that is too large is refused", name == "caddy", type(error).__name__)
        status, headers, body = ask(listen, "GET", "/api/v1/exports/customers.csv", headers=bearer)
        faults.look("an export", status == 200 and body.count(b"\n") > 0, (status, headers["Content-Type"]))
        restart(name, listen, bearer, hosts, faults)


def restart(name: str, listen: int, bearer: dict[str, str], hosts: list[Host], faults: Faults) -> None:
    """Start one host anew after the other, while customers are created: acknowledged is stored, and nobody sees it."""
    seen: Counter[int | str] = Counter()
    over = threading.Event()
    before = stored(listen, bearer)

    def create(client: int) -> None:
        n = 0
        while not over.is_set():
            n += 1
            phone = f"+91{'89' if name == 'nginx' else '88'}{client}{n:07d}"
            body = json.dumps(
                {"name": f"{name} {client} {n}", "phone": phone, "address_line1": "1 Main Road", "area": "Kothrud"}
            ).encode()
            try:
                status, _, said = ask(listen, "POST", "/api/v1/customers", body, bearer)
                seen[status if status == 201 else f"{status} {said[:200]!r}"] += 1
            except OSError as error:
                seen[type(error).__name__] += 1

    threads = [threading.Thread(target=create, args=(client,)) for client in range(CLIENTS)]
    for each in threads:
        each.start()
    for host in hosts:
        time.sleep(1)
        host.stop()
        time.sleep(0.5)
        host.start()
    time.sleep(1)
    over.set()
    for each in threads:
        each.join()
    there = stored(listen, bearer) - before
    # Caddy 2.6 cannot send a body a second time, so it answers 502 until its health check has seen the host away.
    faults.look("both hosts were started anew meanwhile", set(seen) == {201} or name == "caddy", dict(seen))
    faults.look("acknowledged and stored", seen[201] == there, f"{seen[201]} and {there}: {seen[201] - there} lost")


def stored(listen: int, bearer: dict[str, str]) -> int:
    """How many customers there are, as the export has them."""
    return ask(listen, "GET", "/api/v1/exports/customers.csv", headers=bearer)[2].count(b"\n") - 1


def main(wanted: list[str]) -> int:
    """Try the proxies that are here; the exit code."""
    known = {"nginx": nginx, "caddy": caddy}
    names = [each for each in (wanted or known) if shutil.which(each)]
    if not names:
        echo(f"None of these programs is here: {', '.join(wanted or known)}")
        return 1
    faults = Faults()
    with tempfile.TemporaryDirectory() as made, ExitStack() as ends:
        folder = Path(made)
        environment = {
            **os.environ,
            "DAIRY_DATA_DIR": str(folder / "dairy"),
            "DAIRY_SECRET_KEY": secrets.token_hex(32),
            "DAIRY_TRUSTED_PROXIES": "1",
            "DAIRY_PUBLIC_URL": "https://localhost",
        }
        environment.pop("DATABASE_URL", None)
        ends.callback(subprocess.run, [*DAIRY, "db", "stop"], env=environment, capture_output=True)
        subprocess.run([*DAIRY, "db", "upgrade"], env=environment, check=True, capture_output=True)
        owner = [*DAIRY, "create-admin", "--email", EMAIL, "--password-stdin"]
        subprocess.run(owner, env=environment, check=True, capture_output=True, input=PASSWORD, text=True)
        hosts = [Host(folder, environment) for _ in range(2)]
        for each in hosts:
            ends.callback(each.stop)
        for name in names:
            (folder / name).mkdir()
            try_proxy(name, known[name], hosts, folder / name, faults)
    echo(f"{faults.count} wrong")
    return 1 if faults.count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
