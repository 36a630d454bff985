/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fake-kernel.c - looks like a UML kernel and answers questions as the name it is called by says.
 *
 * good: as it should. silent: not at all. deaf: not at all, and with its output closed. flood:
 * without end. status: with exit status 3 and a complaint. signal: dies. empty: says nothing. junk:
 * escape sequences. plain: has no CONFIG_UML. children: answers, but a child of it keeps the output
 * open. together: when the file "asked" beside it is no longer empty. strict: only where its
 * process is as a probe should make it. modular: as good, with BBR and fq as modules. */

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "uml-marks.h"

#include "basic/cleanup.h"
#include "basic/sandbox.h"

static int answer(const char *question) {
        if (streq(question, "--version"))
                puts("5.19.3-fake");
        else if (streq(question, "--showconfig"))
                puts("CONFIG_UML=y\nCONFIG_UML_NET_VECTOR=y");
        else if (streq(question, "--help"))
                puts("User Mode Linux v5.19.3-fake\n\nmem=<size>\n    Memory.\n");
        else
                return 1;
        return 0;
}

/* It has no sockets to ask by. */
static size_t count_interfaces(void) {
        FILE *f = fopen("/proc/net/dev", "r");
        char line[512];
        size_t n = 0;

        while (f && fgets(line, sizeof(line), f))
                n += strchr(line, ':') != NULL;
        if (f)
                fclose(f);
        return n;
}

/* Says what the probe has left of its own in our process, or nothing. */
static const char *leftover(void) {
        struct rlimit core = {};
        sigset_t blocked;

        if (environ[0])
                return "environment";
        for (int sig = 1; sig < 32; sig++) {
                struct sigaction action;

                if (sigaction(sig, NULL, &action) == 0 && action.sa_handler != SIG_DFL)
                        return "signal handler";
        }
        if (sigprocmask(SIG_BLOCK, NULL, &blocked) < 0 || sigismember(&blocked, SIGTERM))
                return "signal mask";
        for (int fd = 3; fd < 64; fd++)
                if (fcntl(fd, F_GETFD) >= 0)
                        return "descriptor";
        if (lseek(STDIN_FILENO, 0, SEEK_CUR) < 0 || read(STDIN_FILENO, &core, 1) != 0)
                return "standard input";
        if (getsid(0) != getpid())
                return "session";
        if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
                return "privileges";
        if (getrlimit(RLIMIT_CORE, &core) < 0 || core.rlim_cur != 0)
                return "core limit";
        if (!(personality(0xffffffff) & ADDR_NO_RANDOMIZE))
                return "personality";
        if (geteuid() != PROBE_UID || getegid() != PROBE_UID || getgroups(0, NULL) != 0)
                return "user";
        if (prctl(PR_CAPBSET_READ, CAP_NET_ADMIN, 0, 0, 0) != 0)
                return "capability";
        if (getpid() != 1)
                return "process";
        if (access("/tmp", W_OK) >= 0 || errno != EROFS)
                return "mount";
        if (syscall(SYS_keyctl, -1, 0, 0, 0, 0) >= 0 || errno != EPERM)
                return "system call";
        if (socket(AF_NETLINK, SOCK_RAW, 0) >= 0 || errno != EPERM)
                return "socket";
        return count_interfaces() != 1 ? "network" : NULL;
}

/* None of the probe's processes can write, so it is the test that sees all of them. */
static int wait_for_others(const char *path) {
        struct stat st;

        while (stat(path, &st) == 0)
                if (st.st_size > 0)
                        return 0;
                else
                        usleep(1000);
        return 1;
}

int main(int argc, char **argv) {
        char path[4096];
        const char *name = basename(argv[0]), *question = argc > 1 ? argv[1] : "";

        if (streq(name, "silent") || streq(name, "deaf")) {
                if (streq(name, "deaf")) {
                        close(STDOUT_FILENO);
                        close(STDERR_FILENO);
                }
                pause();
        }
        while (streq(name, "flood"))
                puts("y");
        if (streq(name, "status")) {
                fputs("cannot find\x1b[31m something\n", stderr);
                return 3;
        }
        if (streq(name, "signal"))
                __builtin_trap();
        if (streq(name, "empty"))
                return 0;
        if (streq(name, "junk")) {
                puts("\x1b]0;owned\a");
                return 0;
        }
        if (streq(name, "plain") && streq(question, "--showconfig")) {
                puts("CONFIG_X86=y");
                return 0;
        }
        if (streq(name, "modular") && streq(question, "--showconfig")) {
                puts("CONFIG_UML=y\nCONFIG_TCP_CONG_BBR=m\nCONFIG_NET_SCH_FQ=m");
                return 0;
        }
        if (streq(name, "children") && fork() == 0)
                pause();
        if (streq(name, "together")) {
                char program[2048];

                snprintf(program, sizeof(program), "%s",
                         argv[0]); /* which dirname() would change */
                snprintf(path, sizeof(path), "%s/asked", dirname(program));
                if (wait_for_others(path) != 0)
                        return 1;
        }
        if (streq(name, "strict") && leftover()) {
                puts(leftover());
                return 1;
        }
        return answer(question);
}
