#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The CPU-state fix, proven without a CPU that needs it.

amx-sim.so makes ptrace() behave as on a CPU with about 11,000 bytes of extended state. The fix, preloaded
above it, must make the same requests succeed, and a real kernel boot that dies without it. What
tools/build-kernel builds into a kernel must do the same.

Needs root (namespaces), busybox-static, e2fsprogs and user-mode-linux; UMLD_CPU_FIX, UMLD_AMX_SIM,
UMLD_REGSET_TRACER and UMLD_REGSET_TRACER_BUILT name what the build made. UMLD_TEST_KERNELS adds kernels, separated by colons.
"""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
DEBIAN_KERNEL = "/usr/bin/linux.uml"
UNPRIVILEGED = 65534
BOOT_TIMEOUT = 60
INVENTED = 8576  # bytes that amx-sim.c adds to the state

INIT = """#!/bin/busybox sh
echo guest-reached-init
/bin/busybox poweroff -f
"""

# Runs as the init of a pid namespace of its own, so that whatever the kernel leaves behind ends with it.
BOOT = """
dir=$1 kernel=$2 preload=$3
mount -t tmpfs -o size=128m,mode=1777 none "$dir/mem" || exit 99
setpriv --reuid=%d --regid=%d --clear-groups --no-new-privs \\
        env -i TMPDIR="$dir/mem" GLIBC_TUNABLES=glibc.pthread.rseq=0 LD_PRELOAD="$preload" setarch -R "$kernel" \\
        ubda="$dir/image" root=/dev/ubda ro mem=64m con=null con0=fd:0,fd:1 umid=x uml_dir="$dir/mem" \\
        init=/init initcall_blacklist=raid6_select_algo,raid6_init lpj=20000000 noreboot
exit $?
""" % (UNPRIVILEGED, UNPRIVILEGED)


def kernels():
    """Paths of the kernels to test with: (those that need the fix, those that do not)."""
    paths = [DEBIAN_KERNEL] + [p for p in os.environ.get("UMLD_TEST_KERNELS", "").split(":") if p]
    newer = SOURCE.parent / "shared/kernel/vmlinux-7.2"
    if newer.exists() and str(newer) not in paths:
        paths.append(str(newer))
    old, new = [], []
    for path in paths:
        version, config = (subprocess.run([path, argument], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                          check=True, timeout=10).stdout.decode()
                           for argument in ("--version", "--showconfig"))
        major, minor = (int(n) for n in version.split(".")[:2])
        needs = (major, minor) < (6, 13) and "CONFIG_UMLD_CPU_STATE=y" not in config
        (old if needs else new).append(path)
    return old, new


class CpuFix(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix="umld-cpu-fix.", dir="/var/tmp")
        cls.addClassCleanup(shutil.rmtree, cls.dir)
        os.chmod(cls.dir, 0o755)
        os.mkdir(f"{cls.dir}/mem")
        cls.fix = cls.copy(os.environ["UMLD_CPU_FIX"], "fix.so")
        cls.sim = cls.copy(os.environ["UMLD_AMX_SIM"], "sim.so")
        cls.tracer = os.environ["UMLD_REGSET_TRACER"]
        cls.tracer_built = os.environ["UMLD_REGSET_TRACER_BUILT"]
        cls.old, cls.new = kernels()
        cls.make_image()

    @classmethod
    def copy(cls, path, name):
        """Where the guest's uid can reach it, which need not be so for a build or source tree."""
        target = f"{cls.dir}/{name}"
        shutil.copyfile(path, target)
        os.chmod(target, 0o755)
        return target

    @classmethod
    def make_image(cls):
        root = pathlib.Path(cls.dir, "root")
        for name in ("bin", "dev", "proc", "sys"):
            (root / name).mkdir(parents=True)
        shutil.copy(shutil.which("busybox"), root / "bin/busybox")
        (root / "init").write_text(INIT)
        (root / "init").chmod(0o755)
        # Features that old kernels do not know must be off.
        subprocess.run(["mke2fs", "-q", "-t", "ext4", "-O", "^orphan_file,^metadata_csum_seed",
                        "-d", str(root), f"{cls.dir}/image", "8M"], check=True, timeout=60,
                       stdout=subprocess.DEVNULL)
        os.chown(f"{cls.dir}/image", UNPRIVILEGED, UNPRIVILEGED)

    def trace(self, mode, *preload, tracer=None):
        env = {"LD_PRELOAD": " ".join(preload)}
        return subprocess.run([tracer or self.tracer, mode], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              check=True, timeout=60).stdout.decode().strip()

    def boot(self, kernel, *preload):
        """Boots to the end; returns (exit status, everything it printed)."""
        copy = self.copy(kernel, "kernel")
        command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", BOOT, "boot",
                   self.dir, copy, " ".join(preload)]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT) as process:
            try:
                output = process.communicate(timeout=BOOT_TIMEOUT)[0].decode(errors="replace")
            except subprocess.TimeoutExpired:
                process.kill()  # and with it, by --kill-child, all that runs in the namespace
                self.fail(f"no end after {BOOT_TIMEOUT} s: {process.communicate()[0][-2000:]!r}")
        return process.returncode, output

    def test_short_set_is_refused_without_fix(self):
        self.assertEqual(self.trace("short"), "refused: Bad address")
        self.assertEqual(self.trace("short", self.sim), "refused: Bad address")

    def done(self, mode, *preload, tracer=None):
        """(bytes set, bytes of the whole state)"""
        output = self.trace(mode, *preload, tracer=tracer)
        self.assertRegex(output, r"^done: \d+ of \d+ bytes$")
        return int(output.split()[1]), int(output.split()[3])

    def test_short_set_with_fix(self):
        brought, size = self.done("short", self.fix)
        self.assertLess(brought, size)
        self.assertEqual(self.done("short", self.fix, self.sim), (brought, size + INVENTED))

    def test_whole_set_is_left_alone(self):
        brought, size = self.done("whole")
        self.assertEqual(brought, size)
        self.assertEqual(self.done("whole", self.fix), (size, size))
        self.assertEqual(self.done("whole", self.fix, self.sim), (size + INVENTED, size + INVENTED))

    def test_fix_built_in(self):
        brought, size = self.done("short", tracer=self.tracer_built)
        self.assertLess(brought, size)
        for invented, preload in ((0, ()), (INVENTED, (self.sim,))):
            self.assertEqual(self.done("short", *preload, tracer=self.tracer_built), (brought, size + invented))
            self.assertEqual(self.done("whole", *preload, tracer=self.tracer_built),
                             (size + invented, size + invented))

    def test_threads(self):
        self.assertRegex(self.trace("threads", self.fix), "^done: ")

    def test_old_kernel_dies_without_fix(self):
        for kernel in self.old:
            with self.subTest(kernel):
                status, output = self.boot(kernel, self.sim)
                self.assertIn("ptrace set fp regs failed, errno = 14", output)
                self.assertIn("Attempted to kill init!", output)
                self.assertNotIn("guest-reached-init", output)
                self.assertEqual(status, 128 + 6)

    def test_old_kernel_boots_with_fix(self):
        for kernel in self.old:
            with self.subTest(kernel):
                status, output = self.boot(kernel, self.fix, self.sim)
                self.assertIn("guest-reached-init", output)
                self.assertNotIn("fp regs failed", output)
                self.assertEqual(status, 0, output)

    def test_fix_does_no_harm_on_this_cpu(self):
        for kernel in self.old + self.new:
            with self.subTest(kernel):
                status, output = self.boot(kernel, self.fix)
                self.assertIn("guest-reached-init", output)
                self.assertEqual(status, 0, output)

    def test_new_kernel_needs_no_fix(self):
        for kernel in self.new:
            with self.subTest(kernel):
                status, output = self.boot(kernel, self.sim)
                self.assertIn("guest-reached-init", output)
                self.assertEqual(status, 0, output)


if __name__ == "__main__":
    unittest.main()
