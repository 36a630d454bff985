/* SPDX-License-Identifier: GPL-2.0-or-later */
/* beancounters.c - parses the table of resources of an OpenVZ kernel. */

#include <ctype.h>

#include "basic/cleanup.h"
#include "basic/parse-util.h"
#include "host/beancounters.h"

enum {
        COLUMNS = 6,        /* resource held maxheld barrier limit failcnt */
        NUMBER_MAX = 20,    /* digits of UINT64_MAX */
        LINE_MAX_USED = 256 /* lines written by the kernel have 110 */
};

const BeancounterInfo beancounter_infos[] = {
        { "kmemsize", "memory of the kernel for processes, sockets and files" },
        { "privvmpages", "memory that programs have allocated" },
        { "physpages", "memory in use" },
        { "oomguarpages", "memory that is safe from the OOM killer" },
        { "shmpages", "shared memory, in which guests may have theirs" },
        { "lockedpages", "memory locked by programs" },
        { "numproc", "processes and threads" },
        { "numfile", "open files" },
        { "numtcpsock", "TCP sockets" },
        { "numothersock", "other sockets, such as those between umld and its guests" },
        { "tcpsndbuf", "buffers of what TCP sends" },
        { "tcprcvbuf", "buffers of what TCP receives" },
        { "othersockbuf", "buffers of UNIX sockets and datagrams" },
        { "dcachesize", "names of files kept in memory" },
        { "numiptent", "firewall rules" },
        {},
};

/* LONG_MAX of the kernel's word size stands for "no limit". */
static uint64_t unlimited(uint64_t v) {
        return v == INT32_MAX || v >= INT64_MAX ? UINT64_MAX : v;
}

static int parse_number(const char *word, uint64_t *ret) {
        if (strlen(word) > NUMBER_MAX)
                return -EBADMSG;
        return parse_unsigned(word, 0, UINT64_MAX, ret) < 0 ? -EBADMSG : 0;
}

/* Splits a line in place, without its leading "UID:". Returns how many words there are, at most
 * COLUMNS + 1; *ret_uid says whether there was a UID. */
static size_t split(char *line, char *words[static COLUMNS + 1], bool *ret_uid) {
        char *state = NULL;
        size_t n = 0;

        *ret_uid = false;
        for (char *w = strtok_r(line, " \t\r", &state); w && n <= COLUMNS;
             w = strtok_r(NULL, " \t\r", &state)) {
                if (n == 0 && !*ret_uid && isdigit((unsigned char) w[0]) && w[strlen(w) - 1] == ':')
                        *ret_uid = true;
                else
                        words[n++] = w;
        }
        return n;
}

static int parse_row(char *const words[static COLUMNS + 1], size_t n, Beancounter *ret) {
        Beancounter b;
        int r;

        if (n != COLUMNS)
                return -EBADMSG;
        if ((r = parse_number(words[1], &b.held)) < 0 ||
            (r = parse_number(words[3], &b.barrier)) < 0 ||
            (r = parse_number(words[4], &b.limit)) < 0 ||
            (r = parse_number(words[5], &b.failures)) < 0)
                return r;
        b.barrier = unlimited(b.barrier);
        b.limit = unlimited(b.limit);
        *ret = b;
        return 0;
}

int beancounter_find(const char *text, const char *resource, Beancounter *ret) {
        unsigned containers = 0;
        Beancounter found;
        int r = -ENODATA;

        for (const char *p = text; *p;) {
                size_t length = strcspn(p, "\n");
                char line[LINE_MAX_USED], *words[COLUMNS + 1];
                bool uid = false;

                if (length < sizeof(line)) {
                        size_t n;

                        memcpy(line, p, length);
                        line[length] = '\0';
                        n = split(line, words, &uid);
                        if (n > 0 && r == -ENODATA && streq(words[0], resource))
                                r = parse_row(words, n, &found);
                }
                containers += uid;
                p += length + (p[length] == '\n');
        }
        if (containers > 1)
                return -ENODATA;
        if (r >= 0)
                *ret = found;
        return r;
}

static uint64_t to_bytes(uint64_t pages, uint64_t page_size) {
        return pages > UINT64_MAX / page_size ? UINT64_MAX : pages * page_size;
}

uint64_t beancounter_left(const Beancounter *b, uint64_t page_size, uint64_t *ret_limit) {
        /* Above the barrier the kernel refuses requests that are not urgent. */
        uint64_t limit = MIN(b->barrier, b->limit);

        *ret_limit = to_bytes(limit, page_size);
        if (*ret_limit == UINT64_MAX)
                return UINT64_MAX;
        return to_bytes(limit - MIN(b->held, limit), page_size);
}
