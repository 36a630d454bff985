# SPDX-License-Identifier: GPL-2.0-or-later
"""A web server with TLS and a certificate of its own, in a network namespace where nobody else is.

Run as a program: tlsserver.py DIRECTORY CERTIFICATE KEY [BREAKS] serves a directory on 127.0.0.1, by TLS on port 443
and without it on port 80; BREAKS connections are broken off in the middle of the file. It prints a line when it
listens, and then the requested paths."""

import http.server
import os
import ssl
import subprocess
import sys
import threading
from pathlib import Path


def make_certificate(directory):
    """Returns the paths of certificate and key."""
    paths = Path(directory, "cert.pem"), Path(directory, "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", paths[1],
                    "-out", paths[0]], check=True, stderr=subprocess.DEVNULL)
    os.chmod(paths[0], 0o644)
    return paths


class Served:
    """The server as a process in a namespace; `inside` are the words that run a program there."""

    def __init__(self, directory, where, breaks=0):
        self.certificate, key = make_certificate(where)
        self.process = subprocess.Popen(["unshare", "-n", sys.executable, __file__, str(directory), self.certificate, key, str(breaks)],
                                        stdout=subprocess.PIPE, encoding="utf-8")
        if self.process.stdout.readline() != "ready\n":
            raise AssertionError("the server does not come up")
        self.inside = ["nsenter", "-t", str(self.process.pid), "-n"]

    def close(self):
        """Returns the paths that were asked for."""
        self.process.kill()
        paths = self.process.stdout.read().split()
        self.process.stdout.close()
        self.process.wait()
        return paths


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    directory = None
    breaks = 0

    def log_message(self, *args):  # pylint: disable=arguments-differ
        pass

    def do_GET(self):
        print(self.path, flush=True)
        path = Handler.directory / self.path.lstrip("/")
        if not path.is_file():
            self.send_error(404)
            return
        data = path.read_bytes()
        begin = int(self.headers.get("Range", "bytes=0-")[6:-1])
        self.send_response(206 if begin else 200)
        self.send_header("ETag", '"1"')
        self.send_header("Content-Length", str(len(data) - begin))
        self.end_headers()
        if Handler.breaks > 0:
            Handler.breaks -= 1
            self.wfile.write(data[begin:begin + (len(data) - begin) // 2])
            self.close_connection = True
            return
        self.wfile.write(data[begin:])


def serve(directory, certificate, key, breaks="0"):
    Handler.directory = Path(directory)
    Handler.breaks = int(breaks)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    plain = http.server.ThreadingHTTPServer(("127.0.0.1", 80), Handler)
    secure = http.server.ThreadingHTTPServer(("127.0.0.1", 443), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    secure.socket = context.wrap_socket(secure.socket, server_side=True)
    threading.Thread(target=plain.serve_forever, daemon=True).start()
    print("ready", flush=True)
    secure.serve_forever()


if __name__ == "__main__":
    serve(*sys.argv[1:])
