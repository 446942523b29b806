"""WebSocket clients through the one port: the whole way from an appended record to a message."""

import base64
import http.client
import json
import os
import struct
import time

import pytest
from websockets.sync.client import connect

from conftest import DEADLINE, wait_for


class Client:
    """A client of /live that sorts what it gets."""

    def __init__(self, server, path="/live", **kwargs):
        self.socket = connect(f"ws://localhost:{server.port}{path}",
                              subprotocols=["tailboard.v1"], legacy=True, **kwargs)
        self.welcome = self.text("welcome")

    def send(self, **message):
        self.socket.send(json.dumps(message))

    def text(self, kind):
        """The next text message of a kind."""
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            message = self.socket.recv(timeout=end - time.monotonic())
            if isinstance(message, str) and json.loads(message)["t"] == kind:
                return json.loads(message)
        raise AssertionError(f"no {kind}")

    def settle(self):
        """Returns when everything sent before was taken: a wrong message is answered in turn."""
        self.send(t="watch", id=9, series="wrong")
        self.text("error")

    def binary(self):
        """The next binary message."""
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            message = self.socket.recv(timeout=end - time.monotonic())
            if isinstance(message, bytes):
                return message
        raise AssertionError("no frame")


@pytest.fixture
def client(server):
    made = Client(server)
    yield made
    made.socket.close()


def test_the_welcome_tells_the_epoch(client, server):
    assert client.welcome["epoch"] == server.get("/api/v1/")["epoch"]


def test_an_appended_point_comes_as_a_frame(client, server, write):
    log = write("train")
    log.scalar("loss", 1.0, 1)
    run = server.run("train", points=1)
    client.send(t="watch", id=7, series=[run["id"], "loss"], cursor=None, view="stitched")
    client.settle()
    log.scalar("loss", 123.25, 2)
    assert struct.pack("<f", 123.25) in client.binary()


def test_a_series_that_does_not_exist_yet_can_be_watched(client, server, write):
    log = write("train")
    log.scalar("other", 1.0, 1)
    run = server.run("train", points=1)
    client.send(t="watch", id=1, series=[run["id"], "later"], cursor=None, view="stitched")
    client.settle()
    log.scalar("later", 7.75, 5)
    assert struct.pack("<f", 7.75) in client.binary()


def test_the_end_of_the_server_is_said(client, server):
    server.process.send_signal(2)
    assert client.text("bye")["reason"] == "shutdown"
    assert server.process.wait(DEADLINE) == 0


def test_below_a_prefix_it_is_there_as_well(start, logs):
    server = start("--logdir", logs, "--path_prefix", "/p")
    Client(server, "/p/live").socket.close()


def test_with_a_token_only_who_has_it_gets_in(start, logs):
    from websockets.exceptions import InvalidStatus
    server = start("--logdir", logs, "--auth", "token")
    with pytest.raises(InvalidStatus) as refused:
        Client(server)
    assert refused.value.response.status_code == 401
    token = wait_for(lambda: server.log.partition("#token=")[2].split("\n")[0])
    Client(server, additional_headers={"Authorization": f"Bearer {token}"}).socket.close()


def test_an_upgrade_that_comes_late_on_a_kept_connection_is_served(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE)
    connection.request("GET", "/healthz")
    assert connection.getresponse().read()
    key = base64.b64encode(os.urandom(16)).decode()
    connection.sock.sendall(
        (f"GET /live HTTP/1.1\r\nHost: localhost:{server.port}\r\nConnection: Upgrade\r\n"
         f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
         "Sec-WebSocket-Protocol: tailboard.v1\r\n\r\n").encode())
    data = b""
    while b'"welcome"' not in data:
        piece = connection.sock.recv(65536)
        assert piece, data
        data += piece
    assert data.startswith(b"HTTP/1.1 101")
    connection.close()


def test_one_port_serves_many_kinds_of_clients_at_once(server, write):
    log = write("train")
    log.scalar("loss", 0.0, 0)
    run = server.run("train", points=1)
    clients = [Client(server) for _ in range(20)]
    for client in clients:
        client.send(t="watch", id=1, series=[run["id"], "loss"], cursor=None, view="all")
        client.settle()
    log.scalar("loss", 5.5, 1)
    for client in clients:
        assert struct.pack("<f", 5.5) in client.binary()
        client.socket.close()
    wait_for(lambda: server.metrics()["tailboard_live_clients"] == 0)
