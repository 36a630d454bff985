/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bus-query.c - queries many umlds at once, in one loop around poll().
 *
 * It does not use an event loop of libsystemd, because that would prepare every connection again
 * for each event on any of them: with many guests that is most of the work. */

#include <poll.h>
#include <stdlib.h>

#include "api/bus-names.h"
#include "basic/cleanup.h"
#include "umlctl/bus-client.h"
#include "umlctl/bus-query.h"
#include "umlctl/bus-value.h"

static void settle(BusQuery *q, int error) {
        q->error = error;
        q->settled = true;
}

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *ret_error);

static int new_read(sd_bus *bus, const Strv *names, sd_bus_message **ret) {
        int r = sd_bus_message_new_method_call(bus, ret, NULL, UMLD_BUS_PATH, UMLD_BUS_INTERFACE,
                                               UMLD_METHOD_READ);

        return r < 0 ? r : sd_bus_message_append_strv(*ret, names->v);
}

static int request(BusQuery *q) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r = q->only ? new_read(q->bus, q->only, &m)
                        : (q->request ?: bus_new_get_all)(q->bus, &m);

        return r < 0 ? r : sd_bus_call_async(q->bus, NULL, m, on_answer, q, 0);
}

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        BusQuery *q = userdata;
        int r = sd_bus_message_get_errno(m);

        if (q->only && sd_bus_message_is_method_error(m, SD_BUS_ERROR_UNKNOWN_METHOD)) {
                q->only = NULL; /* its umld is older */
                r = request(q);
                if (r < 0)
                        settle(q, r);
                return 0;
        }
        /* sd-bus reports a broken connection as a missing reply. */
        if (sd_bus_message_is_method_error(m, SD_BUS_ERROR_NO_REPLY))
                r = ECONNRESET;
        settle(q, r > 0 ? bus_fold_hangup(-r) : bus_read_properties(m, &q->props));
        return 0;
}

static void begin(BusQuery *q) {
        int r = bus_begin(q->name, &q->bus, &q->pid);

        if (r == -EAGAIN)
                return;
        if (r >= 0)
                r = request(q);
        if (r < 0)
                settle(q, bus_fold_hangup(r));
}

static void go_on(BusQuery *q) {
        int r = 1;

        while (!q->settled && r > 0)
                r = sd_bus_process(q->bus, NULL);
        if (!q->settled && r < 0)
                settle(q, bus_fold_hangup(r));
        if (!q->settled)
                return;
        q->bus = sd_bus_close_unref(q->bus);
        /* An umld that executes its successor hangs up; that one can be reached at once. */
        q->settled = q->error != -ECONNRESET || q->again;
        q->again = true;
}

/* Returns the number of queries that are connected and have no reply yet; fds[i] belongs to
 * queries[i]. *ret_retry: some could not connect yet. */
static size_t prepare(BusQuery *queries, size_t n, struct pollfd *fds, bool *ret_retry) {
        size_t waiting = 0;

        *ret_retry = false;
        for (size_t i = 0; i < n; i++) {
                BusQuery *q = &queries[i];

                fds[i] = (struct pollfd){ .fd = -1 };
                if (!q->settled && !q->bus)
                        begin(q);
                if (q->settled)
                        continue;
                if (q->bus) {
                        fds[i].fd = sd_bus_get_fd(q->bus);
                        fds[i].events = (short) sd_bus_get_events(q->bus);
                        waiting++;
                } else
                        *ret_retry = true;
        }
        return waiting;
}

int bus_query(BusQuery *queries, size_t n, usec_t limit) {
        usec_t deadline = usec_add(now_usec(CLOCK_MONOTONIC), limit), now;
        _cleanup_free_ struct pollfd *fds = calloc(n + 1, sizeof(*fds));
        bool retry;

        if (!fds)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                queries[i].error = -ETIMEDOUT; /* the error until it replies */
        while ((prepare(queries, n, fds, &retry) > 0 || retry) &&
               (now = now_usec(CLOCK_MONOTONIC)) < deadline) {
                usec_t pause = retry ? MIN(BUS_RETRY, deadline - now) : deadline - now;

                if (poll(fds, n, (int) (pause / USEC_PER_MSEC) + 1) < 0 && errno != EINTR)
                        return -errno;
                for (size_t i = 0; i < n; i++)
                        if (fds[i].revents != 0)
                                go_on(&queries[i]);
        }
        return 0;
}

void bus_query_done(BusQuery *q) {
        q->bus = sd_bus_close_unref(q->bus);
        json_decref(q->props);
        q->props = NULL;
}
