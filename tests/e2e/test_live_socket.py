"""The socket of the running server: opening, refusals, messages, limits, the end."""

import base64
import json
import socket
import time

import pytest
from live_lib import ConnectionClosed, Live
from websockets.exceptions import InvalidStatus

UPGRADE = ("Upgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")


def test_no_extension_is_agreed(server):
    live = Live(server, compression="deflate")
    assert live.socket.subprotocol == "tailboard.v1"
    assert not live.socket.protocol.extensions
    live.close()


def test_a_client_without_subprotocol_is_served(server):
    live = Live(server, subprotocols=None)
    assert live.socket.subprotocol is None
    assert live.welcome["limits"]["watches"] == 100_000
    live.close()


@pytest.mark.parametrize("headers,status,code", [
    ({"Origin": "http://evil.example"}, 403, "origin-not-allowed"),
    ({"X-Forwarded-For": "10.0.0.1"}, 401, "token-needed"),
])
def test_refusals_come_before_the_101_and_say_why(server, headers, status, code):
    with pytest.raises(InvalidStatus) as refused:
        Live(server, headers=headers)
    response = refused.value.response
    assert response.status_code == status
    problem = json.loads(response.body)
    assert problem["status"] == status
    assert problem["code"] == code


def test_a_token_comes_in_the_subprotocol_list_as_well(start, logs):
    server = start("--logdir", logs, "--auth", "token")
    token = (server.state / "token").read_text().strip()
    coded = base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")
    live = Live(server, subprotocols=["tailboard.v1", f"bearer.{coded}"])
    assert live.socket.subprotocol == "tailboard.v1"
    live.close()


def test_a_new_run_and_its_series_are_told(server, write):
    live = Live(server)
    live.say("runs", on=True)
    live.settle()
    write("first").scalar("loss", 1, 1)
    told = live.expect("runs", lambda m: any(r["name"] == "first" for r in m["runs"]))
    [run] = [r for r in told["runs"] if r["name"] == "first"]
    assert set(run) == set(server.runs()["first"])
    live.say("watch", id=50, runs=[run["id"]], tags=["loss", "later"])
    live.settle()
    write("first", ".b").scalar("later", 1, 1)
    series = live.expect("series", lambda m: m["series"])["series"]
    [later] = [s for s in series if s["tag"] == "later"]
    assert later["handle"] == 51
    beat = live.expect("beat", lambda m: m["runs"])
    assert [r["run"] for r in beat["runs"]] == [run["id"]]
    assert abs(beat["now"] - time.time()) < 60
    live.close()


def test_a_run_that_came_between_the_list_and_the_socket_is_told(server, write):
    cursor = server.get("/api/v1/runs")["cursor"]
    write("early").scalar("loss", 1, 1)
    server.run("early", points=1)
    live = Live(server)
    live.say("runs", on=True, cursor=cursor)
    live.expect("runs", lambda m: any(r["name"] == "early" for r in m["runs"]))
    live.close()


def test_messages_that_are_wrong_get_an_error_and_the_connection_stays(server):
    live = Live(server)
    for text, code in (("{", "bad-json"), ("[]", "bad-message"),
                       ('{"t":"watch","id":1,"series":["r"]}', "bad-series"),
                       ('{"t":"watch","id":1,"series":["r","t"],"cursor":"x"}', "bad-cursor")):
        live.socket.send(text)
        assert live.expect("error")["code"] == code
    live.say("something-of-the-future", x=1)
    live.settle()
    live.close()


def test_a_binary_message_ends_it_with_a_word(server):
    live = Live(server)
    live.socket.send(b"what")
    assert live.expect("bye")["reason"] == "protocol"
    with pytest.raises(ConnectionClosed) as closed:
        live.receive(30)
    assert closed.value.rcvd.code == 1002


def test_shutdown_says_bye(server):
    several = [Live(server) for _ in range(5)]
    server.process.terminate()
    for live in several:
        assert live.expect("bye")["reason"] == "shutdown"
        with pytest.raises(ConnectionClosed) as closed:
            live.receive(30)
        assert closed.value.rcvd.code == 1001
    assert server.process.wait(30) == 0


def test_a_header_piece_by_piece_and_a_frame_behind_it(server):
    request = (f"GET /live HTTP/1.1\r\nHost: localhost:{server.port}\r\n" + UPGRADE).encode()
    text = b'{"t":"watch"}'
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as raw:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(0, len(request) - 4, 7):
            raw.sendall(request[i:min(i + 7, len(request) - 4)])
            time.sleep(0.001)
        raw.sendall(request[-4:] + bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text)
        got = b""
        while b"bad-id" not in got:
            piece = raw.recv(65536)
            assert piece, got
            got += piece
    assert got.startswith(b"HTTP/1.1 101 ")
    assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in got


def test_many_messages_at_once_are_all_obeyed(server):
    live = Live(server)
    for _ in range(130):
        live.say("pause")
    live.settle()
    live.close()
