/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verdict.c - turns evidence into a verdict and one sentence. */

#include <inttypes.h>
#include <signal.h>
#include <sys/wait.h>

#include "basic/string-util.h"
#include "daemon/guest/verdict.h"
#include "daemon/host/memory.h"

enum {
        DETAIL_MAX = 200,
};

/* SIGBUS on the memory file. */
#define OUT_OF_SPACE "ran out of space"

/* What a dying kernel prints on its console (UML-measured), most telling first: the exit status
 * alone is under the guest's control. */
static const struct {
        const char *words;
        Verdict verdict;
        const char *and_init; /* must be on the same line, followed by a line about init's death */
} last_words[] = {
        { OUT_OF_SPACE, VERDICT_MEMORY },
        { "Too few physical memory", VERDICT_USAGE }, /* Memory= below the kernel's minimum */
        { "must be not mounted noexec", VERDICT_MEMORY },
        { "Failed to lock '", VERDICT_DISK },
        { "Unable to mount root fs", VERDICT_DISK },
        { "ptrace set fp regs failed",
          VERDICT_KERNEL }, /* CPU state larger than the kernel knows */
        { "requested but not functional",
          VERDICT_KERNEL }, /* seccomp=on although the host forbids it */
        /* The host has written to memory that the libc registered, inside the stub (see
         * GLIBC_TUNABLES in boot/cmdline.c). A stub that was killed has another status, and when a
         * process other than init dies of it, the guest goes on. */
        { "failed to wait for SIGTRAP", VERDICT_KERNEL, .and_init = "status = 0xb7f" },
};

/* The last occurrence, so that an earlier boot or a program that quotes it does not count. */
static const char *find_last(const char *text, const char *word) {
        const char *last = NULL;

        for (const char *p = strstr(text, word); p; p = strstr(p + 1, word))
                last = p;
        return last;
}

/* The line around p, escaped. */
static char *line_around(const char *text, const char *p) {
        const char *begin = p, *end = p + strcspn(p, "\r\n");

        while (begin > text && begin[-1] != '\n' && begin[-1] != '\r')
                begin--;
        return escape_text(begin, (size_t) (end - begin), DETAIL_MAX);
}

/* Otherwise there was enough space for the whole guest: the host itself was short of memory, or the
 * guest only says so. */
static bool memory_was_full(const Evidence *e) {
        return e->memory_size > 0 && e->memory_free < e->memory_need;
}

static char *tell_memory(const Evidence *e) {
        uint64_t size = memory_mib(e->memory_size);

        return strfmt("memory file system full: %s %" PRIu64 "M of %" PRIu64 "M used",
                      e->memory_path, size, size);
}

static bool line_has(const char *line, const char *words) {
        const char *p = strstr(line, words);

        return p && p < line + strcspn(line, "\n");
}

static bool init_died_of_line(const char *line, const char *words) {
        const char *end = strchr(line, '\n');

        return end && line_has(line, words) && line_has(end + 1, "Attempted to kill init!");
}

static Verdict judge_last_words(const Evidence *e, char **ret_line) {
        FOREACH_ELEMENT (w, last_words) {
                const char *p = w->and_init ? find_last(e->console, w->words)
                                            : strstr(e->console, w->words);

                if (!p || (w->and_init && !init_died_of_line(p, w->and_init)))
                        continue;
                *ret_line = streq(w->words, OUT_OF_SPACE) && memory_was_full(e)
                                    ? tell_memory(e)
                                    : line_around(e->console, p);
                return w->verdict;
        }
        return VERDICT_NONE;
}

/* Exit 0 with `noreboot` is a poweroff or a reboot: the kernel's last line tells which. Its sysrq
 * for a reboot bypasses the code that prints it. *ret_last is where it is, or NULL. */
static Verdict judge_exit_zero(const char *console, const char **ret_last) {
        static const struct {
                const char *words;
                Verdict verdict;
        } ends[] = {
                { "reboot: Restarting system", VERDICT_REBOOT },
                { "sysrq: Resetting", VERDICT_REBOOT },
                { "reboot: Power down", VERDICT_POWEROFF },
                { "reboot: System halted", VERDICT_POWEROFF },
        };
        const char *last = NULL;
        Verdict v = VERDICT_POWEROFF;

        FOREACH_ELEMENT (e, ends) {
                const char *p = find_last(console, e->words);

                if (!p || p < last)
                        continue;
                last = p;
                v = e->verdict;
        }
        *ret_last = last;
        return v;
}

/* 6.1 sometimes panics in its own exit, when a signal of the host meets what it has already torn
 * down. Its disks are closed by then: it has done what it was asked to. */
static bool panicked_in_exit(const Evidence *e) {
        const char *last;

        if (!e->have_status || !WIFSIGNALED(e->status) || WTERMSIG(e->status) != SIGABRT)
                return false;
        (void) judge_exit_zero(e->console, &last);
        if (!last)
                return false;
        last += strcspn(last, "\r\n");
        last += strspn(last, "\r\n");
        return !*last || startswith(last, "Kernel panic - not syncing: ");
}

static Verdict judge_panic(const Evidence *e, char **ret_detail) {
        _cleanup_free_ char *line = NULL;
        Verdict v = judge_last_words(e, &line);
        const char *p;

        if (v != VERDICT_NONE)
                *ret_detail = TAKE_PTR(line);
        else if (e->panic)
                *ret_detail = strdup(e->panic);
        else if ((p = find_last(e->console, "Kernel panic - not syncing: ")))
                *ret_detail = line_around(e->console, p);
        else
                *ret_detail = strdup("the kernel aborted without a message");
        return v == VERDICT_NONE ? VERDICT_PANIC : v;
}

static Verdict judge_exit(const Evidence *e, char **ret_detail) {
        int code = WEXITSTATUS(e->status);
        const char *last;
        Verdict v;

        if (e->booted && code == 0) {
                v = judge_exit_zero(e->console, &last);
                *ret_detail = strdup(v == VERDICT_REBOOT ? "the guest rebooted"
                                                         : "the guest powered off");
                return v;
        }
        v = judge_last_words(e, ret_detail);
        if (v != VERDICT_NONE)
                return v;
        *ret_detail =
                e->booted
                        ? strfmt("the kernel ended with exit status %d", code)
                        : strfmt("the kernel ended with exit status %d before it had booted", code);
        return VERDICT_EXIT;
}

static const char *stop_text(const Evidence *e) {
        return e->stop_clean && e->have_status && WIFEXITED(e->status) &&
                               WEXITSTATUS(e->status) == 0
                       ? "shut down cleanly"
                       : "power cut";
}

/* During a stop every end counts as the result of that stop, except a panic, which may have left
 * its disks unclean. */
static Verdict judge_stop(const Evidence *e, char **ret_detail) {
        if (e->have_status && WIFSIGNALED(e->status) && WTERMSIG(e->status) == SIGABRT)
                return judge_panic(e, ret_detail);
        *ret_detail = strfmt("%s by %s", stop_text(e), e->stop_step);
        return VERDICT_STOPPED;
}

static Verdict judge_signal(const Evidence *e, char **ret_detail) {
        int sig = WTERMSIG(e->status);

        if (sig == SIGABRT)
                return judge_panic(e, ret_detail);
        *ret_detail = strfmt("killed by signal %d (%s)", sig, strsignal(sig));
        return VERDICT_KILLED;
}

static Evidence without_panic_in_exit(const Evidence *e) {
        Evidence copy = *e;

        if (panicked_in_exit(e))
                copy.status = 0;
        return copy;
}

int verdict_judge(const Evidence *evidence, Verdict *ret, char **ret_detail) {
        const Evidence seen = without_panic_in_exit(evidence), *e = &seen;
        _cleanup_free_ char *detail = NULL;
        Verdict v;

        if (e->asked == ASKED_KILL_HUNG) {
                detail = strdup(e->hung_why);
                v = VERDICT_HUNG;
        } else if (e->asked == ASKED_STOP_SICK) {
                detail = strfmt("%s; %s by %s", e->hung_why, stop_text(e), e->stop_step);
                v = VERDICT_HUNG;
        } else if (e->asked == ASKED_KILL) {
                detail = strdup("killed on request");
                v = VERDICT_STOPPED;
        } else if (e->asked == ASKED_STOP)
                v = judge_stop(e, &detail);
        else if (!e->have_status) {
                detail = strdup("the guest's processes were killed from outside");
                v = VERDICT_KILLED;
        } else if (WIFEXITED(e->status))
                v = judge_exit(e, &detail);
        else
                v = judge_signal(e, &detail);
        if (!detail)
                return -ENOMEM;
        *ret = v;
        *ret_detail = TAKE_PTR(detail);
        return 0;
}
