/* SPDX-License-Identifier: GPL-2.0-or-later */
/* crash-report.c - formats and writes crash reports. */

#include <inttypes.h>
#include <sys/wait.h>

#include "api/crash-files.h"
#include "basic/file-util.h"
#include "basic/string-util.h"
#include "daemon/guest/crash-report.h"

enum {
        CONSOLE_LINES = 100, /* the last ones */
        CONSOLE_LINE_MAX = 256,
        CONSOLE_MAX = 48 * 1024, /* bytes of all of them, escaped */
        LISTED_MAX = 64,         /* in a directory that contains more than it should */
};
static_assert(CONSOLE_MAX + 8192 < CRASH_REPORT_SIZE_MAX, "room for all else");

/* The beginning of the last lines. */
static const char *last_lines(const char *text, unsigned lines) {
        const char *p = text + strlen(text);

        for (unsigned seen = 0; p > text; p--)
                if (p[-1] == '\n' && p[0] != '\0' && ++seen == lines)
                        break;
        return p;
}

static int print_console(FILE *f, const char *text) {
        size_t left = CONSOLE_MAX;

        for (const char *p = last_lines(text, CONSOLE_LINES); *p;) {
                size_t n = strcspn(p, "\n"), shown = n;
                _cleanup_free_ char *line = NULL;

                while (shown > 0 && p[shown - 1] == '\r')
                        shown--;
                line = escape_text(p, shown, CONSOLE_LINE_MAX);
                if (!line)
                        return -ENOMEM;
                if (strlen(line) + sizeof(CRASH_CONSOLE "=\n") > left)
                        return 0;
                left -= strlen(line) + sizeof(CRASH_CONSOLE "=\n");
                fprintf(f, CRASH_CONSOLE "=%s\n", line);
                p += n + (p[n] == '\n');
        }
        return 0;
}

static void print_text(FILE *f, const char *key, const char *value) {
        if (!isempty(value))
                fprintf(f, "%s=%.1000s\n", key, value);
}

static void print_number(FILE *f, const char *key, uint64_t value) {
        fprintf(f, "%s=%" PRIu64 "\n", key, value);
}

static void print_status(FILE *f, const CrashReport *c) {
        if (c->have_status && WIFEXITED(c->status))
                print_number(f, CRASH_EXIT_STATUS, (uint64_t) WEXITSTATUS(c->status));
        else if (c->have_status && WIFSIGNALED(c->status))
                print_number(f, CRASH_SIGNAL, (uint64_t) WTERMSIG(c->status));
}

char *crash_report_format(const CrashReport *c) {
        char *text = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);
        int r;

        if (!f)
                return NULL;
        print_number(f, CRASH_WHEN, c->when);
        print_text(f, CRASH_VERDICT, verdict_to_string(c->verdict));
        print_text(f, CRASH_DETAIL, c->detail);
        print_text(f, CRASH_PANIC, c->panic);
        print_number(f, CRASH_RUN_TIME, c->run_time);
        print_text(f, CRASH_BOOTED, c->booted ? "yes" : "no");
        print_status(f, c);
        print_text(f, CRASH_KERNEL_PATH, c->kernel_path);
        print_text(f, CRASH_KERNEL_VERSION, c->kernel_version);
        print_number(f, CRASH_MEMORY_SIZE, c->memory_size);
        if (c->memory_path) {
                print_text(f, CRASH_MEMORY_PATH, c->memory_path);
                print_number(f, CRASH_MEMORY_ROOM, c->memory_room);
                print_number(f, CRASH_MEMORY_TAKEN, c->memory_taken);
        }
        print_text(f, CRASH_TAP, c->tap);
        print_text(f, CRASH_TAP_STATE, c->tap_state);
        r = print_console(f, c->console ?: "");
        if (memstream_close(f, &text) < 0 || r < 0) {
                free(text);
                return NULL;
        }
        return text;
}

static char *report_path(const char *directory, uint64_t number) {
        return strfmt("%s/%08" PRIu64, directory, number);
}

/* Makes space for one more. */
static int make_room(const char *directory, const uint64_t *numbers, size_t n) {
        for (size_t i = CRASH_REPORTS_MAX - 1; i < n; i++) {
                _cleanup_free_ char *path = report_path(directory, numbers[i]);
                int r = path ? unlink_quiet(path) : -ENOMEM;

                if (r < 0)
                        return r;
        }
        return 0;
}

int crash_report_write(const char *directory, const char *text) {
        uint64_t numbers[LISTED_MAX];
        _cleanup_free_ char *path = NULL;
        ssize_t n;
        int r;

        r = mkdir_p(directory, 0750);
        if (r < 0)
                return r;
        n = crash_files_list(directory, numbers, LISTED_MAX);
        if (n < 0)
                return (int) n;
        r = make_room(directory, numbers, MIN((size_t) n, (size_t) LISTED_MAX));
        if (r < 0)
                return r;
        path = report_path(directory, n > 0 ? numbers[0] + 1 : 1);
        /* Not synced: waiting for the disk would keep the guest down for longer, and if the host
         * dies at the same moment the report is the smallest loss. */
        return path ? write_file_atomic(path, text, strlen(text), 0640) : -ENOMEM;
}
