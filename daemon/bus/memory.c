/* SPDX-License-Identifier: GPL-2.0-or-later */
/* memory.c - method Balloon: replied to when the guest's kernel has done it. */

#include <inttypes.h>

#include "api/bus-names.h"
#include "basic/cleanup.h"
#include "basic/log.h"
#include "daemon/bus/parts.h"

/* A method call whose reply is pending. */
typedef struct Request {
        GuestMemory *memory;
        sd_bus_message *message;
        uint64_t before; /* bytes of the host's memory that the guest used */
} Request;

static void on_moved(int error, const char *why, void *userdata) {
        Request *q = userdata;
        int r;

        if (error < 0)
                r = sd_bus_reply_method_errorf(q->message, UMLD_ERROR_FAILED, "%s", why);
        else {
                log_info("memory: the balloon was moved on request and holds %" PRIu64 "M",
                         memory_mib(guest_memory_held(q->memory)));
                r = sd_bus_reply_method_return(q->message, "ttt", q->before,
                                               guest_memory_used(q->memory),
                                               guest_memory_held(q->memory));
        }
        if (r < 0)
                log_debug_errno(r, "cannot report the result of moving the balloon: %m");
        sd_bus_message_unref(q->message);
        free(q);
}

/* As the result of sd_bus_error_setf(). */
static int explain(int r, const char *why, const Guest *g, sd_bus_error *error) {
        if (why)
                return sd_bus_error_setf(error, UMLD_ERROR_FAILED,
                                         "the memory cannot be given back: %s", why);
        if (r == -EBUSY)
                return sd_bus_error_setf(error, UMLD_ERROR_BUSY,
                                         "the balloon is already being moved");
        if (r == -ENOTCONN)
                return sd_bus_error_setf(error, UMLD_ERROR_BUSY,
                                         "the kernel is not listening while the guest is %s",
                                         guest_state_to_string(g->state));
        return sd_bus_error_setf(error, UMLD_ERROR_FAILED,
                                 "cannot send the command to the guest's kernel: %s", strerror(-r));
}

int bus_memory_balloon(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        const Guest *g = ((const GuestBus *) userdata)->guest;
        uint64_t held = guest_memory_held(g->memory);
        _cleanup_free_ char *why = NULL;
        int64_t bytes;
        Request *q;
        int r;

        r = sd_bus_message_read(message, "x", &bytes);
        if (r < 0)
                return r;
        if (bytes > 0 && (uint64_t) bytes > g->config->memory)
                return sd_bus_error_setf(error, UMLD_ERROR_FAILED, "the guest has %" PRIu64 "M",
                                         memory_mib(g->config->memory));
        if (bytes < 0 && (uint64_t) - (bytes + 1) + 1 > held)
                return sd_bus_error_setf(error, UMLD_ERROR_FAILED,
                                         "the balloon holds %" PRIu64
                                         "M; Memory= sets the maximum of the guest",
                                         memory_mib(held));
        q = calloc(1, sizeof(*q));
        if (!q)
                return -ENOMEM;
        *q = (Request){ .memory = g->memory,
                        .message = sd_bus_message_ref(message),
                        .before = guest_memory_used(g->memory) };
        r = guest_memory_move(g->memory, bytes, on_moved, q, &why);
        if (r >= 0)
                return 1;
        sd_bus_message_unref(q->message);
        free(q);
        return explain(r, why, g, error);
}
