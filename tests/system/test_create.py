#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""umlctl create and remove: what is made, what is left when it fails, and what is deleted."""

import fcntl
import hashlib
import http.server
import io
import os
import pty
import signal
import stat
import subprocess
import sys
import tarfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import umldtest
from ext4 import Image, fsck
from umlctltest import Case, UMLCTL
from umldtest import SOURCE, BUILD, DONE, FAILED, NO_GUEST, NOT_PERMITTED, USAGE, main

IMAGE_PROGRAM = str(BUILD / "imager/umld-image")
SOMEBODY = 54321
F_SETPIPE_SZ = 1031

# What container engines leave to root, without mknod.
CONTAINER = """mount -t tmpfs -o mode=0755 none /dev
mknod -m 666 /dev/null c 1 3; mknod -m 666 /dev/zero c 1 5; mknod -m 666 /dev/urandom c 1 9
exec setpriv --bounding-set=-all,+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+setpcap,+net_bind_service,+sys_chroot,+setfcap \
    sh -ec 'for wrong in "mknod /dev/sda b 8 0" "mount -t tmpfs none /mnt" "losetup -f"; do
                if $wrong 2>/dev/null; then echo "this is no container: $wrong" >&2; exit 70; fi
            done; exec "$@"' sh "$@"
"""


def archive(**files):
    """A small tree as a tar archive."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in {"etc/os-release": "ID=test\n", "sbin/init": "#!/bin/sh\n", **files}.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            info.uid = 7
            tar.addfile(info, io.BytesIO(content.encode()))
    return out.getvalue()


def made(name):
    """The files of a guest; modules is what its kernel was."""
    return [f"config/{name}.conf", f"state/{name}", f"state/{name}/modules", f"state/{name}/root.img"]


def header(name, size):
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf()


class CreateCase(Case):
    def setUp(self):
        super().setUp()
        self.env["UMLD_IMAGE"] = IMAGE_PROGRAM
        self.tar = self.file("tree.tar", archive())

    def file(self, name, content):
        path = Path(self.top, name)
        path.write_bytes(content)
        return str(path)

    def path(self, kind, *rest):
        return Path(self.top, kind, *rest)

    def create(self, name="web", *words, code=DONE, **more):
        if not any(word.startswith("--from") for word in words):
            words = ("--from", self.tar, *words)
        if not any(word.startswith("--size") for word in words):
            words = ("--size=16M", *words)
        return self.expect(code, "create", name, *words, **more)

    def image(self, name="web"):
        path = self.path("state", name, "root.img")
        self.assertIsNone(fsck(path))
        return Image(path)

    def config(self, name="web"):
        return self.path("config", name + ".conf").read_text(encoding="utf-8")

    def left(self):
        """All files and directories below those of umld."""
        return sorted(str(p.relative_to(self.top)) for kind in ("config", "state", "log", "runtime")
                      for p in self.path(kind).rglob("*"))

    def refused(self, code, why, *words, **more):
        """It says why in its one line, and nothing is left."""
        before = self.left()
        p = self.create(*(words or ("web",)), code=code, **more)
        self.assertRegex(p.stderr, r"^umlctl: .*" + why)
        self.assertEqual(p.stderr.count("\n"), 1, p.stderr)
        self.assertEqual(self.left(), before)


class Create(CreateCase):
    def test_files(self):
        p = self.create()
        self.assertIn("web: created from " + self.tar, p.stdout)
        self.assertIn("umlctl start web", p.stdout)
        self.assertEqual(self.left(), made("web"))
        st = self.path("state/web/root.img").stat()
        self.assertEqual((st.st_uid, stat.S_IMODE(st.st_mode), st.st_size), (os.geteuid(), 0o600, 16 << 20))
        self.assertLess(st.st_blocks * 512, 4 << 20)
        self.assertEqual(self.image().text("/etc/os-release"), "ID=test\n")
        self.assertEqual(self.image().stat("/sbin/init")["uid"], 7)
        self.assertIn(b"web", self.image().debugfs("stats -h").split(b"\n")[0])

    def test_quiet(self):
        p = self.create("web", "--quiet")
        self.assertEqual(p.stdout + p.stderr, "")

    def test_configuration(self):
        self.create("web", "--memory=256M", "--hostname=www.example.org", "--forward=tcp/8080:80", "--forward", "udp/53",
                    "--set=DNS=1.1.1.1", "--set", "Fallback.Append=single", "--set=Restart=always")
        text = self.config()
        for line in ("Memory=256M", "Hostname=www.example.org", "Forward=tcp/8080:80", "Forward=udp/53", "DNS=1.1.1.1",
                     "[Fallback]\nAppend=single", "[Supervise]\nRestart=always"):
            self.assertIn(line + "\n", text)
        self.assertIn("Memory=128M\n", (self.create("db"), self.config("db"))[1])
        self.assertIn("Memory=64M\n", (self.create("small", "--set=Memory=64M"), self.config("small"))[1])

    def test_umld_takes_it(self):
        self.create("web", "--forward=tcp/8080:80")
        done = subprocess.run([str(BUILD / "daemon/umld"), "--check", "web"], env=self.env, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, encoding="utf-8", check=False)
        self.assertNotEqual(done.returncode, USAGE, done.stdout)
        self.assertIn("root.img", done.stdout)

    def test_bad_settings(self):
        for word, why in (("--set=Memry=1M", "unknown setting, did you mean Memory"), ("--set=Memory", "must be KEY=VALUE"),
                          ("--set=Memory=1", "Memory"), ("--set=Tap=\nX=1", "a single line"), ("--forward=tcp/0", "Forward"),
                          ("--hostname=a b", "Hostname"), ("--kernel=x", "Kernel"), ("--size=0", "--size"),
                          ("--memory=x", "--memory"), ("--copy=x", "--copy"), ("--copy=x:y", "absolute path"),
                          ("--sha256=12", "64 hexadecimal"), ("--set=Guest.Nothing=1", "unknown setting")):
            with self.subTest(word=word):
                self.refused(USAGE, why, "web", word)

    def test_names(self):
        for name in ("Web", "1web", "a" * 16, "../x", ""):
            self.refused(USAGE, "invalid guest name", name)
        self.expect(USAGE, "create")

    def test_network(self):
        """The tap and the network are for umld to choose, unless they are set."""
        self.create("a")
        self.create("b", "--set=HostAddress=10.9.0.1/24")
        self.assertFalse([line for line in self.config("a").splitlines() if line.startswith(("Tap", "HostA", "GuestA"))])
        self.assertIn("HostAddress=10.9.0.1/24\n", self.config("b"))

    def test_sources(self):
        tree = self.path("tree")
        (tree / "etc").mkdir(parents=True)
        (tree / "etc/os-release").write_text("ID=test\n", encoding="utf-8")
        subprocess.run(["gzip", "-k", self.tar], check=True)
        self.create("one", "--from", self.tar + ".gz")
        self.create("two", "--from", str(tree))
        self.create("three", "--from=-", stdin=open(self.tar, "rb"))  # pylint: disable=consider-using-with
        self.create("four", "--from", str(self.path("state/one/root.img")), "--size=24M")
        for name in ("one", "two", "three", "four"):
            self.assertEqual(self.image(name).text("/etc/os-release"), "ID=test\n")
        self.assertEqual(self.path("state/four/root.img").stat().st_size, 24 << 20)

    def test_bad_sources(self):
        for source, code, why in (("/none/there", FAILED, "No such file"), ("/dev/null", FAILED, "is empty"),
                                  (self.file("text", b"hello\n" * 1000), FAILED, "neither a tar archive nor the image"),
                                  (self.file("cut.tar", archive()[:1500]), FAILED, "damaged"),
                                  (self.file("up.tar", header("../x", 0) + bytes(1024)), FAILED, "'..' in its name")):
            with self.subTest(source=source):
                self.refused(code, why, "web", "--from", source)

    def test_full(self):
        big = self.file("big.tar", header("big", 40 << 20) + os.urandom(40 << 20) + bytes(1024))
        self.refused(FAILED, "image of 16 MiB is full; use a larger --size", "web", "--from", big)
        self.create("web", "--from", big, "--size=64M")

    def test_checksum(self):
        right = hashlib.sha256(Path(self.tar).read_bytes()).hexdigest()
        self.create("one", "--sha256", right)
        self.create("two", "--sha256", right.upper())
        self.refused(FAILED, "checksum is " + right, "three", "--sha256", "0" * 64)
        self.refused(USAGE, "has no checksum", "three", "--from=-", "--sha256", right, stdin=open(self.tar, "rb"))

    def test_copies(self):
        Path(self.top, "dir").mkdir()
        Path(self.top, "dir/inner").write_text("2", encoding="utf-8")
        os.chmod(self.file("a:b", b"1"), 0o755)
        self.create("web", f"--copy={self.top}/a:b:/usr/bin/tool", "--copy", f"{self.top}/dir:/srv/dir",
                    f"--copy={self.top}/dir/inner:/etc/os-release")
        image = self.image()
        self.assertEqual(image.text("/usr/bin/tool") + image.text("/srv/dir/inner") + image.text("/etc/os-release"), "122")
        self.assertEqual((image.stat("/usr/bin/tool")["mode"], image.stat("/usr/bin/tool")["uid"]), (0o755, 0))
        self.refused(FAILED, "none", "two", f"--copy={self.top}/none:/x")

    def test_no_source(self):
        """Then it is the default guest, of this host's busybox and of what umld-image brings."""
        self.expect(DONE, "create", "web", "--size=32M")
        image = self.image()
        self.assertEqual(image.text("/sbin/init"), (SOURCE / "imager/builtin/sbin/init").read_text(encoding="utf-8"))
        self.assertEqual(image.read("/bin/busybox"), Path("/bin/busybox").read_bytes())
        self.assertEqual(image.stat("/bin/sh")["target"], "/bin/busybox")
        self.assertEqual(image.stat("/dev/null")["device"], (1, 3))
        self.assertIn("Ready=guest", self.config())
        self.assertIn("ConfigureBy=init", self.config())

    def test_no_busybox(self):
        self.create("web", "--from", self.tar)
        done = subprocess.run(["unshare", "-m", "sh", "-c", 'mount --bind /dev/null /bin/busybox && exec "$0" create db', UMLCTL],
                              env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", check=False)
        self.assertEqual(done.returncode, FAILED, done.stderr)
        self.assertIn("install the package busybox-static", done.stderr)
        self.assertFalse(self.path("state/db").exists())

    def test_no_umld_image(self):
        self.refused(FAILED, "umld-image: No such file", "web", "--set=FastNetwork=no", env={"UMLD_IMAGE": "/none/umld-image"})

    def test_terminal_as_input(self):
        master, slave = pty.openpty()
        self.refused(USAGE, "standard input is a terminal", "web", "--from=-", stdin=slave)
        os.close(master)
        os.close(slave)

    def test_ordinary_user(self):
        """Nobody's rights are needed where the directories are one's own."""
        if os.geteuid() != 0:
            self.skipTest("only root can become another user")
        for kind in ("config", "state", "log", "runtime"):
            os.chown(self.path(kind), SOMEBODY, SOMEBODY)
        with self.as_somebody():
            self.create()
        self.assertEqual(self.path("state/web/root.img").stat().st_uid, SOMEBODY)
        self.assertEqual(self.image().stat("/sbin/init")["uid"], 7)
        with self.as_somebody():
            self.expect(DONE, "remove", "web", "--force")
        self.assertEqual(self.left(), [])

    def as_somebody(self):
        case = self

        class Changed:
            def __enter__(self):
                case.command = ["setpriv", f"--reuid={SOMEBODY}", f"--regid={SOMEBODY}", "--clear-groups", *case.command]
                case.env["UMLD_IMAGE"] = umldtest_reachable()

            def __exit__(self, *unused):
                case.command = case.command[4:]

        return Changed()

    def test_container(self):
        """Root of a container, which has no loop devices, and may neither make device nodes nor mount, can do it all."""
        if os.geteuid() != 0:
            self.skipTest("only root can make such a container")
        self.command = ["unshare", "-m", "sh", "-ec", CONTAINER, "sh", *self.command]
        self.expect(DONE, "create", "web", "--size=32M")
        image = self.image()
        self.assertEqual(image.stat("/dev/null")["device"], (1, 3))
        self.assertEqual(image.stat("/bin/sh")["target"], "/bin/busybox")
        self.expect(DONE, "resize", "web", "40M")
        self.assertEqual(os.stat(self.image().path).st_size, 40 << 20)
        self.create("db", "--from", self.tar)
        self.assertEqual(self.image("db").stat("/sbin/init")["uid"], 7)

    def test_not_permitted(self):
        if os.geteuid() != 0:
            self.skipTest("only root can become another user")
        with self.as_somebody():
            self.refused(NOT_PERMITTED, "Permission denied")

    def test_progress(self):
        def slow(write):
            with os.fdopen(write, "wb") as pipe:
                data = header("big", 8 << 20) + os.urandom(8 << 20) + bytes(1024)
                for at in range(0, len(data), 1 << 20):
                    pipe.write(data[at:at + (1 << 20)])
                    pipe.flush()
                    time.sleep(0.2)
        fifo = os.path.join(self.top, "fifo")
        os.mkfifo(fifo)
        child = os.fork()
        if child == 0:
            slow(os.open(fifo, os.O_WRONLY))
            os._exit(0)
        code, shown = self.on_terminal("create", "web", "--from", fifo, "--size=16M", seconds=30)
        os.waitpid(child, 0)
        self.assertEqual(code, DONE, shown)
        self.assertRegex(shown, r"web: writing .*fifo [0-9.]+[KM] \(\ds\)")


def umldtest_reachable():
    """umld-image where every user can reach it."""
    from umlctltest import reachable  # pylint: disable=import-outside-toplevel
    return reachable(IMAGE_PROGRAM)


class Server:
    """A web server on the loopback interface that may break off, fail, change its file or send one elsewhere."""

    def __init__(self, data, etag='"1"', breaks=0, errors=0, changes=False, location=None):
        self.data, self.etag, self.breaks, self.errors, self.changes, self.location = (
            data, etag, breaks, errors, changes, location)
        self.requests = []
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *args):  # pylint: disable=arguments-differ
                pass

            def do_GET(self):
                server.answer(self)

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.http.server_address[1]
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def answer(self, request):
        self.requests.append(dict(request.headers))
        if self.location:
            request.send_response(302)
            request.send_header("Location", self.location)
            request.end_headers()
            return
        if self.errors > 0:
            self.errors -= 1
            request.send_error(503)
            return
        begin = int(request.headers.get("Range", "bytes=0-")[6:-1])
        if begin and request.headers.get("If-Range") != self.etag:
            begin = 0
        request.send_response(206 if begin else 200)
        if self.etag:
            request.send_header("ETag", self.etag)
        request.send_header("Content-Length", str(len(self.data) - begin))
        if begin:
            request.send_header("Content-Range", f"bytes {begin}-{len(self.data) - 1}/{len(self.data)}")
        request.end_headers()
        end = len(self.data)
        if self.breaks > 0:
            self.breaks -= 1
            end = begin + (end - begin) // 2
        request.wfile.write(self.data[begin:end])
        request.wfile.flush()
        if end < len(self.data) and self.changes:
            self.data, self.etag = self.data[::-1], '"2"'

    def close(self):
        self.http.shutdown()
        self.http.server_close()


class Download(CreateCase):
    """By http, which needs a checksum: what is downloaded is whole, or not used."""

    def setUp(self):
        super().setUp()
        self.env["UMLD_FETCH"] = str(BUILD / "imager/umld-fetch")
        if not os.path.exists(self.env["UMLD_FETCH"]):
            self.skipTest("built without libcurl")
        self.data = archive(**{"etc/big": "x" * 300000})
        self.sum = hashlib.sha256(self.data).hexdigest()

    def serve(self, **options):
        server = Server(options.pop("data", self.data), **options)
        self.addCleanup(server.close)
        return server, f"http://127.0.0.1:{server.port}/tree.tar"

    def test_whole(self):
        server, url = self.serve()
        self.create("web", "--from", url, "--sha256", self.sum)
        self.assertEqual(len(self.image().read("/etc/big")), 300000)
        self.assertEqual(len(server.requests), 1)

    def test_resumed(self):
        server, url = self.serve(breaks=3)
        p = self.create("web", "--from", url, "--sha256", self.sum)
        self.assertIn("interrupted, continuing", p.stderr)
        self.assertEqual(len(server.requests), 4)
        ranges = [int(request["Range"][6:-1]) for request in server.requests[1:]]
        self.assertEqual(ranges, sorted(ranges))
        self.assertGreater(ranges[0], 100000)
        self.assertEqual(len(self.image().read("/etc/big")), 300000)

    def test_without_version(self):
        """Nothing says that the file is still the same, so it is read from its beginning again."""
        server, url = self.serve(breaks=1, etag=None)
        self.create("web", "--from", url, "--sha256", self.sum)
        self.assertNotIn("Range", server.requests[1])

    def test_changed_meanwhile(self):
        """The halves of two files never make one."""
        server, url = self.serve(data=self.data[::-1], breaks=1, changes=True)
        self.create("web", "--from", url, "--sha256", self.sum)
        self.assertEqual(len(server.requests), 2)

    def test_failing_for_a_while(self):
        server, url = self.serve(errors=2)
        self.create("web", "--from", url, "--sha256", self.sum)
        self.assertEqual(len(server.requests), 3)

    def test_wrong_sum(self):
        _, url = self.serve()
        self.refused(FAILED, "checksum is " + self.sum, "web", "--from", url, "--sha256", "0" * 64)

    def test_not_there(self):
        server, url = self.serve()
        server.answer = lambda request: request.send_error(404)
        self.refused(FAILED, "404", "web", "--from", url, "--sha256", self.sum)

    def test_unsafe(self):
        _, url = self.serve()
        self.refused(USAGE, "can be tampered with", "web", "--from", url)
        self.refused(FAILED, "SSL|TLS|wrong version", "web", "--from", url.replace("http:", "https:"))

    def test_no_way_to_files(self):
        """No redirection leads to a file of this host."""
        server, url = self.serve(location="file:///etc/passwd")
        self.refused(FAILED, "rotocol", "web", "--from", url, "--sha256", self.sum)
        self.assertEqual(len(server.requests), 1)

    def test_interrupted(self):
        read, write = os.pipe()
        self.addCleanup(os.close, read)
        self.addCleanup(os.close, write)
        server, url = self.serve()
        server.answer = lambda request: os.read(read, 1)  # never
        child = self.start_umlctl("create", "web", "--from", url, "--sha256", self.sum)
        self.wait_for(lambda: list(self.path("state").glob(".web.new-*/source.part")))
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate(timeout=30)
        os.write(write, b"x")
        self.assertIn("interrupted, nothing was created", errors)
        self.assertEqual(self.left(), [])


class Programs(CreateCase):
    """Sources that other programs make; here they are made of shell."""

    def program(self, name, text):
        directory = Path(self.top, "bin")
        directory.mkdir(exist_ok=True)
        (directory / name).write_text("#!/bin/sh\n" + text, encoding="utf-8")
        (directory / name).chmod(0o755)
        self.env["PATH"] = f"{directory}:{os.environ['PATH']}"

    def test_debian(self):
        self.program("mmdebstrap", f'echo "$@" >{self.top}/words; cat {self.tar}')
        self.create("web", "--from=debian:trixie")
        self.assertTrue(self.image().exists("/etc/os-release"))
        self.assertRegex(Path(self.top, "words").read_text(encoding="utf-8"), r"--format=tar trixie -\n")
        self.create("db", "--from=debian:trixie", "--mirror=http://127.0.0.1:1/tree")
        self.assertRegex(Path(self.top, "words").read_text(encoding="utf-8"), r" trixie - http://127.0.0.1:1/tree\n")

    def test_descriptors(self):
        """A program gets none that it does not need: mmdebstrap fails with them. 3 is the shell's own directory."""
        self.program("mmdebstrap", f'echo /proc/$$/fd/? >{self.top}/words; cat {self.tar}')
        self.create("web", "--from=debian:trixie")
        found = {Path(word).name for word in Path(self.top, "words").read_text(encoding="utf-8").split()}
        self.assertFalse(found & {"4", "5", "6", "7"}, found)

    def test_own_suite(self):
        own = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
                   if "=" in line).get("VERSION_CODENAME")
        if not own:
            self.skipTest("this system has no code name")
        self.program("mmdebstrap", f'echo "$@" >{self.top}/words; cat {self.tar}')
        self.create("web", "--from=debian")
        self.assertRegex(Path(self.top, "words").read_text(encoding="utf-8"), rf" {own} - .*/etc/apt/sources.list")

    def test_debian_fails(self):
        """The reason is that of the program, not that its output is no archive."""
        self.program("mmdebstrap", "echo 'I: working' >&2; echo 'E: no such suite' >&2; exit 25")
        self.refused(FAILED, "mmdebstrap: E: no such suite", "web", "--from=debian:none")
        self.program("mmdebstrap", "echo 'W: none' >&2; echo 'E: the reason' >&2; echo 'E: apt-get failed' >&2; echo bye >&2; exit 1")
        self.refused(FAILED, "mmdebstrap: E: the reason$", "web", "--from=debian:none")
        self.program("mmdebstrap", f"head -c 1500 {self.tar}; echo 'E: broken off' >&2; exit 25")
        self.refused(FAILED, "mmdebstrap: E: broken off", "web", "--from=debian:none")
        self.program("mmdebstrap", "kill -9 $$")
        self.refused(FAILED, "mmdebstrap was killed by signal 9|is empty", "web", "--from=debian:none")

    def test_image_full(self):
        """The reason is the image's, not that the program could not go on."""
        big = self.file("big.tar", header("big", 40 << 20) + os.urandom(40 << 20) + bytes(1024))
        self.program("mmdebstrap", f"cat {big} || {{ echo 'E: cannot write' >&2; exit 1; }}")
        self.refused(FAILED, "is full|E: cannot write", "web", "--from=debian:none")

    def test_not_installed(self):
        self.env["PATH"] = self.top
        self.refused(FAILED, "install the package mmdebstrap", "web", "--from=debian:none")


class There(CreateCase):
    """What is there already."""

    def test_refuses(self):
        self.create()
        before = self.path("state/web/root.img").stat().st_ino
        self.refused(FAILED, "already exists")
        self.path("config/web.conf").unlink()
        self.refused(FAILED, "the image already exists")
        self.assertEqual(self.path("state/web/root.img").stat().st_ino, before)

    def test_keeps_what_else_is_there(self):
        self.path("state/web").mkdir()
        self.path("state/web/uid").write_text("60001\n", encoding="utf-8")
        self.create()
        self.assertEqual(self.path("state/web/uid").read_text(encoding="utf-8"), "60001\n")

    def test_force(self):
        self.create("web", "--memory=256M")
        self.create("web", "--force", "--from", self.file("new.tar", archive(**{"etc/new": "1"})))
        self.assertTrue(self.image().exists("/etc/new"))
        self.assertIn("Memory=128M", self.config())
        self.assertEqual(self.left(), made("web"))

    def test_failed_force_changes_nothing(self):
        self.create()
        before = self.path("state/web/root.img").stat().st_ino
        self.refused(FAILED, "damaged", "web", "--force", "--from", self.file("cut.tar", archive()[:1500]))
        self.assertEqual(self.path("state/web/root.img").stat().st_ino, before)

    def test_running(self):
        self.running()
        self.refused(FAILED, "is running; stop it first")
        self.refused(FAILED, "is running; stop it first", "web", "--force")


class Interrupted(CreateCase):
    """Nothing is left, and nobody."""

    def begin(self, *words):
        """Creates from an archive whose end never comes, up to where the image is being written."""
        read, write = os.pipe()
        fcntl.fcntl(write, F_SETPIPE_SZ, 1 << 19)
        os.write(write, header("big", 1 << 20) + bytes(300000))
        child = subprocess.Popen([UMLCTL, "create", "web", "--from=-", "--size=16M", *words], env=self.env, stdin=read,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")
        os.close(read)
        self.addCleanup(os.close, write)
        self.addCleanup(lambda: child.poll() is None and child.kill())
        self.wait_for(lambda: any(p.stat().st_size for p in self.path("state").glob(".web.new-*/root.img")))
        self.wait_for(lambda: self.helpers(child.pid))
        return child

    def helpers(self, pid):
        return [other for other in umldtest.children(pid) if self.program(other) == "umld-image"]

    @staticmethod
    def program(pid):
        try:
            return os.path.basename(os.readlink(f"/proc/{pid}/exe"))
        except OSError:  # it has ended, or is about to become another user
            return ""

    def test_signals(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(signal=number):
                child = self.begin()
                helpers = self.helpers(child.pid)
                child.send_signal(number)
                _, errors = child.communicate(timeout=30)
                self.assertNotEqual(child.returncode, DONE)
                self.assertIn("interrupted, nothing was created", errors)
                self.assertEqual(self.left(), [])
                self.assertFalse([pid for pid in helpers if umldtest.process_alive(pid)])

    def test_first_process(self):
        """As the first one of a PID namespace, umld-image would ignore a signal that comes before it has a handler; umlctl
        starts it with the signal blocked."""
        code = ("import os, signal; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM]); os.kill(os.getpid(), signal.SIGTERM);"
                f"assert os.getpid() == 1; os.execv('{IMAGE_PROGRAM}', ['umld-image', 'write'])")
        with open(self.file("image", b""), "r+b") as image:
            p = subprocess.Popen(["unshare", "--pid", "--fork", sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.PIPE, env=self.env, pass_fds=[image.fileno()])
            self.addCleanup(p.stderr.close)
            self.addCleanup(p.stdin.close)
            self.assertEqual(p.wait(20), 128 + signal.SIGTERM, p.stderr.read() if p.poll() else None)

    def test_at_once(self):
        """A signal that comes while the helpers are being started ends them as well; they have 5 s before they are killed."""
        os.mkfifo(Path(self.top, "endless"))
        reader = os.open(Path(self.top, "endless"), os.O_RDWR)  # nothing ever comes, nor an end
        self.addCleanup(os.close, reader)
        for delay in (0, 0.002, 0.005, 0.01, 0.02, 0.04):
            with self.subTest(delay=delay):
                child = self.start_umlctl("create", "web", "--from", str(Path(self.top, "endless")))
                self.wait_for(lambda c=child: Path(f"/proc/{c.pid}/task/{c.pid}/children").read_text() or c.poll() is not None)
                time.sleep(delay)
                begin = time.monotonic()
                child.send_signal(signal.SIGINT)
                _, errors = child.communicate(timeout=30)
                self.assertIn("interrupted, nothing was created", errors)
                self.assertLess(time.monotonic() - begin, 4)
                self.assertEqual(self.left(), [])

    def test_killed(self):
        child = self.begin()
        helpers = self.helpers(child.pid)
        child.kill()
        child.communicate(timeout=30)
        self.wait_for(lambda: not [pid for pid in helpers if umldtest.process_alive(pid)])
        self.assertNotEqual(self.left(), [])
        self.create("db")
        self.assertEqual(self.left(), made("db"))

    def test_others_are_left_alone(self):
        child = self.begin()
        self.create("db")
        self.assertTrue(list(self.path("state").glob(".web.new-*/root.img")))
        child.terminate()
        child.communicate(timeout=30)
        self.assertEqual(self.left(), made("db"))

    def test_killed_in_the_last_steps(self):
        """As each of them leaves the directories."""
        steps = {"before the configuration": (["root.img"], False), "at the end": (["root.img"], True)}
        for what, (files, configured) in steps.items():
            with self.subTest(what=what):
                directory = self.path("state/web")
                directory.mkdir()
                (directory / ".creating").write_text("root.img\nswap.img\n", encoding="utf-8")
                for name in files:
                    (directory / name).write_text("x", encoding="utf-8")
                if configured:
                    self.configure("web")
                self.path("config/.web.conf.new-99999").write_text("x", encoding="utf-8")
                self.create("db", "--force")
                right = made("db")
                if configured:
                    right += ["config/web.conf", "state/web", "state/web/root.img"]
                self.assertEqual(self.left(), sorted(right))

    def test_foreign_files_are_left_alone(self):
        for path in ("state/.hidden", "state/.web.new-x", "state/web.new-1", "config/.web.conf.new-", "config/note"):
            self.path(path).write_text("x", encoding="utf-8")
        before = self.left()
        self.create("db")
        self.assertEqual(sorted(set(before) | set(made("db"))), self.left())

    def test_disk_full(self):
        if os.geteuid() != 0:
            self.skipTest("only root can mount")
        big = self.file("big.tar", header("big", 8 << 20) + os.urandom(8 << 20) + bytes(1024))
        script = ('mount -t tmpfs -o size=4m none "$UMLD_STATE_DIR" && "$0" create web --from "$1" --size=64M; '
                  'code=$?; find "$UMLD_STATE_DIR" -mindepth 1; exit $code')
        done = subprocess.run(["unshare", "-m", "sh", "-c", script, UMLCTL, big], env=self.env, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, encoding="utf-8", check=False)
        self.assertEqual(done.returncode, FAILED, done.stderr)
        self.assertIn("the host's disk is full", done.stderr)
        self.assertEqual(done.stdout, "")


class Remove(CreateCase):
    def prepare(self):
        self.create("web")
        self.create("db")
        self.last_exit()
        self.path("log/web").mkdir()
        self.path("log/web/console.log").write_text("x", encoding="utf-8")

    def test_all_of_one(self):
        self.prepare()
        p = self.expect(DONE, "remove", "web", "--force")
        self.assertEqual(p.stdout, "web was removed\n")
        self.assertEqual(self.left(), made("db"))
        self.expect(NO_GUEST, "remove", "web", "--force")

    def test_several(self):
        self.prepare()
        self.create("web2")
        self.assertIn("no guest matches 'x*'", self.expect_line(NO_GUEST, "remove", "--force", "web", "x*"))
        self.assertTrue(self.path("state/web").exists())
        p = self.expect(DONE, "remove", "--force", "web*")
        self.assertEqual(p.stdout, "web was removed\nweb2 was removed\n")
        self.assertEqual(self.left(), made("db"))
        # One that cannot be removed does not keep the others.
        self.create("web")
        self.running("db")
        self.assertIn("db is running", self.expect(FAILED, "remove", "--force", "--all").stderr)
        self.assertFalse(self.path("state/web").exists())
        self.assertTrue(self.path("state/db").exists())

    def test_asks(self):
        self.prepare()
        before = self.left()
        self.assertIn("use --force", self.expect_line(USAGE, "remove", "web"))
        for answer, code in (("n\n", FAILED), ("\n", FAILED), ("\x04", FAILED), ("y\n", DONE)):
            self.assertEqual(self.left(), before)
            pid, fd = pty.fork()
            if pid == 0:
                os.execve(UMLCTL, [UMLCTL, "remove", "web"], self.env)
            shown = b""
            while b"[y/N]" not in shown:
                shown += os.read(fd, 1000)
            self.assertIn(b"Remove the guest web", shown)
            os.write(fd, answer.encode())
            self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), code, answer)
            os.close(fd)
        self.assertFalse(self.path("state/web").exists())

    def test_running(self):
        self.prepare()
        before = self.left()
        self.running()
        self.assertIn("is running", self.expect_line(FAILED, "remove", "web", "--force"))
        self.assertLessEqual(set(before), set(self.left()))

    def test_not_undone(self):
        """What a killed umld has set up on the host is not forgotten with the guest."""
        self.prepare()
        self.path("runtime/web").mkdir()
        self.path("runtime/web/undo").write_text("tap tap0\n", encoding="utf-8")
        self.assertIn("start and stop the guest first", self.expect_line(FAILED, "remove", "web", "--force"))
        self.assertTrue(self.path("state/web/root.img").exists())

    def test_remains(self):
        """Of a guest whose configuration was deleted by hand."""
        self.prepare()
        self.path("config/web.conf").unlink()
        self.expect(DONE, "remove", "web", "--force", "--quiet")
        self.assertFalse(self.path("state/web").exists() or self.path("log/web").exists())

    def test_unknown(self):
        self.expect_line(NO_GUEST, "remove", "web", "--force")
        self.expect_line(USAGE, "remove", "../web", "--force")
        self.expect_line(USAGE, "remove")


if __name__ == "__main__":
    sys.exit(main())
