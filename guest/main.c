/* SPDX-License-Identifier: GPL-2.0-or-later */
/* main.c - umld-guest-init: the first process of a guest that was made of a container image.
 *
 * Brings up what a container's runtime would, runs the one service, and reaps what it leaves. A
 * service that fails is started again, slower each time; one that ends well ends the guest.
 * Ctrl-alt-del, which is how umld asks for it, ends both. */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

#include "basic/file-util.h"
#include "basic/time-util.h"
#include "guest/modprobe.h"
#include "guest/mounts.h"
#include "guest/network.h"
#include "guest/service.h"
#include "guest/swap.h"

#define SERVICE_FILE "/etc/umld/service"

#define LOOK_EVERY  (50 * USEC_PER_MSEC) /* at what it listens on */
#define READY_LIMIT (60 * USEC_PER_SEC)  /* it is taken for ready then, whatever it listens on */
#define STOP_LIMIT  (10 * USEC_PER_SEC)  /* what is left is killed then */
#define DELAY_MIN   (1 * USEC_PER_SEC)
#define DELAY_MAX   (30 * USEC_PER_SEC)

typedef struct Init {
        Service service;
        pid_t pid;      /* of the service; 0: it does not run */
        usec_t started; /* at first */
        bool ready;     /* umld knows */
        usec_t again;   /* when it is started again; 0: not at all */
        usec_t delay;   /* of the last time */
        sigset_t signals;
} Init;

static usec_t now(void) {
        return now_usec(CLOCK_MONOTONIC);
}

static void tell_umld(const char *message) {
        (void) write_existing("/proc/mconsole", message);
}

static _noreturn_ void power_off(void) {
        (void) kill(-1, SIGTERM);
        (void) usleep(100 * USEC_PER_MSEC);
        (void) kill(-1, SIGKILL);
        while (waitpid(-1, NULL, 0) > 0)
                ;
        mounts_end();
        (void) reboot(RB_POWER_OFF);
        for (;;)
                pause();
}

static _noreturn_ void give_up(const char *why) {
        tell_umld("STOPPING=poweroff\n");
        fprintf(stderr, "umld: %s\n", why);
        power_off();
}

/* ---- the service ---- */

static void start(Init *i) {
        int r = service_start(&i->service, &i->pid);

        i->again = 0;
        if (r < 0) {
                fprintf(stderr, "umld: cannot start the service: %s\n", strerror(-r));
                i->pid = 0;
                i->again = now() + DELAY_MAX;
        }
}

static bool listens(const Init *i) {
        static const char *const tables[] = { "/proc/net/tcp", "/proc/net/tcp6" };

        FOREACH_ELEMENT (path, tables) {
                _cleanup_free_ char *text = NULL;

                if (read_file(*path, 4 * 1024 * 1024, &text) >= 0 &&
                    service_listens(&i->service, text))
                        return true;
        }
        return false;
}

static void look_if_ready(Init *i) {
        if (i->ready || i->pid == 0)
                return;
        if (i->service.n_ports > 0 && now() < i->started + READY_LIMIT && !listens(i))
                return;
        i->ready = true;
        tell_umld("READY=1\n");
}

static void on_end(Init *i, int status) {
        i->pid = 0;
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
                give_up("the service has ended; shutting down the guest");
        i->delay = i->delay == 0 ? DELAY_MIN : MIN(2 * i->delay, DELAY_MAX);
        i->again = now() + i->delay;
        fprintf(stderr, "umld: the service ended with %s %d; restarting it in %u s\n",
                WIFSIGNALED(status) ? "signal" : "exit status",
                WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
                (unsigned) (i->delay / USEC_PER_SEC));
}

static void reap(Init *i) {
        int status;
        pid_t pid;

        while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
                if (pid == i->pid)
                        on_end(i, status);
}

static _noreturn_ void stop(Init *i) {
        usec_t limit = now() + STOP_LIMIT;
        const struct timespec some = { .tv_nsec = 20 * 1000 * 1000 };

        tell_umld("STOPPING=poweroff\n");
        if (i->pid > 0)
                (void) kill(i->pid, i->service.stop_signal);
        while (i->pid > 0 && now() < limit) {
                pid_t pid;

                (void) sigtimedwait(&i->signals, NULL, &some);
                while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
                        if (pid == i->pid)
                                i->pid = 0;
        }
        power_off();
}

/* ---- all of it ---- */

static struct timespec patience(const Init *i) {
        usec_t t = i->again > 0 ? i->again - MIN(i->again, now()) : 3600 * USEC_PER_SEC;

        if (!i->ready)
                t = MIN(t, LOOK_EVERY);
        return (struct timespec){ (time_t) (t / USEC_PER_SEC), (long) (t % USEC_PER_SEC) * 1000 };
}

static _noreturn_ void run(Init *i) {
        i->started = now();
        start(i);
        for (;;) {
                struct timespec t = patience(i);
                int signal = sigtimedwait(&i->signals, NULL, &t);

                if (signal > 0 && signal != SIGCHLD)
                        stop(i);
                reap(i);
                if (i->again > 0 && now() >= i->again)
                        start(i);
                look_if_ready(i);
        }
}

/* The image may have no /dev/console, and the kernel then leaves us without one. */
static void open_standard_fds(void) {
        int fd = open("/dev/console", O_RDWR | O_NOCTTY);

        for (int i = 0; fd >= 0 && i <= STDERR_FILENO; i++)
                if (fd != i)
                        (void) dup2(fd, i);
        if (fd > STDERR_FILENO)
                (void) close(fd);
}

static void read_service(Init *i) {
        _cleanup_free_ char *text = NULL;
        char why[80];
        unsigned line;

        if (read_file(SERVICE_FILE, 1024 * 1024, &text) < 0)
                give_up("there is no " SERVICE_FILE);
        if (service_parse(text, &i->service, &line) >= 0)
                return;
        snprintf(why, sizeof(why), "%s:%u: invalid line", SERVICE_FILE, line);
        give_up(line ? why : SERVICE_FILE " names no program (arg=)");
}

static void up(const char *cmdline) {
        network_up(cmdline);
        swap_up(cmdline);
}

int main(int argc, char *argv[]) {
        _cleanup_free_ char *cmdline = NULL;
        Init i = {};

        if (argc > 0 && streq(basename(argv[0]), "modprobe"))
                return modprobe_main(argc, argv);
        if (getpid() != 1) {
                fprintf(stderr, "umld-guest-init must be the first process of a guest\n");
                return 1;
        }
        sigemptyset(&i.signals);
        for (const int *s = (const int[]){ SIGCHLD, SIGINT, SIGTERM, SIGPWR, 0 }; *s; s++)
                (void) sigaddset(&i.signals, *s);
        (void) sigprocmask(SIG_BLOCK, &i.signals, NULL);
        (void) reboot(RB_DISABLE_CAD); /* then it is SIGINT */
        mounts_make();
        open_standard_fds();
        if (read_file("/proc/cmdline", 65536, &cmdline) >= 0)
                up(cmdline);
        read_service(&i);
        run(&i);
}
