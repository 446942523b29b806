"""The network between nodes and server: namespaces with loss and links that can be cut, or, where
those are not permitted, a proxy that cuts connections."""

import contextlib
import os
import socket
import subprocess
import threading


def call(*command, check=True):
    return subprocess.run(command, check=check, capture_output=True, text=True)


class Namespaces:
    """A bridge and one namespace a node; 5 % of what nodes send is dropped."""

    kind = "namespaces, 5 % loss"

    def __init__(self, count):
        self.name = f"tb{os.getpid() % 100000}"
        third = os.getpid() % 250
        self.host, self.nodes = f"10.77.{third}.1", []
        self.rules = f"loss{os.getpid()}"
        call("ip", "link", "add", self.name, "type", "bridge")
        try:
            call("ip", "addr", "add", f"{self.host}/24", "dev", self.name)
            call("ip", "link", "set", self.name, "up")
            call("nft", "add", "table", "netdev", self.rules)
            for k in range(count):
                self.add(k, f"10.77.{third}.{11 + k}/24")
        except (OSError, subprocess.CalledProcessError):
            self.close()
            raise

    def add(self, k, address):
        space, link = f"{self.name}n{k}", f"{self.name}v{k}"
        call("ip", "netns", "add", space)
        self.nodes.append((space, link))
        call("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", space)
        call("ip", "link", "set", link, "master", self.name, "up")
        call("ip", "-n", space, "addr", "add", address, "dev", "eth0")
        call("ip", "-n", space, "link", "set", "eth0", "up")
        call("ip", "-n", space, "link", "set", "lo", "up")
        call("nft", f"add chain netdev {self.rules} c{k} "
                    f"{{ type filter hook ingress device {link} priority 0; }}")
        call("nft", f"add rule netdev {self.rules} c{k} numgen random mod 100 < 5 drop")

    def prefix(self, k):
        return ["nsenter", f"--net=/run/netns/{self.nodes[k][0]}"]

    def url(self, _, port):
        return f"http://{self.host}:{port}"

    def cut(self, k):
        call("ip", "link", "set", self.nodes[k][1], "down")

    def mend(self, k):
        call("ip", "link", "set", self.nodes[k][1], "up")

    def close(self):
        call("nft", "delete", "table", "netdev", self.rules, check=False)
        for space, link in self.nodes:
            call("ip", "link", "del", link, check=False)
            call("ip", "netns", "del", space, check=False)
        call("ip", "link", "del", self.name, check=False)


class Proxy:
    """Carries connections to a port of this machine, or ends them all."""

    def __init__(self):
        self.target, self.cut, self.open = None, False, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            try:
                if self.cut:
                    raise OSError
                far = socket.create_connection(("127.0.0.1", self.target), 5)
            except OSError:
                near.close()
                continue
            self.open += [near, far]
            for ends in ((near, far), (far, near)):
                threading.Thread(target=self.pump, args=ends, daemon=True).start()

    @staticmethod
    def pump(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(4096):
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def break_all(self):
        for one in self.open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self.open.clear()


class Proxies:
    """One proxy a node."""

    kind = "proxies that cut connections"
    host = "127.0.0.1"

    def __init__(self, count):
        self.all = [Proxy() for _ in range(count)]

    def prefix(self, k):
        return []

    def url(self, k, port):
        self.all[k].target = port
        return f"http://127.0.0.1:{self.all[k].listener.getsockname()[1]}"

    def cut(self, k):
        self.all[k].cut = True
        self.all[k].break_all()

    def mend(self, k):
        self.all[k].cut = False

    def close(self):
        for one in self.all:
            one.listener.close()


def make(kind, count):
    """`kind` auto: namespaces if they can be made."""
    if kind != "proxy":
        try:
            return Namespaces(count)
        except (OSError, subprocess.CalledProcessError):
            if kind == "namespaces":
                raise
    return Proxies(count)
