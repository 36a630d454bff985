/* SPDX-License-Identifier: GPL-2.0-or-later */
/* balloon.c - moves memory between guest and host through the guest's management console.
 *
 * The kernel takes pages that are free at the moment one by one, and stops silently if there are no
 * more; it would also take the last one. So it is asked first how much is free. Nothing else runs
 * in the guest until it has moved all that one command names, so each names a piece only. */

#include <inttypes.h>
#include <stdio.h>

#include "basic/string-util.h"
#include "daemon/watch/balloon.h"
#include "host/hostmem.h"

enum {
        PAGE = 4096,
        PIECE = 8 << 20, /* takes 0.3 s on a slow host */
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

static int ask(GuestBalloon *b, const char *command, MconsoleCallDone done) {
        int fd = guest_process_mconsole(b->process);

        return fd < 0 ? fd : mconsole_call(b->event, fd, command, done, b, &b->call);
}

static void on_moved(int error, const char *text, size_t size, bool whole, void *userdata);

/* config mem=-N: N bytes are unplugged. */
static int order(GuestBalloon *b) {
        bool from_guest = b->bytes > 0;
        uint64_t size = MIN((uint64_t) (from_guest ? b->bytes : -b->bytes), (uint64_t) PIECE);
        char command[64];

        b->piece = from_guest ? (int64_t) size : -(int64_t) size;
        snprintf(command, sizeof(command), "config mem=%c%" PRIu64, from_guest ? '-' : '+', size);
        return ask(b, command, on_moved);
}

static void refuse(GuestBalloon *b, uint64_t room) {
        _cleanup_free_ char *why = NULL;

        if (b->begun)
                why = strfmt("the guest has begun to use the last %" PRIu64
                             "M of what was to be taken from it, so they stay with it",
                             (uint64_t) b->bytes >> 20);
        else
                why = strfmt("only %" PRIu64
                             "M can be taken from the guest at the moment; what it uses as "
                             "a cache, only the guest can drop",
                             room >> 20);
        finish(b, -ENOMEM, why ?: "too little memory is free in the guest");
}

static void take_of(GuestBalloon *b, uint64_t room) {
        bool too_much = (uint64_t) b->bytes > room;
        int r;

        if (too_much && b->at_most && (b->begun || room > 0))
                b->bytes = (int64_t) room;
        else if (too_much) {
                refuse(b, room);
                return;
        }
        if (b->bytes == 0) {
                finish(b, 0, "");
                return;
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

/* What is free has to be asked for again, since the guest runs between two pieces. */
static int move(GuestBalloon *b) {
        return b->bytes > 0 ? ask(b, "proc meminfo", on_meminfo) : order(b);
}

static void on_moved(int error, const char *text, size_t size, bool whole, void *userdata) {
        _cleanup_free_ char *safe = escape_text(text, size, 200);
        GuestBalloon *b = userdata;
        int r;

        b->call = NULL; /* frees itself */
        if (error != 0) {
                finish(b, error < 0 ? error : -EIO,
                       isempty(safe) ? "the guest's kernel does not respond" : safe);
                return;
        }
        if (b->piece > 0)
                b->held += (uint64_t) b->piece;
        else
                b->held -= MIN((uint64_t) -b->piece, b->held);
        b->bytes -= b->piece;
        b->begun = true;
        r = b->bytes == 0 ? 0 : move(b);
        if (r < 0 || b->bytes == 0)
                finish(b, r, r < 0 ? strerror(-r) : "");
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
        b->begun = false;
        b->process = p;
        r = move(b);
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
