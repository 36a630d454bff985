/* SPDX-License-Identifier: GPL-2.0-or-later */
/* detach.c - starts an umld that outlives us, and listens to its notifications until it is ready.
 */

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/dirs.h"
#include "api/exit-codes.h"
#include "basic/fd-util.h"
#include "basic/file-util.h"
#include "basic/parse-util.h"
#include "basic/peer.h"
#include "basic/spawn.h"
#include "basic/string-util.h"
#include "umlctl/detach.h"

enum {
        NOTIFICATION_MAX = 4096,
        LOG_TAIL_MAX = 64 * 1024, /* of one start; the reason why it ended is near the end */
};

static int open_log(const char *name, char **ret_path, off_t *ret_begin) {
        _cleanup_free_ char *dir = umld_path(DIR_LOG, name, NULL),
                            *path = umld_path(DIR_LOG, name, "umld.log");
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (!dir || !path)
                return -ENOMEM;
        r = mkdir_p(dir, 0750);
        if (r < 0)
                return r;
        fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW, 0640);
        if (fd < 0)
                return -errno;
        *ret_begin = MAX(lseek(fd, 0, SEEK_END), (off_t) 0);
        *ret_path = TAKE_PTR(path);
        return TAKE_FD(fd);
}

/* An abstract socket with a name chosen by the kernel; *ret_name is that name for NOTIFY_SOCKET. */
static int open_notify(char **ret_name) {
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        socklen_t len = sizeof(sa);
        int on = 1;

        if (fd < 0 || bind(fd, (struct sockaddr *) &sa, sizeof(sa_family_t)) < 0 ||
            getsockname(fd, (struct sockaddr *) &sa, &len) < 0 ||
            setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
                return -errno;
        *ret_name = strfmt("@%.*s", (int) (len - offsetof(struct sockaddr_un, sun_path) - 1),
                           sa.sun_path + 1);
        return *ret_name ? TAKE_FD(fd) : -ENOMEM;
}

static void set_environment(const char *notify_name) {
        /* What another service manager passed to us is not meant for umld. */
        static const char *const foreign[] = { "WATCHDOG_USEC", "WATCHDOG_PID",   "LISTEN_FDS",
                                               "LISTEN_PID",    "LISTEN_FDNAMES", "INVOCATION_ID",
                                               "JOURNAL_STREAM" };

        FOREACH_ELEMENT (name, foreign)
                unsetenv(*name);
        setenv("NOTIFY_SOCKET", notify_name, true);
}

typedef struct Start {
        const char *program, *notify_name;
        char *const *argv;
} Start;

static int run_umld(void *userdata) {
        const Start *s = userdata;

        (void) umask(022);
        set_environment(s->notify_name);
        if (chdir("/") >= 0)
                (void) execv(s->program, s->argv);
        dprintf(STDERR_FILENO, "error: cannot start %s: %s\n", s->program, strerror(errno));
        return SPAWN_FAILED;
}

void detach_parse_notification(const char *text, bool *ready, char **status) {
        while (text) {
                const char *end = strchrnul(text, '\n'), *v = startswith(text, "STATUS=");

                if (v) {
                        char *line = strndup(v, (size_t) (end - v));

                        if (line) {
                                free(*status);
                                *status = line;
                        }
                } else if (end - text == 7 && startswith(text, "READY=1"))
                        *ready = true;
                text = *end ? end + 1 : NULL;
        }
}

/* Of umld's keeper, which says who umld is. */
static void read_umld(Detached *d, const char *text) {
        const char *number = startswith(text, "MAINPID=");
        uint64_t pid;

        if (number && parse_unsigned(number, 1, INT32_MAX, &pid) >= 0)
                d->umld = (pid_t) pid;
}

/* Reads one notification; 0 = none is queued, 1 = one was read, from umld or from another process
 * that knows the socket's name. */
static int read_notification(Detached *d) {
        char text[NOTIFICATION_MAX + 1];
        struct ucred cred;
        ssize_t n = receive_from_peer(d->notify, text, NOTIFICATION_MAX, &cred);

        if (n < 0)
                return 0;
        /* 0: it is outside our PID namespace, and umld, as long as it is not known */
        if (cred.pid == 0 || (cred.pid != d->pid && cred.pid != d->umld))
                return 1;
        text[n] = '\0';
        if (cred.pid == d->pid)
                read_umld(d, text);
        detach_parse_notification(text, &d->ready, &d->text);
        return 1;
}

static int on_notify(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        Detached *d = userdata;

        if (read_notification(d) > 0) {
                progress_set(&d->waiter->progress, d->text);
                waiter_kick(d->waiter);
        }
        return 0;
}

static int on_child(sd_event_source *s, const siginfo_t *si, void *userdata) {
        Detached *d = userdata;

        while (read_notification(d) > 0) /* read what it sent before it exited */
                ;
        d->ended = true;
        d->status = si->si_code == CLD_EXITED ? W_EXITCODE(si->si_status, 0)
                                              : W_EXITCODE(0, si->si_status);
        waiter_kick(d->waiter);
        return 0;
}

int detach_start(const char *program, char *const *argv, const char *guest, Waiter *waiter,
                 Detached *d) {
        _cleanup_free_ char *notify_name = NULL;
        _cleanup_close_ int log = -EBADF;
        int r;

        d->waiter = waiter;
        log = open_log(guest, &d->log, &d->log_begin);
        if (log < 0)
                return log;
        d->notify = open_notify(&notify_name);
        if (d->notify < 0)
                return d->notify;
        r = sd_event_add_io(waiter->event, &d->io, d->notify, EPOLLIN, on_notify, d);
        if (r < 0)
                return r;
        r = spawn(&(const Spawn){ .run = run_umld,
                                  .userdata = &(Start){ program, notify_name, argv },
                                  .fds = (const int[]){ -EBADF, log, log },
                                  .n_fds = 3,
                                  .session = true,
                                  .mask = &waiter->saved_mask },
                  &d->pid);
        if (r < 0)
                return r;
        return sd_event_add_child(waiter->event, &d->child, d->pid, WEXITED, on_child, d);
}

void detach_done(Detached *d) {
        sd_event_source_unref(d->io);
        sd_event_source_unref(d->child);
        safe_close(d->notify);
        free(d->log);
        free(d->text);
}

char *detach_last_error(const char *log) {
        static const char mark[] = "error: ";
        const char *found = NULL;

        for (const char *p = log; (p = strstr(p, mark)); p++) {
                const char *line = p;

                while (line > log && line[-1] != '\n')
                        line--;
                /* The mark is at the start of the line, or after a time stamp, which is a single
                 * word. */
                if (line == p || (p[-1] == ' ' && memchr(line, ' ', (size_t) (p - line)) == p - 1))
                        found = p + strlen(mark);
        }
        return found ? strndup(found, strcspn(found, "\n")) : NULL;
}

/* What this run wrote to the log; only the end of it if it is long. */
static char *read_log(const Detached *d) {
        _cleanup_close_ int fd = open(d->log, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        _cleanup_free_ char *text = malloc(LOG_TAIL_MAX + 1);
        off_t end;
        ssize_t n;

        if (fd < 0 || !text)
                return NULL;
        end = lseek(fd, 0, SEEK_END);
        if (end < 0 || lseek(fd, MAX(d->log_begin, end - LOG_TAIL_MAX), SEEK_SET) < 0)
                return NULL;
        n = read_all(fd, text, LOG_TAIL_MAX);
        if (n < 0)
                return NULL;
        text[n] = '\0';
        return TAKE_PTR(text);
}

char *detach_reason(const Detached *d) {
        _cleanup_free_ char *log = read_log(d), *error = log ? detach_last_error(log) : NULL;

        if (error)
                return TAKE_PTR(error);
        if (WIFSIGNALED(d->status))
                return strfmt("umld was killed by signal %d (%s)", WTERMSIG(d->status),
                              strsignal(WTERMSIG(d->status)));
        if (!isempty(d->text))
                return strdup(d->text);
        return strfmt("umld exited with status %d", WEXITSTATUS(d->status));
}

int detach_exit_code(const Detached *d) {
        int status = WIFEXITED(d->status) ? WEXITSTATUS(d->status) : EXIT_FAILED;

        return status == EXIT_USAGE || status == EXIT_NO_GUEST || status == EXIT_NOT_PERMITTED
                       ? status
                       : EXIT_FAILED;
}
