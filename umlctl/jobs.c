/* SPDX-License-Identifier: GPL-2.0-or-later */
/* jobs.c - runs helper programs of long operations. */

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/image-protocol.h"
#include "basic/fd-util.h"
#include "basic/parse-util.h"
#include "basic/sandbox.h"
#include "basic/spawn.h"
#include "umlctl/interrupt.h"
#include "umlctl/jobs.h"
#include "umlctl/say.h"

enum {
        TICK_MS = 200,
        JOBS_MAX = 4,
};

#define PATIENCE (5 * USEC_PER_SEC) /* after which a program that was told to end is killed */

/* ---- starting ---- */

static void report_failure(int error, void *userdata) {
        dprintf(STDERR_FILENO, "%s\n", strerror(error));
}

/* No more than it uses: apt has a shell write to the first free one, and dash knows none above 9.
 */
static size_t count_fds(const int *fds) {
        size_t n = JOB_FDS_MAX;

        while (n > STDERR_FILENO + 1 && fds[n - 1] < 0)
                n--;
        return n;
}

static int start(Job *j, const sigset_t *mask) {
        _cleanup_close_ int theirs = -EBADF, errors = -EBADF;
        sigset_t blocked = *mask;
        int fds[JOB_FDS_MAX], ends[2], r;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        j->errors = ends[0];
        errors = ends[1];
        if (j->speaks) {
                if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
                        return -errno;
                j->messages = ends[0];
                theirs = ends[1];
        }
        if (j->sandbox) /* as the first process of its namespace it would ignore one that comes
                           early */
                sigaddset(&blocked, SIGTERM);
        memcpy(fds, j->fds, sizeof(fds));
        if (j->speaks)
                fds[STDOUT_FILENO] = theirs;
        fds[STDERR_FILENO] = errors;
        r = fd_nonblock(j->errors, true);
        if (r >= 0 && j->speaks)
                r = fd_nonblock(j->messages, true);
        if (r < 0)
                return r;
        return spawn(&(const Spawn){ .argv = j->argv.v,
                                     .failed = report_failure,
                                     .fds = fds,
                                     .n_fds = count_fds(fds),
                                     .death_signal = SIGTERM,
                                     .group = true, /* Ctrl-C is for us to pass on */
                                     .mask = &blocked,
                                     .optional_namespaces = j->sandbox && geteuid() == 0
                                                                    ? SANDBOX_NAMESPACES
                                                                    : 0 },
                     &j->pid);
}

void job_done(Job *j) {
        if (j->pid > 0 && !j->ended) {
                (void) kill(-j->pid, SIGKILL);
                (void) spawn_wait(j->pid);
        }
        safe_close(j->messages);
        safe_close(j->errors);
        strv_done(&j->argv);
        free(j->error);
        *j = JOB_INIT;
}

/* ---- their output ---- */

static void answer_file(Job *j, const char *name) {
        _cleanup_close_ int fd = j->file ? j->file(name, j->userdata) : -ENOENT;
        char status = fd < 0 ? 'n' : 'y';

        if (fd < 0 && fd != -ENOENT && fd != -EEXIST) {
                /* To the program it is a file that it must not have. */
                j->refused = true;
                free(j->error);
                j->error = strfmt("%s: %s", name, strerror(-fd));
        }
        (void) fds_send(j->messages, &status, 1, &fd, fd >= 0);
}

static void take_result(Job *j, const char *text) {
        _cleanup_free_ char *key = strndup(text, strcspn(text, " "));

        if (key && j->result)
                j->result(key, text[strlen(key)] ? text + strlen(key) + 1 : "", j->userdata);
}

static void take_message(Job *j, char *text, Progress *progress) {
        const char *rest;

        text[strcspn(text, "\n")] = '\0';
        if ((rest = startswith(text, IMAGE_WORD_PROGRESS)))
                (void) parse_unsigned(rest, 0, UINT64_MAX, &j->done);
        else if ((rest = startswith(text, IMAGE_WORD_ERROR))) {
                if (!j->refused)
                        (void) free_and_strdup(&j->error, rest);
        } else if ((rest = startswith(text, IMAGE_WORD_RESULT)))
                take_result(j, rest);
        else if ((rest = startswith(text, IMAGE_WORD_FILE)))
                answer_file(j, rest);
        else if ((rest = startswith(text, IMAGE_WORD_NOTE))) {
                progress_wipe(progress);
                note("%s: %s", progress->name, rest);
        }
}

/* Reads what has arrived; 0: nothing. At the end it closes the descriptor. */
static size_t read_more(int *fd, char *text, size_t size) {
        ssize_t n;

        if (*fd < 0)
                return 0;
        do
                n = read(*fd, text, size);
        while (n < 0 && errno == EINTR);
        if (n > 0)
                return (size_t) n;
        if (n == 0 || errno != EAGAIN)
                *fd = safe_close(*fd);
        return 0;
}

static void read_messages(Job *j, Progress *progress) {
        char text[IMAGE_MESSAGE_MAX + 1];
        size_t n;

        while ((n = read_more(&j->messages, text, IMAGE_MESSAGE_MAX)) > 0) {
                text[n] = '\0';
                take_message(j, text, progress);
        }
}

/* Keeps the end: a program prints last why it fails. */
static void keep_tail(Job *j, const char *text, size_t size) {
        if (size > JOB_TAIL_MAX) {
                text += size - JOB_TAIL_MAX;
                size = JOB_TAIL_MAX;
        }
        if (j->n_tail + size > JOB_TAIL_MAX) {
                size_t drop = j->n_tail + size - JOB_TAIL_MAX;

                memmove(j->tail, j->tail + drop, j->n_tail - drop);
                j->n_tail -= drop;
        }
        memcpy(j->tail + j->n_tail, text, size);
        j->n_tail += size;
        j->tail[j->n_tail] = '\0';
}

static void end_line(Job *j) {
        j->line[j->n_line] = '\0';
        j->marked = startswith(j->line, j->mark);
        j->n_line = 0;
}

/* Keeps the first line with the mark: what comes later is often no more than its consequence. */
static void look_for_mark(Job *j, const char *text, size_t size) {
        for (size_t i = 0; i < size && j->mark && !j->marked; i++)
                if (text[i] == '\n')
                        end_line(j);
                else if (j->n_line < JOB_LINE_MAX)
                        j->line[j->n_line++] = text[i];
}

static void read_errors(Job *j) {
        char text[4096];
        size_t n;

        while ((n = read_more(&j->errors, text, sizeof(text))) > 0) {
                look_for_mark(j, text, n);
                keep_tail(j, text, n);
        }
}

/* ---- waiting ---- */

typedef struct Wait {
        Job *jobs;
        size_t n;
        Progress *progress;
        int signals;
        int interrupted;    /* the signal */
        usec_t told_to_end; /* 0: not yet */
} Wait;

static bool failed(const Job *j) {
        return j->ended && j->status != 0;
}

static void end_all(Wait *w, int signal) {
        for (size_t i = 0; i < w->n; i++)
                if (w->jobs[i].pid > 0 && !w->jobs[i].ended)
                        (void) kill(-w->jobs[i].pid, signal);
        if (w->told_to_end == 0)
                w->told_to_end = now_usec(CLOCK_MONOTONIC);
}

static void read_signals(Wait *w) {
        struct signalfd_siginfo si;

        while (read(w->signals, &si, sizeof(si)) == sizeof(si))
                if (si.ssi_signo != SIGCHLD && !w->interrupted) {
                        w->interrupted = (int) si.ssi_signo;
                        end_all(w, SIGTERM);
                }
}

static void collect(Wait *w) {
        for (size_t i = 0; i < w->n; i++) {
                Job *j = &w->jobs[i];

                if (j->ended || waitpid(j->pid, &j->status, WNOHANG) != j->pid)
                        continue;
                j->ended = true;
                read_messages(j, w->progress);
                read_errors(j);
                j->errors = safe_close(j->errors); /* even if a descendant still has it open */
                j->failed_first = j->status != 0 && w->told_to_end == 0;
        }
        for (size_t i = 0; i < w->n; i++)
                if (w->jobs[i].failed_first && w->told_to_end == 0)
                        end_all(w, SIGTERM);
        if (w->told_to_end != 0 && now_usec(CLOCK_MONOTONIC) > w->told_to_end + PATIENCE)
                end_all(w, SIGKILL);
}

static void check_all(Wait *w) {
        for (size_t i = 0; i < w->n && w->told_to_end == 0; i++) {
                Job *j = &w->jobs[i];
                const char *why = j->check && !j->ended ? j->check(j->userdata) : NULL;

                if (!why)
                        continue;
                (void) free_and_strdup(&j->error, why);
                end_all(w, SIGTERM);
        }
}

static bool all_ended(const Wait *w) {
        for (size_t i = 0; i < w->n; i++)
                if (!w->jobs[i].ended)
                        return false;
        return true;
}

static void show(Wait *w) {
        for (size_t i = 0; i < w->n; i++)
                if (w->jobs[i].done > 0)
                        progress_set_amount(w->progress, w->jobs[i].done, w->jobs[i].total);
        progress_draw(w->progress);
}

static int wait_all(Wait *w) {
        while (!all_ended(w)) {
                struct pollfd p[2 * JOBS_MAX + 1];
                nfds_t n = 0;

                p[n++] = (struct pollfd){ .fd = w->signals, .events = POLLIN };
                for (size_t i = 0; i < w->n; i++) {
                        p[n++] = (struct pollfd){ .fd = w->jobs[i].messages, .events = POLLIN };
                        p[n++] = (struct pollfd){ .fd = w->jobs[i].errors, .events = POLLIN };
                }
                if (poll(p, n, TICK_MS) < 0 && errno != EINTR)
                        return -errno;
                for (size_t i = 0; i < w->n; i++) {
                        read_messages(&w->jobs[i], w->progress);
                        read_errors(&w->jobs[i]);
                }
                read_signals(w);
                collect(w);
                check_all(w);
                show(w);
        }
        return 0;
}

/* ---- the result ---- */

static const char *last_line(char *text) {
        char *end = text + strlen(text), *line;

        while (end > text && (end[-1] == '\n' || end[-1] == '\r'))
                *--end = '\0';
        line = strrchr(text, '\n');
        return line ? line + 1 : text;
}

static bool killed_by_pipe(const Job *j) {
        return WIFSIGNALED(j->status) ? WTERMSIG(j->status) == SIGPIPE
                                      : WEXITSTATUS(j->status) == 128 + SIGPIPE;
}

/* The program whose failure is the reason for the others'. One that failed by itself earlier in the
 * pipeline is the reason for the incomplete input of those after it; if it failed because nobody
 * read its output any longer, they are the reason. */
static Job *culprit(Wait *w) {
        Job *found = NULL;

        for (size_t i = 0; i < w->n; i++) {
                Job *j = &w->jobs[i];

                if (j->failed_first && !killed_by_pipe(j))
                        return j;
                if (failed(j) && (!found || killed_by_pipe(found)))
                        found = j;
        }
        return found;
}

static int explain_interrupt(char **ret_why) {
        *ret_why = strdup("interrupted");
        return -EINTR;
}

static int explain(Wait *w, char **ret_why) {
        Job *j = culprit(w);

        if (w->interrupted) {
                interrupt_note(w->interrupted);
                return explain_interrupt(ret_why);
        }
        if (!j)
                return 0;
        if (WIFEXITED(j->status) && WEXITSTATUS(j->status) == SPAWN_FAILED && !j->error) {
                *ret_why = strfmt("%s: %s", j->what, last_line(j->tail));
                return -ENOENT;
        }
        if (j->error)
                *ret_why = strdup(j->error);
        else if (WIFSIGNALED(j->status))
                *ret_why = strfmt("%s was killed by signal %d (%s)", j->what, WTERMSIG(j->status),
                                  strsignal(WTERMSIG(j->status)));
        else if (j->n_tail > 0)
                *ret_why = strfmt("%s: %s", j->what, j->marked ? j->line : last_line(j->tail));
        else
                *ret_why = strfmt("%s exited with status %d", j->what, WEXITSTATUS(j->status));
        return -EIO;
}

/* Each program's output is the next one's input. The writing ends are closed here, so that the
 * next program sees the end of its input. */
static int start_all(Wait *w) {
        _cleanup_close_ int input = -EBADF;

        for (size_t i = 0; i < w->n; i++) {
                _cleanup_close_ int output = -EBADF, next = -EBADF;
                Job *j = &w->jobs[i];
                int ends[2], r;

                if (i > 0)
                        j->fds[STDIN_FILENO] = input;
                if (i + 1 < w->n) {
                        if (pipe2(ends, O_CLOEXEC) < 0)
                                return -errno;
                        next = ends[0];
                        output = j->fds[STDOUT_FILENO] = ends[1];
                }
                r = start(j, interrupt_old_mask());
                if (r < 0)
                        return r;
                safe_close(input);
                input = TAKE_FD(next);
        }
        return 0;
}

int jobs_run(Job *jobs, size_t n, Progress *progress, char **ret_why) {
        _cleanup_close_ int signals = interrupt_open();
        Wait w = { .jobs = jobs, .n = n, .progress = progress, .signals = signals };
        int r;

        assert(n <= JOBS_MAX);
        *ret_why = NULL;
        if (signals < 0)
                return signals;
        if (interrupt_get()) /* during a program of which the result was not needed, or before */
                return explain_interrupt(ret_why);
        r = start_all(&w);
        if (r >= 0)
                r = wait_all(&w);
        progress_wipe(progress);
        return r < 0 ? r : explain(&w, ret_why);
}
