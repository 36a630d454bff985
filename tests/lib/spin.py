# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes a process hang for good: busy, and deaf to all but signals."""

import ctypes
import os
import signal


class Registers(ctypes.Structure):
    """struct user_regs_struct of x86-64."""
    _fields_ = [(name, ctypes.c_ulong) for name in
                "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss"
                " fs_base gs_base ds es fs gs".split()]


def make_spin(pid):
    """Puts a jump to itself where that process is."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    registers = Registers()

    def ptrace(request, address=None, data=None):
        if libc.ptrace(request, pid, address, data) < 0:
            raise OSError(ctypes.get_errno(), f"ptrace {request}")

    ptrace(16)  # PTRACE_ATTACH
    # Another signal may come first, and what it is stopped by must not come behind the detaching.
    while (stopped_by := os.WSTOPSIG(os.waitpid(pid, 0x40000000)[1])) != signal.SIGSTOP:  # __WALL
        ptrace(7, None, stopped_by)  # PTRACE_CONT
    ptrace(12, None, ctypes.addressof(registers))  # PTRACE_GETREGS
    with open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
        memory.seek(registers.rip)
        memory.write(b"\xeb\xfe")
    ptrace(17)  # PTRACE_DETACH
