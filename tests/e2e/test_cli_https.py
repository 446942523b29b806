"""The command line against a server behind TLS, as a reverse proxy gives it."""

import contextlib
import os
import socket
import ssl
import subprocess
import threading

import pytest

from conftest import cli, wait_for


class TlsProxy:
    """Takes TLS connections and hands their bytes to a port of this machine."""

    def __init__(self, port, cert, key):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(cert, key)
        self.target, self.listener = port, socket.create_server(("127.0.0.1", 0))
        self.url = f"https://localhost:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with contextlib.suppress(OSError), client:
            tls = self.context.wrap_socket(client, server_side=True)
            with tls, socket.create_connection(("127.0.0.1", self.target)) as server:
                head = b""
                while b"\r\n\r\n" not in head:  # the requests here have no body
                    head += tls.recv(65536)
                server.sendall(head)
                while data := server.recv(65536):
                    tls.sendall(data)
                with contextlib.suppress(OSError):
                    tls.unwrap()

    def close(self):
        self.listener.close()


@pytest.fixture
def proxied(start, logs, write, tmp_path):
    """A server that wants a token, and its proxy."""
    server = start("--logdir", logs, "--archive", tmp_path / "archive", "--auth", "token")
    log = write("a")
    for step in range(3000):
        log.scalar("loss", step, step)
    wait_for(lambda: list((tmp_path / "archive").glob("runs/*/files/logs/*tfevents*")), "the copy")
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key,
                    "-out", cert, "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
    proxy = TlsProxy(server.port, cert, key)
    proxy.env = {k: v for k, v in os.environ.items() if not k.startswith("TAILBOARD_")}
    proxy.env |= {"TAILBOARD_CA_FILE": str(cert),
                  "TAILBOARD_TOKEN": (server.state / "token").read_text().strip()}
    yield proxy
    proxy.close()


def test_runs_and_files_come_through_tls(proxied, logs, tmp_path):
    def listed():
        done = cli("runs", "--server", proxied.url, env=proxied.env)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert " a" in listed()
    source, out = next((logs / "a").iterdir()), tmp_path / "out"

    def same():
        done = cli("download", "a", f"logs/{source.name}", "-o", out, "--server", proxied.url,
                   env=proxied.env)
        return done.returncode == 0 and out.read_bytes() == source.read_bytes()

    wait_for(same, "the whole file")


def test_a_certificate_that_nobody_vouches_for_is_refused(proxied):
    del proxied.env["TAILBOARD_CA_FILE"]
    done = cli("runs", "--server", proxied.url, env=proxied.env)
    assert done.returncode == 3 and "certificate" in done.stderr.lower()


def test_without_the_token_the_answer_is_no(proxied):
    del proxied.env["TAILBOARD_TOKEN"]
    done = cli("runs", "--server", proxied.url, env=proxied.env)
    assert done.returncode == 3 and "token" in done.stderr
