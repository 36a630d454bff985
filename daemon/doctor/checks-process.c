/* SPDX-License-Identifier: GPL-2.0-or-later */
/* checks-process.c - doctor: what a UML kernel does with its processes, and how they are confined.
 */

#include <inttypes.h>
#include <sched.h>

#include "basic/file-util.h"
#include "basic/spawn.h"
#include "basic/string-util.h"
#include "daemon/doctor/doctor.h"
#include "host/cgroup.h"
#include "host/filter-order.h"
#include "host/ptrace-try.h"

#define YAMA       "/proc/sys/kernel/yama/ptrace_scope"
#define JUST_A_TRY (2 * USEC_PER_MSEC)
#define CALLS_SPAN (300 * USEC_PER_MSEC)
#define CALLS_SLOW 20000 /* a second: a tenth of what hosts without such a burden reach */

/* ---- ptrace ---- */

void check_ptrace(Exam *e) {
        uint64_t rate;
        int r = ptrace_try(JUST_A_TRY, &rate);

        if (r >= 0)
                exam_tell(e, DOCTOR_OK, "", "system calls of a traced process can be intercepted");
        else
                exam_tell(e, DOCTOR_FAULT,
                          "ask the provider to allow ptrace in this container (Docker: --cap-add "
                          "SYS_PTRACE, or another seccomp profile)",
                          "the host does not let a process trace its children, as UML kernels do "
                          "(%s)",
                          strerror(-r));
}

void check_calls(Exam *e) {
        uint64_t rate;
        int r = ptrace_try(CALLS_SPAN, &rate);

        if (r < 0)
                exam_tell(e, DOCTOR_UNKNOWN, "", "not measured: %s", strerror(-r));
        else if (rate < CALLS_SLOW)
                exam_tell(e, DOCTOR_WARNING, "programs that make many system calls will be slow",
                          "%" PRIu64 " system calls a second under ptrace", rate);
        else
                exam_tell(e, DOCTOR_OK, "", "%" PRIu64 " system calls a second under ptrace", rate);
}

/* A parent may trace its children but with the strictest setting. */
void check_yama(Exam *e) {
        _cleanup_free_ char *text = NULL;
        int r = read_first_line(YAMA, &text);

        if (r == -ENOENT)
                return; /* this kernel has no Yama */
        if (r < 0)
                exam_tell_error(e, r, "", YAMA);
        else if (streq(text, "3"))
                exam_tell(e, DOCTOR_FAULT, "set it to 2 or less in /etc/sysctl.d, and reboot",
                          "kernel.yama.ptrace_scope is 3, so nothing can be traced");
        else
                exam_tell(e, DOCTOR_OK, "",
                          "kernel.yama.ptrace_scope is %s, which lets a kernel "
                          "trace its own children",
                          text);
}

/* ---- confinement ---- */

void check_seccomp(Exam *e) {
        int r = filter_order_check();

        if (r >= 0)
                exam_tell(e, DOCTOR_OK, "", "the kernel's system calls can be filtered");
        else if (r == -EOPNOTSUPP)
                exam_tell(e, DOCTOR_WARNING, "",
                          "the host's filters come before ptrace, so the kernel's system calls "
                          "are not filtered");
        else
                exam_tell(e, DOCTOR_WARNING, "",
                          "the host refuses filters of system calls (%s), so the kernel runs "
                          "without one",
                          strerror(-r));
}

static int run_nothing(void *userdata) {
        return 0;
}

static int try_namespace(unsigned long flag) {
        pid_t pid;
        int r = spawn(&(const Spawn){ .run = run_nothing, .namespaces = flag }, &pid);

        if (r < 0)
                return r;
        return spawn_wait(pid) < 0 ? -EIO : 0;
}

void check_namespaces(Exam *e) {
        static const struct {
                unsigned long flag;
                const char *name;
        } kinds[] = {
                { CLONE_NEWPID, "pid" },     { CLONE_NEWIPC, "ipc" },  { CLONE_NEWUTS, "uts" },
                { CLONE_NEWNET, "network" }, { CLONE_NEWNS, "mount" },
        };
        _cleanup_free_ char *refused = NULL;
        int error = 0;

        FOREACH_ELEMENT (k, kinds) {
                _cleanup_free_ char *before = refused;
                int r = try_namespace(k->flag);

                refused = NULL;
                error = r < 0 ? r : error;
                refused = r < 0 ? strfmt("%s%s%s", before ?: "", before ? ", " : "", k->name)
                                : TAKE_PTR(before);
        }
        if (!error)
                exam_tell(e, DOCTOR_OK, "", "pid, ipc, uts, network and mount");
        else if (geteuid() != 0)
                exam_tell(e, DOCTOR_UNKNOWN, "run it as root", "only root can tell");
        else
                exam_tell(e, DOCTOR_WARNING,
                          "guests run without these layers of confinement; ask the provider for "
                          "nesting (LXC: security.nesting)",
                          "the host refuses namespaces: %s (%s)", refused ?: "?", strerror(-error));
}

/* Not needed by umld, but by what people run on such hosts beside it. */
void check_user_namespaces(Exam *e) {
        int r = try_namespace(CLONE_NEWUSER);

        if (r >= 0)
                exam_tell(e, DOCTOR_OK, "", "allowed; umld needs none");
        else
                exam_tell(e, DOCTOR_OK, "", "refused (%s); umld needs none", strerror(-r));
}

/* The one that is made is removed again. */
void check_cgroup(Exam *e) {
        _cleanup_free_ char *name = strfmt("umld-doctor-%d", (int) getpid()), *path = NULL;
        int r = name ? cgroup_path(name, &path) : -ENOMEM;

        if (r >= 0)
                r = cgroup_create(path);
        if (path)
                (void) cgroup_remove(path);
        if (r >= 0)
                exam_tell(e, DOCTOR_OK, "", "each guest can have a control group of its own");
        else if (geteuid() != 0 && r != -EOPNOTSUPP)
                exam_tell(e, DOCTOR_UNKNOWN, "run it as root", "only root can tell");
        else
                exam_tell(e, DOCTOR_WARNING, "",
                          "guests have no control groups (%s): their processes are found one by "
                          "one",
                          strerror(-r));
}
