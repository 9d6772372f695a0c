"""The LAN of the box, in a namespace of its own, and the clients in it. Frames are written by hand: nothing of the box's
own code is used to look at it."""

import os
import random
import socket
import struct
import subprocess
import threading
import time

ADDRESS = "10.66.0.1"
COOKIE = b"\x63\x82\x53\x63"


class Lan:
    """A namespace whose one interface is the other end of the box's cable."""

    def __init__(self):
        self.namespace = f"b66i-{os.getpid()}"
        self.remove()
        self.ip("netns", "add", self.namespace)
        self.ip("-n", self.namespace, "tuntap", "add", "tap0", "mode", "tap")
        self.ip("-n", self.namespace, "link", "set", "lo", "up")
        self.ip("-n", self.namespace, "link", "set", "tap0", "up")

    def ip(self, *words, check=True):
        """Changes something about networks."""
        subprocess.run(["ip", *words], check=check, stderr=None if check else subprocess.DEVNULL, timeout=20)

    def remove(self):
        """Takes the namespace away, with all that is in it."""
        self.ip("netns", "del", self.namespace, check=False)

    def run(self, *words, limit=30, check=True):
        """Runs a program in the LAN and gives what it said."""
        done = subprocess.run(["ip", "netns", "exec", self.namespace, *words], capture_output=True, text=True, timeout=limit)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(words)}: {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def enter(self):
        """Moves this thread into the namespace."""
        namespace = os.open(f"/run/netns/{self.namespace}", os.O_RDONLY)
        import ctypes
        if ctypes.CDLL(None, use_errno=True).setns(namespace, 0x40000000) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        os.close(namespace)


def checksum(data):
    """Of the Internet protocol (RFC 1071)."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Clients:
    """Many DHCP clients on one wire (RFC 2131). Needs to be in the namespace."""

    def __init__(self, interface="tap0", given_up=None):
        self.wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
        self.wire.bind((interface, 0))
        self.wire.settimeout(0.05)
        # Set by whoever pulled the plug of the one that is asked.
        self.given_up = given_up or threading.Event()

    def send(self, mac, kind, transaction, options=()):
        """Broadcasts a message of the client with this hardware address."""
        said = b"".join(bytes([code, len(value)]) + value for code, value in [(53, bytes([kind])), *options])
        message = struct.pack("!BBBBIHH", 1, 1, 6, 0, transaction, 0, 0x8000) + b"\0" * 16 + mac + b"\0" * 202
        message += COOKIE + said + b"\xff"
        message += b"\0" * max(0, 300 - len(message))
        udp = struct.pack("!HHHH", 68, 67, 8 + len(message), 0) + message
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, b"\0" * 4, b"\xff" * 4)
        head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
        self.wire.send(b"\xff" * 6 + mac + b"\x08\x00" + head + udp)

    def hear(self):
        """The next answer as (transaction, kind, address, options), or None when there is none for a moment."""
        try:
            frame = self.wire.recv(2048)
        except TimeoutError:
            return None
        if len(frame) < 282 or frame[23] != 17 or struct.unpack("!H", frame[36:38])[0] != 68:
            return None
        message = frame[42:]
        if message[0] != 2 or message[236:240] != COOKIE:
            return None
        options, rest = {}, message[240:]
        while rest and rest[0] != 255:
            if rest[0] == 0:
                rest = rest[1:]
                continue
            options[rest[0]], rest = rest[2:2 + rest[1]], rest[2 + rest[1]:]
        return struct.unpack("!I", message[4:8])[0], options[53][0], socket.inet_ntoa(message[16:20]), options

    def ask(self, mac, kind, wanted, options=(), limit=20, pace=2.0):
        """Sends until an answer of a wanted kind comes, and gives its address and options."""
        transaction = random.getrandbits(32)
        end, again = time.monotonic() + limit, 0
        while time.monotonic() < end:
            if time.monotonic() >= again:
                self.send(mac, kind, transaction, options)
                again = time.monotonic() + pace
            if self.given_up.is_set():
                return None
            heard = self.hear()
            if heard and heard[0] == transaction and heard[1] in wanted:
                return heard[1], heard[2], heard[3]
        return None

    def offers(self, mac, seconds):
        """Names of all servers that offer this client an address."""
        transaction = random.getrandbits(32)
        end, again, servers = time.monotonic() + seconds, 0, set()
        while time.monotonic() < end:
            if time.monotonic() >= again:
                self.send(mac, 1, transaction)
                again = time.monotonic() + 1
            heard = self.hear()
            if heard and heard[0] == transaction and heard[1] == 2:
                servers.add(socket.inet_ntoa(heard[3][54]))
        return servers

    def lease(self, mac, options=(), limit=60):
        """DISCOVER to ACK; the address, and the options of the ACK."""
        offer = self.ask(mac, 1, {2}, options, limit)
        if not offer:
            raise AssertionError(f"no OFFER in {limit} s")
        chosen = [(50, socket.inet_aton(offer[1])), (54, offer[2][54]), *options]
        answer = self.ask(mac, 3, {5, 6}, chosen, limit)
        if not answer or answer[0] != 5:
            raise AssertionError(f"no ACK for {offer[1]}: {answer}")
        return answer[1], answer[2]

    def still_mine(self, mac, address, limit=60):
        """INIT-REBOOT: whether the box confirms a lease that it gave before (RFC 2131 3.2)."""
        answer = self.ask(mac, 3, {5, 6}, [(50, socket.inet_aton(address))], limit)
        return bool(answer) and answer[0] == 5 and answer[1] == address

    def close(self):
        """Off the wire."""
        self.wire.close()


def phone_mac(number):
    """Hardware address of a made-up client; locally administered."""
    return bytes([0x02, 0x66, 0, 0, number >> 8, number & 255])


def raw_mac(text):
    """The six bytes of a hardware address as people write it."""
    return bytes.fromhex(text.replace(":", ""))


def time_of(address, limit=10):
    """Seconds since 1970 by the SNTP server there, and its stratum (RFC 4330)."""
    ask = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    ask.settimeout(2)
    end = time.monotonic() + limit
    while time.monotonic() < end:
        try:
            ask.sendto(b"\x23" + b"\0" * 47, (address, 123))
            answer = ask.recv(512)
            return struct.unpack("!I", answer[40:44])[0] - 2208988800, answer[1]
        except TimeoutError:
            pass
    raise AssertionError(f"no time from {address}")


def name_by_multicast(name, interface="tap0", limit=20):
    """The address that somebody on the LAN tells for a name (RFC 6762), or None."""
    place = socket.inet_aton("224.0.0.251") + struct.pack("=4si", b"\0" * 4, socket.if_nametoindex(interface))
    ask = struct.pack("!HHHHHH", 0, 0, 1, 0, 0, 0) + b"".join(bytes([len(word)]) + word.encode() for word in name.split("."))
    ask += b"\0\0\1\0\1"
    heard = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    heard.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    heard.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, place)
    heard.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, place)
    heard.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
    heard.bind(("", 5353))
    heard.settimeout(1)
    question, end = ask[12:-4], time.monotonic() + limit
    with heard:
        while time.monotonic() < end:
            heard.sendto(ask, ("224.0.0.251", 5353))
            try:
                answer = heard.recv(2048)
            except TimeoutError:
                continue
            # An answer of one record, for this name, with an address at its end.
            if answer[2] & 0x80 and question in answer.lower() and struct.unpack("!H", answer[6:8])[0]:
                at = answer.lower().index(question) + len(question)
                kind, length = struct.unpack("!H", answer[at:at + 2])[0], struct.unpack("!H", answer[at + 8:at + 10])[0]
                if (kind, length) == (1, 4):
                    return socket.inet_ntoa(answer[at + 10:at + 14])
    return None
