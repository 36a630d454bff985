/* SPDX-License-Identifier: GPL-2.0-or-later */
/* balloon.c - moves memory between guest and host through the guest's management console.
 *
 * The kernel takes pages that are free at the moment one by one, and stops silently if there are no
 * more; it would also take the last one. So it is asked first how much is free. */

#include <inttypes.h>
#include <stdio.h>

#include "basic/string-util.h"
#include "daemon/host/memory.h"
#include "daemon/watch/balloon.h"
#include "host/hostmem.h"

enum {
        PAGE = 4096,
        RESERVE_MIN = 2 * 1024 * 1024,
        RESERVE_SHARE = 32, /* share of the guest's memory that stays free */
};

uint64_t balloon_room(const char *meminfo, uint64_t memory) {
        uint64_t reserve = MAX(memory / RESERVE_SHARE, (uint64_t) RESERVE_MIN), unused;

        if (meminfo_field(meminfo, "MemFree", &unused) < 0)
                return 0;
        return unused > reserve ? MIN(unused - reserve, memory) / PAGE * PAGE : 0;
}

static void finish(GuestBalloon *b, int error, const char *why) {
        BalloonDone done = b->done;

        b->call = mconsole_call_free(b->call);
        b->process = NULL;
        b->done = NULL;
        if (done)
                done(error, why, b->userdata);
}

static void on_moved(int error, const char *text, size_t size, bool whole, void *userdata) {
        _cleanup_free_ char *safe = escape_text(text, size, 200);
        GuestBalloon *b = userdata;

        (void) whole;
        b->call = NULL; /* frees itself */
        if (error != 0) {
                finish(b, error < 0 ? error : -EIO,
                       isempty(safe) ? "the guest's kernel does not respond" : safe);
                return;
        }
        if (b->bytes > 0)
                b->held += (uint64_t) b->bytes;
        else
                b->held -= MIN((uint64_t) -b->bytes, b->held);
        finish(b, 0, "");
}

static int ask(GuestBalloon *b, const char *command, MconsoleCallDone done) {
        int fd = guest_process_mconsole(b->process);

        return fd < 0 ? fd : mconsole_call(b->event, fd, command, done, b, &b->call);
}

/* config mem=-N: N bytes are unplugged. */
static int order(GuestBalloon *b) {
        char command[64];

        snprintf(command, sizeof(command), "config mem=%c%" PRIu64, b->bytes > 0 ? '-' : '+',
                 (uint64_t) (b->bytes > 0 ? b->bytes : -b->bytes));
        return ask(b, command, on_moved);
}

static void take_of(GuestBalloon *b, uint64_t room) {
        _cleanup_free_ char *why = NULL;
        int r;

        if ((uint64_t) b->bytes > room) {
                if (!b->at_most || room == 0) {
                        why = strfmt("only %" PRIu64
                                     "M can be taken from the guest at the moment; what it uses as "
                                     "a cache, only the guest can drop",
                                     room >> 20);
                        finish(b, -ENOMEM, why ?: "too little memory is free in the guest");
                        return;
                }
                b->bytes = (int64_t) room;
        }
        r = order(b);
        if (r < 0)
                finish(b, r, strerror(-r));
}

static void on_meminfo(int error, const char *text, size_t size, bool whole, void *userdata) {
        _cleanup_free_ char *meminfo = strndup(text, size);
        GuestBalloon *b = userdata;

        (void) whole; /* the relevant lines are at its beginning */
        b->call = NULL;
        if (error != 0 || !meminfo)
                finish(b, meminfo ? -EIO : -ENOMEM,
                       "the guest's kernel does not report how much memory is free");
        else
                take_of(b, balloon_room(meminfo, b->memory));
}

int guest_balloon_move(GuestBalloon *b, sd_event *event, GuestProcess *p, uint64_t memory,
                       int64_t bytes, bool at_most, BalloonDone done, void *userdata) {
        int r;

        if (b->done)
                return -EBUSY;
        if (!p || !guest_process_booted(p))
                return -ENOTCONN;
        b->event = event;
        b->memory = memory;
        b->bytes = bytes / PAGE * PAGE;
        b->at_most = at_most;
        b->process = p;
        if (bytes > 0)
                r = ask(b, "proc meminfo", on_meminfo);
        else
                r = order(b);
        if (r < 0) {
                b->process = NULL;
                return r;
        }
        b->done = done;
        b->userdata = userdata;
        return 0;
}

void guest_balloon_reset(GuestBalloon *b) {
        b->held = 0;
        finish(b, -ECONNRESET, "the guest went down");
}
