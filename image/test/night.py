"""An update that nobody asked for: looked for at an address, and installed while the branch sleeps."""

import http.server
import json
import os
import threading
import time


class Bundle(http.server.BaseHTTPRequestHandler):
    """Serves one file in the pieces that are asked for (RFC 9110, 14): a box that streams takes no more of it than it needs."""

    protocol_version = "HTTP/1.1"
    name, file = "/block66-x86_64.raucb", ""
    asked = pieces = 0

    def do_GET(self):
        """The piece, and its place in the whole."""
        if self.path != self.name:
            self.send_error(404)
            return
        type(self).asked += 1
        size = os.path.getsize(self.file)
        first, last = 0, size - 1
        wanted = self.headers.get("Range")
        if wanted:
            first, last = (int(end) if end else size - 1 for end in wanted.removeprefix("bytes=").split("-"))
            type(self).pieces += 1
        with open(self.file, "rb") as file:
            file.seek(first)
            piece = file.read(min(last, size - 1) - first + 1)
        self.send_response(206 if wanted else 200)
        if wanted:
            self.send_header("Content-Range", f"bytes {first}-{first + len(piece) - 1}/{size}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(piece)))
        self.end_headers()
        if self.command != "HEAD":
            try:
                self.wfile.write(piece)
            except ConnectionError:
                # Whoever asks for the whole may have enough after its beginning.
                self.close_connection = True

    do_HEAD = do_GET

    def log_message(self, *_):
        """Nobody reads it."""


# Zones without a summer, by hours ahead of UTC: there is one in which it is any hour now.
ZONES = {-11: "Pacific/Pago_Pago", -10: "Pacific/Honolulu", -9: "Pacific/Gambier", -8: "Pacific/Pitcairn", -7: "America/Phoenix",
         -6: "America/Costa_Rica", -5: "America/Bogota", -4: "America/Caracas", -3: "America/Sao_Paulo", -2: "America/Noronha",
         -1: "Atlantic/Cape_Verde", 0: "Africa/Abidjan", 1: "Africa/Lagos", 2: "Africa/Maputo", 3: "Africa/Nairobi", 4: "Asia/Dubai",
         5: "Asia/Karachi", 6: "Asia/Dhaka", 7: "Asia/Bangkok", 8: "Asia/Manila", 9: "Asia/Tokyo", 10: "Australia/Brisbane",
         11: "Pacific/Noumea", 12: "Pacific/Tarawa"}


def zone_in_which_it_is(hour):
    """Name of a zone in which this hour has begun."""
    ahead = (hour - time.gmtime().tm_hour) % 24
    return ZONES[ahead if ahead <= 12 else ahead - 24]


def update(story, sticks):
    """A newer version that stands at an address is installed in the branch's night, and not by day."""
    vm = story.vm
    here = json.loads(story.lan.run("ip", "-j", "-4", "addr", "show", "tap0"))[0]["addr_info"][0]["local"]
    slot = story.running()[0]

    def look(hour):
        vm.must(f"block66 settings set --organisation Closet regional.time_zone={zone_in_which_it_is(hour)}")
        vm.must("systemctl start block66-update-check.service", 120)

    vm.must(f"echo http://{here}:8066/ >/config/block66/updates-from")
    look(14)
    said = vm.must("journalctl -b -o cat --no-pager -u block66-update-check.service | tail -n 5")
    story.holds("by day nothing is looked for", "not the night" in said and not Bundle.asked, said)
    look(3)
    look(3)
    notices = vm.must("cat /run/block66-boot/notices")
    story.holds("that the address does not answer is told, once", notices.count("No update could be read") == 1, notices)
    Bundle.file = f"{story.ground.work}/stick/newer.raucb"
    server = http.server.ThreadingHTTPServer((here, 8066), Bundle)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        vm.shell.sendall(b"systemctl start --no-block block66-update-check.service\n")
        vm.wait_off(300)
    finally:
        server.shutdown()
        server.server_close()
    # That of Debian 12 was built without streaming: it takes the whole onto the data partition first.
    way = f"streamed, in {Bundle.pieces} pieces" if Bundle.pieces else "fetched as a whole"
    story.holds(f"at night it is {way}, installed and started", Bundle.asked > 0)
    story.power_on(sticks)
    story.wait_up()
    story.wait_confirmed()
    story.holds("the new version is confirmed", story.running() == ["B" if slot == "A" else "A", "2.0.0"], str(story.running()))
    story.leases_hold("with all leases")
