/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verb-log.c - prints a guest's console log, with times, made safe for this terminal. */

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <langinfo.h>
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/dirs.h"
#include "api/exit-codes.h"
#include "basic/cleanup.h"
#include "basic/console-text.h"
#include "basic/file-util.h"
#include "umlctl/guests.h"
#include "umlctl/log-files.h"
#include "umlctl/log-reader.h"
#include "umlctl/say.h"
#include "umlctl/terminal.h"
#include "umlctl/verbs.h"

enum {
        FOLLOW_LINES = 10,  /* lines to start with */
        FOLLOW_POLL = 1000, /* ms; most changes are reported by inotify */
        READ_SIZE = 64 * 1024,
};

/* The lines to print, on their way to standard output. */
typedef struct Printer {
        const Options *options;
        const char *guest;
        bool named; /* each line begins with the guest's name: it is one of several */
        bool coloured;
        int64_t boot, wanted_boot; /* counted from the oldest boot mark */
        bool holding;              /* the latest lines are held back until the end is reached */
        char **held;               /* a ring of `lines` entries */
        uint64_t n_held;           /* the number of lines held so far */

        ConsoleText filter;
        bool in_line;     /* the beginning of the line has been printed */
        size_t n_printed; /* bytes of the line printed */
        FILE *out;        /* standard output, or the entry being written */
} Printer;

/* ---- which lines ---- */

static bool is_mark(const LogRecord *r, const char *word) {
        size_t n = strlen(word);

        return r->kind == LOG_MARK && r->size > n && memcmp(r->text, word, n) == 0 &&
               r->text[n] == ' ';
}

static bool wanted(Printer *p, const LogRecord *r) {
        if (is_mark(r, LOG_MARK_BOOT) && r->whole)
                p->boot++;
        if (p->options->some_boot && p->boot != p->wanted_boot)
                return false;
        return r->when >= p->options->since;
}

/* ---- printing a line ---- */

static void print_time(FILE *out, usec_t when) {
        time_t seconds = (time_t) (when / USEC_PER_SEC);
        char text[32] = "-";
        struct tm tm;

        if (when > 0 && localtime_r(&seconds, &tm))
                strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
        fprintf(out, "%s.%03u", text, (unsigned) (when % USEC_PER_SEC / USEC_PER_MSEC));
}

static void print_name(const Printer *p) {
        if (p->named)
                fprintf(p->out, "%s: ", p->guest);
}

static void print_text(Printer *p, const char *text, size_t size, bool last) {
        char buf[CONSOLE_TEXT_ROOM(LOG_TEXT_MAX)];
        size_t n = console_text_put(&p->filter, text, size, buf);

        if (last)
                n += console_text_end(&p->filter, buf + n);
        fwrite(buf, 1, n, p->out);
}

static void print_mark(Printer *p, const LogRecord *r) {
        const char *blank = memchr(r->text, ' ', r->size);
        size_t word = blank ? (size_t) (blank - r->text) : r->size;

        print_name(p);
        if (p->coloured)
                fputs(colour_sequence(COLOUR_GREY), p->out);
        fputs("-- ", p->out);
        print_time(p->out, r->when);
        fputc(' ', p->out);
        print_text(p, r->text, word, true);
        if (blank) {
                fputs(": ", p->out);
                print_text(p, blank + 1, r->size - word - 1, true);
        }
        fputs(" --", p->out);
        if (p->coloured)
                fputs(colour_sequence(COLOUR_NONE), p->out);
        fputc('\n', p->out);
}

/* Prints as much of the line as there is, after what was printed before. */
static void print_line(Printer *p, const LogRecord *r) {
        if (!p->in_line) {
                print_name(p);
                if (p->coloured)
                        fputs(colour_sequence(COLOUR_GREY), p->out);
                print_time(p->out, r->when);
                if (p->coloured)
                        fputs(colour_sequence(COLOUR_NONE), p->out);
                fputc(r->kind == LOG_MORE ? LOG_MORE : ' ', p->out);
        }
        p->in_line = !r->whole;
        print_text(p, r->text + p->n_printed, r->size - p->n_printed, r->whole);
        p->n_printed = r->whole ? 0 : r->size;
        if (r->whole)
                fputc('\n', p->out);
}

static void print_json(Printer *p, const LogRecord *r) {
        char text[CONSOLE_TEXT_ROOM(LOG_TEXT_MAX)];
        size_t n = console_text_put(&p->filter, r->text, r->size, text);
        const char *kind = r->kind == LOG_MARK ? "mark" : r->kind == LOG_MORE ? "more" : "line";
        json_t *o;

        n += console_text_end(&p->filter, text + n);
        o = json_pack("{s:s, s:f, s:s, s:s%}", "guest", p->guest, "time", (double) r->when / 1e6,
                      "kind", kind, "text", text, n);
        if (o)
                (void) json_dumpf(o, p->out, JSON_COMPACT | JSON_ENSURE_ASCII);
        fputc('\n', p->out);
        json_decref(o);
}

static void print_record(Printer *p, const LogRecord *r) {
        if (p->named && !r->whole)
                return; /* what others print would come into the middle of it */
        if (p->options->json && r->whole)
                print_json(p, r);
        else if (r->kind == LOG_MARK && r->whole)
                print_mark(p, r);
        else if (!p->options->json && r->kind != LOG_MARK)
                print_line(p, r);
}

/* ---- the latest lines ---- */

static void hold(Printer *p, const LogRecord *r) {
        char **entry = &p->held[p->n_held++ % p->options->lines];
        size_t size;

        free(*entry);
        *entry = NULL;
        p->out = open_memstream(entry, &size);
        if (p->out) {
                print_record(p, r);
                if (memstream_close(p->out, entry) < 0) {
                        free(*entry);
                        *entry = NULL;
                }
        }
        p->out = stdout;
}

static void release(Printer *p) {
        uint64_t n = p->options->lines;

        p->holding = false;
        for (uint64_t i = p->n_held > n ? p->n_held - n : 0; p->held && i < p->n_held; i++)
                if (p->held[i % n])
                        fputs(p->held[i % n], stdout);
        for (uint64_t i = 0; p->held && i < n; i++)
                free(p->held[i]);
        free(p->held);
        p->held = NULL;
}

static void on_record(const LogRecord *r, void *userdata) {
        Printer *p = userdata;

        if (!wanted(p, r) || (p->holding && p->options->lines == 0))
                return;
        if (p->holding)
                hold(p, r);
        else
                print_record(p, r);
}

/* ---- reading ---- */

static int read_to_end(int fd, LogReader *reader) {
        char buf[READ_SIZE];
        ssize_t n;

        while ((n = read(fd, buf, sizeof(buf))) > 0)
                log_reader_put(reader, buf, (size_t) n);
        return n < 0 ? -errno : 0;
}

/* Reads all but the last line, which may be unfinished. */
static int read_files(const LogFiles *f, LogReader *reader) {
        for (size_t i = 0; i < f->n; i++) {
                int r;

                if (i > 0)
                        log_reader_finish(reader);
                r = read_to_end(f->fds[i], reader);
                if (r < 0)
                        return r;
        }
        return 0;
}

static void count_boot(const LogRecord *r, void *userdata) {
        if (is_mark(r, LOG_MARK_BOOT) && r->whole)
                ++*(int64_t *) userdata;
}

/* Counts the boots in the files. */
static int count_boots(const LogFiles *f, int64_t *ret) {
        LogReader reader = { .record = count_boot, .userdata = ret };
        int r;

        *ret = 0;
        r = read_files(f, &reader);
        for (size_t i = 0; i < f->n && r >= 0; i++)
                r = lseek(f->fds[i], 0, SEEK_SET) < 0 ? -errno : 0;
        return r;
}

/* If the file was truncated, continues at its beginning. */
static void notice_truncation(int fd) {
        struct stat st;

        if (fstat(fd, &st) >= 0 && st.st_size < lseek(fd, 0, SEEK_CUR))
                (void) lseek(fd, 0, SEEK_SET);
}

static int follow(const char *directory, LogFiles *f, LogReader *reader) {
        _cleanup_close_ int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        struct pollfd p = { .fd = watch, .events = POLLIN };
        char events[4096];
        int r;

        if (watch >= 0)
                (void) inotify_add_watch(watch, directory, IN_MODIFY | IN_CREATE | IN_MOVED_TO);
        for (;;) {
                bool current = log_files_current(
                        f); /* checked first, so that what was written before rotation is read */

                notice_truncation(f->fds[f->n - 1]);
                r = read_to_end(f->fds[f->n - 1], reader);
                if (r < 0)
                        return r;
                if (!current) {
                        r = log_files_renew(f);
                        if (r < 0)
                                return r;
                        if (r == 0)
                                note("the guest prints faster than the log is read: some lines are "
                                     "missing");
                        r = read_files(f, reader);
                        if (r < 0)
                                return r;
                }
                log_reader_peek(reader);
                if (fflush(stdout) != 0)
                        return -EIO;
                (void) poll(&p, 1, FOLLOW_POLL);
                while (read(watch, events, sizeof(events)) > 0)
                        ;
        }
}

static int fail_reading(const char *guest, const char *path, int r) {
        if (r == -EACCES)
                return fail_with(
                        EXIT_NOT_PERMITTED,
                        "%s: permission denied: console logs are open to root and group umld only",
                        path);
        if (r != -ENOENT)
                return fail_with(EXIT_FAILED, "cannot read %s: %s", path, strerror(-r));
        if (!guest_configured(guest) && !guest_has_socket(guest))
                return fail_with(EXIT_NO_GUEST, "no such guest: %s; there is no log, either",
                                 guest);
        return fail_with(EXIT_FAILED,
                         "%s has no console log: %s does not exist; the guest was never started, "
                         "or Log=no is set",
                         guest, path);
}

static int show(const Options *o, const char *guest, const char *directory, LogFiles *f) {
        Printer p = {
                .options = o,
                .guest = guest,
                .named = !o->single && !o->json,
                .coloured = !o->json && terminal_coloured(STDOUT_FILENO),
                .boot = -1,
                .holding = o->some_lines,
                .filter = { .utf8 = o->json || !terminal_is(STDOUT_FILENO) ||
                                    streq(nl_langinfo(CODESET), "UTF-8") },
                .out = stdout,
        };
        LogReader reader = { .record = on_record, .userdata = &p };
        int64_t boots = 0;
        int r = 0;

        if (o->some_boot) {
                r = count_boots(f, &boots);
                p.wanted_boot = boots - 1 + o->boot;
                if (r >= 0 && p.wanted_boot < -1)
                        return fail_with(EXIT_FAILED,
                                         "the log of %s goes back only %" PRId64 " boots", guest,
                                         boots);
        }
        if (o->some_lines && o->lines > 0) {
                p.held = calloc(o->lines, sizeof(*p.held));
                if (!p.held)
                        return fail_with(EXIT_FAILED, "out of memory");
        }
        if (r >= 0)
                r = read_files(f, &reader);
        if (!o->follow)
                log_reader_finish(&reader);
        if (p.holding)
                release(&p);
        if (r >= 0 && o->follow)
                r = follow(directory, f, &reader);
        return r < 0 ? fail_reading(guest, f->path, r) : EXIT_DONE;
}

int verb_log(const Options *o, const char *guest) {
        _cleanup_free_ char *directory = umld_path(DIR_LOG, guest, NULL);
        _cleanup_free_ char *path = umld_path(DIR_LOG, guest, "console.log");
        Options options = *o;
        static char line[READ_SIZE];
        LogFiles files = {};
        int r;

        if (!directory || !path)
                return fail_with(EXIT_FAILED, "out of memory");
        if (o->follow && !o->some_lines && !o->some_boot && o->since == 0) {
                options.some_lines = true;
                options.lines = FOLLOW_LINES;
        }
        if (o->follow && !o->single) /* whole lines, among those of other processes */
                setvbuf(stdout, line, _IOLBF, sizeof(line));
        r = log_files_open(path, &files);
        if (r < 0)
                return fail_reading(guest, path, r);
        r = show(&options, guest, directory, &files);
        log_files_close(&files);
        return r;
}
