"""What the server refuses: requests that could be read in two ways, callers without a right,
clients that take too much. Rules: docs/security.md."""

import base64
import hashlib
import os
import socket
import stat
import time

import pytest

from api_lib import Raw, request, status
from conftest import DEADLINE, wait_for

HEAD = "GET /healthz HTTP/1.1\r\n"
POST = "POST /api/v1/points HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
BROKEN = {
    "no Host": (HEAD + "\r\n", 400),
    "two Hosts": (HEAD + "Host: localhost\r\nHost: localhost\r\n\r\n", 400),
    "space before the colon": (HEAD + "Host : localhost\r\n\r\n", 400),
    "bare line feed": (HEAD + "Host: localhost\nX: y\r\n\r\n", 400),
    "bare line feed after the first line": ("GET /healthz HTTP/1.1\nHost: localhost\r\n\r\n", 400),
    "NUL in a value": (HEAD + "Host: localhost\r\nX: a\0b\r\n\r\n", 400),
    "NUL in the address": ("GET /heal\0thz HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "folded header": (HEAD + "Host: localhost\r\nX: a\r\n b\r\n\r\n", 400),
    "length and chunks": (
        POST + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "two lengths": (POST + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
    "length that is no number": (POST + "Content-Length: +2\r\n\r\n{}", 400),
    "unknown coding": (POST + "Transfer-Encoding: x\r\n\r\n", 501),
    "coding before chunks": (POST + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    "absolute form": ("GET http://localhost/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "other version": ("GET /healthz HTTP/3.0\r\nHost: localhost\r\n\r\n", 505),
    "bad escape": ("GET /api/v1/runs?q=%zz HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "escaped NUL": ("GET /api/v1/runs?q=%00 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "large body": (POST + "Content-Length: 1048577\r\n\r\n", 413),
    "long address": (f"GET /{'a' * 9000} HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
    "TLS": (b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03", 400),
    "words": ("hello\r\n\r\n", 400),
}
TOLERATED = {400: {0}, 501: {400}}  # newer libraries refuse by themselves, or just close


@pytest.mark.parametrize("name", BROKEN)
def test_a_request_that_is_not_sound_is_refused(server, name):
    data, wanted = BROKEN[name]
    with Raw(server) as raw:
        raw.send(data)
        raw.socket.shutdown(socket.SHUT_WR)
        got, headers, _ = raw.answer()
        assert got == wanted or got in TOLERATED.get(wanted, ())
        if got:
            # The library's own answers repeat their head; a second answer would be a success.
            while raw.more():
                pass
            assert b" 200 " not in raw.held, "what follows must not be read as a request"
    assert status(server, request("/healthz")) == 200


def test_a_hidden_request_is_not_answered(server):
    """Behind a head that two parsers would cut differently stands a second request."""
    hidden = request("/api/v1/runs")
    with Raw(server) as raw:
        raw.send(POST + f"Content-Length: {len(hidden)}\r\nTransfer-Encoding: chunked\r\n\r\n"
                 + "0\r\n\r\n" + hidden)
        assert raw.answer()[0] == 400
        assert raw.ended()


def test_a_header_that_is_too_large_is_refused(server):
    assert status(server, HEAD + "Host: localhost\r\nX: " + "a" * 20000 + "\r\n\r\n") in (400, 431)
    many = "".join(f"X{i}: y\r\n" for i in range(150))
    assert status(server, HEAD + "Host: localhost\r\n" + many + "\r\n") == 431


def test_a_chunked_body_has_the_same_limit(server):
    with Raw(server) as raw:
        raw.send(POST + "Transfer-Encoding: chunked\r\n\r\n")
        chunk = f"{65536:x}\r\n{' ' * 65536}\r\n"
        for _ in range(20):
            raw.send(chunk)
        raw.send("0\r\n\r\n")
        assert raw.answer()[0] == 413


def test_deep_json_is_refused(server):
    body = "[" * 100000
    answer = server.request("/api/v1/points", "POST", body, {"Content-Type": "application/json"})
    assert (answer.status, answer.json["code"]) == (400, "bad-json")


def test_a_costly_pattern_is_given_up(server, write):
    write("a").scalar("x", 1, 1)
    server.run("a", points=1)
    answer = server.request("/api/v1/tags?q=" + "(x%2B%2B)*" * 3 + "%24")
    assert answer.status in (200, 400)
    start = time.monotonic()
    server.request("/api/v1/runs?q=(a%2B)%2B%24b")
    assert time.monotonic() - start < 3


# ---- who gets in ------------------------------------------------------------------------------


def test_names_of_this_machine_are_admitted(server):
    for host in ("localhost", f"localhost:{server.port}", "127.0.0.1", "[::1]", "a.localhost"):
        assert status(server, request(host=host)) == 200, host


def test_rebinding_is_refused(server):
    with Raw(server) as raw:
        got, _, body = raw.send(request(host="evil.example")).answer()
    assert got == 403 and b"host-not-allowed" in body and b"--allow-host" in body


def test_an_allowed_name_is_admitted(start, logs):
    server = start("--logdir", logs, "--allow-host", "box.lab")
    assert status(server, request(host="box.lab:80")) == 200
    assert status(server, request(host="other.lab")) == 403


def test_pages_of_others_are_refused(server):
    evil = "http://evil.example"
    delete = request("/api/v1/session", "DELETE", Origin=evil)
    assert status(server, delete) == 403
    assert status(server, request(Sec_Fetch_Site="cross-site")) == 403
    assert status(server, request(Origin=evil)) == 200  # its answer cannot be read by that page
    assert status(server, request("/", Sec_Fetch_Site="cross-site")) == 200  # a link to the page


def test_answers_carry_no_cors_headers(server):
    with Raw(server) as raw:
        _, headers, _ = raw.send(request(Origin="http://evil.example")).answer()
    assert not [h for h in headers if h.startswith("access-control")]


def test_a_proxy_needs_the_token(server):
    for header in ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"):
        assert status(server, request(**{header.replace("-", "_"): "10.0.0.1"})) == 401, header


def test_the_token_is_private_and_lets_in(start, logs):
    server = start("--logdir", logs, "--auth", "token")
    path = server.state / "token"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    token = path.read_text().strip()
    assert status(server, request()) == 401
    assert status(server, request(Authorization="Bearer wrong")) == 401
    assert status(server, request(Authorization=f"Bearer {token}")) == 200
    assert status(server, request(host="any.name", Authorization=f"bearer {token}")) == 200
    assert server.request("/healthz").json == {"status": "ok"}
    assert server.request("/").status == 200
    assert token not in server.log or "#token=" in server.log


def log_in(server, token):
    answer = server.request("/api/v1/session", "POST", '{"token": "%s"}' % token,
                            {"Content-Type": "application/json"})
    return answer, (answer.headers.get("Set-Cookie") or "").split(";")[0]


def test_a_session(start, logs):
    server = start("--logdir", logs, "--auth", "token")
    token = (server.state / "token").read_text().strip()
    answer, cookie = log_in(server, token)
    assert answer.status == 200
    for part in ("HttpOnly", "SameSite=Strict", "Path=/"):
        assert part in answer.headers["Set-Cookie"]
    key = answer.headers["X-Tailboard-Key"]
    assert key == answer.json["key"]
    assert status(server, request(Cookie=cookie)) == 200
    assert status(server, request(Cookie="a=b; " + cookie + "; c=d")) == 200
    assert status(server, request(Cookie=cookie[:-1])) == 401
    assert status(server, request("/api/v1/session", "DELETE", Cookie=cookie)) == 403
    assert status(server, request("/api/v1/session", "DELETE", Cookie=cookie,
                                  X_Tailboard_Key=key)) == 204
    with Raw(server) as raw:
        _, headers, _ = raw.send(request("/api/v1/session", "DELETE", Cookie=cookie,
                                         X_Tailboard_Key=key)).answer()
    assert "Max-Age=0" in headers["set-cookie"]


def test_points_by_cookie_need_no_key(start, logs):
    server = start("--logdir", logs, "--auth", "token")
    _, cookie = log_in(server, (server.state / "token").read_text().strip())
    answer = server.request("/api/v1/points", "POST", '{"series": [["r", "t"]]}',
                            {"Content-Type": "application/json", "Cookie": cookie})
    assert answer.status == 200


def test_guessing_is_slowed_and_harms_no_one_else(start, logs):
    server = start("--logdir", logs, "--auth", "token")
    token = (server.state / "token").read_text().strip()
    answers = [log_in(server, f"guess{i}")[0].status for i in range(12)]
    assert answers[:9] == [401] * 9 and answers[-1] == 429
    assert status(server, request(Authorization="Bearer guess")) == 429
    assert status(server, request(Authorization=f"Bearer {token}")) == 200
    assert log_in(server, token)[0].status == 200


@pytest.mark.skipif(os.geteuid() != 0, reason="another user can only be played by root")
def test_another_user_of_this_machine_needs_the_token(server):
    """Also one who sends and closes at once: the kernel then says uid 0."""
    child = os.fork()
    if child == 0:
        os.setgid(65533)
        os.setuid(65533)
        code = 1
        try:
            code = status(server, request()) - 300
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 101


def test_a_peer_that_is_gone_is_nobody(start, logs):
    """The request of a connection that was closed before it was accepted is not admitted."""
    server = start("--logdir", logs)
    for _ in range(20):
        with Raw(server) as raw:
            raw.send(request("/api/v1/session", "DELETE"))
            linger = b"\1\0\0\0\0\0\0\0"  # close by RST
            raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    wait_for(lambda: server.metrics()["tailboard_http_connections"] == 1, "connections to end")


def test_a_client_that_ends_its_side_gets_its_answer_and_the_end(server):
    for _ in range(20):
        with Raw(server, timeout=3) as raw:
            raw.send(request("/healthz"))
            raw.socket.shutdown(socket.SHUT_WR)
            assert raw.answer()[0] == 200
            assert raw.ended()


# ---- what goes out ----------------------------------------------------------------------------


def test_security_headers(server):
    page = server.request("/").headers
    assert "'unsafe-inline'" not in page["Content-Security-Policy"]
    assert "frame-ancestors 'self'" in page["Content-Security-Policy"]
    assert page["Referrer-Policy"] == "same-origin"
    for path in ("/", "/api/v1/runs", "/api/v1/nothing", "/healthz"):
        headers = server.request(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "Accept-Encoding" in headers["Vary"]
    assert "sandbox" in server.request("/api/v1/runs").headers["Content-Security-Policy"]


def test_paths_stay_inside(server):
    for path in ("/../../etc/passwd", "/assets/..%2f..%2fetc/passwd", "/.openapi.json", "//etc",
                 "/%2e%2e/x", "/assets/"):
        assert status(server, request(path)) == 404, path


# ---- clients that take too much ---------------------------------------------------------------


def test_silent_connections_are_closed(server):
    with Raw(server, timeout=15) as raw:
        raw.send("GET /live HTT")
        assert raw.ended()


def test_slow_clients_delay_no_one(server):
    slow = [Raw(server) for _ in range(200)]
    for raw in slow:
        raw.send("GET /api/v1/runs HTTP/1.1\r\nHost: loc")
    start = time.monotonic()
    for _ in range(50):
        assert status(server, request("/healthz")) == 200
    assert time.monotonic() - start < 5
    for raw in slow:
        raw.socket.close()


def test_many_keep_alive_clients_at_once(server):
    """128 events in one turn must not stall anyone."""
    for count in (100, 127, 128, 129, 256, 300):
        clients = [Raw(server) for _ in range(count)]
        for _ in range(5):
            for raw in clients:
                raw.send(request("/healthz"))
            for raw in clients:
                assert raw.answer()[0] == 200
        for raw in clients:
            raw.socket.close()


def upgrade_request(**more):
    key = base64.b64encode(os.urandom(16)).decode()
    proof = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
    text = request("/live", Connection="Upgrade", Upgrade="websocket", Sec_WebSocket_Version="13",
                   Sec_WebSocket_Key=key, Sec_WebSocket_Protocol="tailboard.v1", **more)
    return text, base64.b64encode(proof).decode()


def read_message(raw):
    """Text of the next unmasked text frame that is short enough for the 7- or 16-bit length."""
    while len(raw.held) < 4:
        assert raw.more()
    assert raw.held[0] == 0x81
    length, at = raw.held[1], 2
    if length == 126:
        length, at = int.from_bytes(raw.held[2:4], "big"), 4
    while len(raw.held) < at + length:
        assert raw.more()
    text, raw.held = raw.held[at : at + length], raw.held[at + length :]
    return text


def test_a_websocket_as_a_later_request(server):
    """Proxies that keep connections send an upgrade on one that served others before."""
    for _ in range(20):
        text, proof = upgrade_request()
        with Raw(server) as raw:
            for _ in range(3):
                assert raw.send(request()).answer()[0] == 200
            got, headers, _ = raw.send(text).answer()
            assert got == 101
            assert headers["sec-websocket-accept"] == proof
            assert headers["sec-websocket-protocol"] == "tailboard.v1"
            assert b'"welcome"' in read_message(raw)
    wait_for(lambda: server.metrics()["tailboard_http_late_upgrades"] == 0, "bridges to end")


def test_a_late_websocket_of_a_strange_page_is_refused(server):
    text, _ = upgrade_request(Origin="http://evil.example")
    with Raw(server) as raw:
        assert raw.send(request()).answer()[0] == 200
        assert raw.send(text).answer()[0] == 403


def test_a_websocket_as_the_first_request(server):
    text, proof = upgrade_request()
    with Raw(server) as raw:
        got, headers, _ = raw.send(text).answer()
        assert (got, headers["sec-websocket-accept"]) == (101, proof)
        assert b'"welcome"' in read_message(raw)


def test_http2_that_is_none_gets_a_goaway_and_ends(server):
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as link:
        link.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"x" * 100)
        got = b""
        while piece := link.recv(4096):
            got += piece
    kinds = []
    while got:  # frames: length, kind
        kinds.append(got[3])
        got = got[9 + int.from_bytes(got[:3], "big"):]
    assert kinds[0] == 4 and kinds[-1] == 7
