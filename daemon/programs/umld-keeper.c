/* SPDX-License-Identifier: GPL-2.0-or-later */
/* umld-keeper.c - umld-keeper UMLD NAME: starts umld where there is no service manager that would,
 * and starts it again when it was killed. The guest runs on meanwhile, and the next umld adopts it.
 *
 * As Restart=on-failure in umld@.service. An umld that does not respond kills itself (notify.c). It
 * is not needed for anything else: without it umld and its guest go on. A signal that it receives
 * is meant for umld. */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "api/exit-codes.h"
#include "basic/cleanup.h"
#include "basic/log.h"
#include "basic/spawn.h"
#include "basic/time-util.h"

/* StartLimitIntervalSec=, StartLimitBurst=, WatchdogSec= */
#define INTERVAL (5 * 60 * USEC_PER_SEC)
#define WATCHDOG "30000000"
enum {
        BURST = 10,
};

typedef struct Keeper {
        const char *program, *guest;
        sigset_t mask;
        pid_t umld;
        int announced;         /* readable once it is */
        bool wanted_down;      /* it was told to end */
        usec_t started[BURST]; /* the newest starts, CLOCK_MONOTONIC */
        unsigned starts;
} Keeper;

/* ---- a start ---- */

/* To the umlctl that waits for the guest's start. */
static int connect_to_umlctl(void) {
        const char *name = getenv("NOTIFY_SOCKET");
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        size_t n = name ? strlen(name) : 0;

        if (fd < 0 || n < 2 || n > sizeof(sa.sun_path) || *name != '@')
                return -EBADF;
        memcpy(sa.sun_path + 1, name + 1, n - 1);
        if (connect(fd, (struct sockaddr *) &sa,
                    (socklen_t) (offsetof(struct sockaddr_un, sun_path) + n)) < 0)
                return -errno;
        return TAKE_FD(fd);
}

/* It has ended, and its name may be a stranger's one day: later umlds have nobody to notify. */
static void forget_umlctl(void) {
        _cleanup_close_ int fd = connect_to_umlctl();

        if (fd < 0)
                (void) unsetenv("NOTIFY_SOCKET");
}

/* umlctl believes only what its child, which we are, and umld say. */
static void announce(pid_t umld) {
        _cleanup_close_ int fd = connect_to_umlctl();
        char text[32];

        if (fd < 0)
                return;
        snprintf(text, sizeof(text), "MAINPID=%d", (int) umld);
        (void) send(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Once it has been announced. */
static int run_umld(void *userdata) {
        const Keeper *k = userdata;
        char *const argv[] = { (char *) "umld", (char *) k->guest, NULL };
        char c;

        (void) read(k->announced, &c, 1);
        (void) execv(k->program, argv);
        dprintf(STDERR_FILENO, "error: cannot start %s: %s\n", k->program, strerror(errno));
        return SPAWN_FAILED;
}

static int start(Keeper *k) {
        int ends[2], r;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        k->announced = ends[0];
        forget_umlctl();
        (void) setenv("WATCHDOG_USEC", WATCHDOG, false);
        r = spawn(
                &(const Spawn){
                        .run = run_umld, .userdata = k, .keep_fd = ends[0], .session = true },
                &k->umld);
        if (r >= 0)
                announce(k->umld);
        safe_close(ends[0]);
        safe_close(ends[1]);
        return r;
}

static bool may_start(Keeper *k) {
        usec_t now = now_usec(CLOCK_MONOTONIC), *oldest = &k->started[k->starts % BURST];

        if (k->starts >= BURST && now < usec_add(*oldest, INTERVAL))
                return false;
        *oldest = now;
        k->starts++;
        return true;
}

/* ---- an end ---- */

static void pass_on(Keeper *k, int signal) {
        k->wanted_down |= signal == SIGTERM || signal == SIGINT;
        (void) kill(k->umld, signal);
}

/* Until umld has ended; returns its wait status. */
static int wait_for_end(Keeper *k) {
        int status, signal;

        while (waitpid(k->umld, &status, WNOHANG) == 0)
                if (sigwait(&k->mask, &signal) == 0 && signal != SIGCHLD)
                        pass_on(k, signal);
        return status;
}

/* What umld@.service starts again: no retry helps against the other codes. */
static bool is_failure(int status) {
        static const int final[] = { EXIT_DONE,     EXIT_FAILED,        EXIT_USAGE,
                                     EXIT_NO_GUEST, EXIT_NOT_PERMITTED, SPAWN_FAILED };

        if (WIFSIGNALED(status))
                return WTERMSIG(status) != SIGTERM && WTERMSIG(status) != SIGINT;
        FOREACH_ELEMENT (code, final)
                if (WEXITSTATUS(status) == *code)
                        return false;
        return true;
}

static void describe(int status, char *buf, size_t size) {
        if (WIFSIGNALED(status))
                snprintf(buf, size, "was killed by signal %d (%s)", WTERMSIG(status),
                         strsignal(WTERMSIG(status)));
        else
                snprintf(buf, size, "has exited with status %d", WEXITSTATUS(status));
}

/* Until it ends in another way than by being killed, or too often; returns our exit code. */
static int keep(Keeper *k) {
        char how[80] = "";
        int status, r;

        while (may_start(k)) {
                r = start(k);
                if (r < 0)
                        return log_error_errno(r, "cannot start umld: %m"), EXIT_FAILED;
                status = wait_for_end(k);
                if (k->wanted_down || !is_failure(status))
                        return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILED;
                describe(status, how, sizeof(how));
                log_warning("umld %s; starting it again", how);
        }
        log_error("umld %s, the last of %d deaths within five minutes; not starting it again "
                  "(umlctl start %s)",
                  how, BURST, k->guest);
        return EXIT_FAILED;
}

int main(int argc, char **argv) {
        static const int watched[] = { SIGCHLD, SIGTERM, SIGINT, SIGHUP };
        Keeper k = {};

        if (argc != 3) {
                fprintf(stderr, "umld-keeper is run by umlctl(1) and is of no use by itself\n");
                return EXIT_USAGE;
        }
        k.program = argv[1];
        k.guest = argv[2];
        log_open("umld-keeper");
        sigemptyset(&k.mask);
        FOREACH_ELEMENT (s, watched)
                sigaddset(&k.mask, *s);
        (void) sigprocmask(SIG_BLOCK, &k.mask, NULL);
        return keep(&k);
}
