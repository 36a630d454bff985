/* SPDX-License-Identifier: GPL-2.0-or-later */
/* counters.c - method Counters: figures that take some work, and so are no properties. */

#include <stdio.h>
#include <sys/resource.h>

#include "api/bus-names.h"
#include "basic/cleanup.h"
#include "daemon/bus/parts.h"
#include "daemon/net/forward-counts.h"
#include "host/memfs.h"

/* ---- each figure ---- */

static int append_number(sd_bus_message *reply, const char *name, uint64_t value) {
        return sd_bus_message_append(reply, "{sv}", name, "t", value);
}

/* An array of structures; rows appends them. */
static int append_rows(sd_bus_message *reply, const char *name, const char *row, const Guest *g,
                       int (*rows)(sd_bus_message *reply, const Guest *g)) {
        char type[16];
        int r;

        snprintf(type, sizeof(type), "a(%s)", row);
        if ((r = sd_bus_message_open_container(reply, 'e', "sv")) < 0 ||
            (r = sd_bus_message_append(reply, "s", name)) < 0 ||
            (r = sd_bus_message_open_container(reply, 'v', type)) < 0 ||
            (r = sd_bus_message_open_container(reply, 'a', type + 1)) < 0 ||
            (r = rows(reply, g)) < 0 || (r = sd_bus_message_close_container(reply)) < 0 ||
            (r = sd_bus_message_close_container(reply)) < 0)
                return r;
        return sd_bus_message_close_container(reply);
}

static int append_restarts(sd_bus_message *reply, const Guest *g) {
        int r = 0;

        for (int v = VERDICT_NONE + 1; v < VERDICT_MAX && r >= 0; v++)
                r = sd_bus_message_append(reply, "(st)", verdict_to_string((Verdict) v),
                                          (uint64_t) g->past.restarts_by[v]);
        return r;
}

static int append_latencies(sd_bus_message *reply, const Guest *g) {
        const Latencies *l = &g->past.latencies;
        int r = 0;

        for (size_t i = 0; i <= LATENCY_BOUNDS && r >= 0; i++)
                r = sd_bus_message_append(reply, "(tt)",
                                          i < LATENCY_BOUNDS ? latency_bounds[i] : USEC_INFINITY,
                                          l->counts[i]);
        return r;
}

static int append_disk(sd_bus_message *reply, size_t i, const ImageSpace *image) {
        char name[] = { 'u', 'b', 'd', (char) ('a' + i), '\0' };

        if (!image->known)
                return 0;
        return sd_bus_message_append(reply, "(stttt)", name, image->size, image->held, image->total,
                                     image->available);
}

/* Of a disk with a copy-on-write file it is that which grows. A file server may be gone, so of what
 * it has, the last figures are told. */
static int append_disks(sd_bus_message *reply, const Guest *g) {
        const Host *h = g->setup->host;
        int r = 0;

        for (size_t i = 0; i < g->config->n_disks && r >= 0; i++) {
                size_t k = h->disk_fds[2 * i + 1] >= 0 ? 2 * i + 1 : 2 * i;
                ImageSpace image;

                if (h->disk_distant[k])
                        space_watch_image(g->watch.space, k, &image);
                else
                        image_measure(h->disk_fds[k], &image);
                r = append_disk(reply, i, &image);
        }
        return r;
}

static int append_forwards(sd_bus_message *reply, const Guest *g) {
        _cleanup_free_ ForwardCount *list = NULL;
        size_t n = 0;
        int r = net_forward_counts(g->setup->net, &list, &n);

        if (r < 0) /* without rules nothing is counted */
                return r == -ENOMEM ? r : 0;
        for (size_t i = 0; i < n && r >= 0; i++)
                r = sd_bus_message_append(reply, "(stt)", list[i].name, list[i].count.packets,
                                          list[i].count.bytes);
        return r;
}

/* The file system of the guest's memory; one of its own is as large as what it was promised. */
static int append_backing(sd_bus_message *reply, const Guest *g) {
        const HostMemory *m = &g->setup->host->memory;
        MemFs fs = { .size = m->need, .used = guest_memory_used(g->memory) };
        int r;

        if (!m->path || (!m->in_namespace && memfs_measure(m->path, &fs) < 0) || fs.size == 0)
                return 0;
        r = append_number(reply, UMLD_COUNTER_BACKING_SIZE, fs.size);
        return r < 0 ? r
                     : append_number(reply, UMLD_COUNTER_BACKING_AVAILABLE,
                                     fs.size - MIN(fs.used, fs.size));
}

static int append_flows(sd_bus_message *reply, const Guest *g) {
        uint64_t count;
        int r = flow_count_get(g->flow_count, g->config, &count);

        return r < 0 ? 0 : append_number(reply, UMLD_COUNTER_CONNECTIONS, count);
}

static uint64_t own_cpu(void) {
        struct rusage u;

        if (getrusage(RUSAGE_SELF, &u) < 0)
                return 0;
        return (uint64_t) (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * USEC_PER_SEC +
               (uint64_t) (u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

/* ---- the method ---- */

static int append_all(sd_bus_message *reply, const Guest *g) {
        int r;

        if ((r = append_number(reply, UMLD_COUNTER_DAEMON_CPU, own_cpu())) < 0 ||
            (r = append_number(reply, UMLD_COUNTER_DOWN_TIME, guest_down_time(g))) < 0 ||
            (r = append_number(reply, UMLD_COUNTER_PROMISED, g->setup->host->memory.need)) < 0 ||
            (r = append_number(reply, UMLD_COUNTER_CONNECTIONS_LIMIT, g->setup->net->connections)) <
                    0 ||
            (r = append_number(reply, UMLD_COUNTER_LATENCY_SUM, g->past.latencies.sum)) < 0 ||
            (r = append_backing(reply, g)) < 0 || (r = append_flows(reply, g)) < 0 ||
            (r = append_rows(reply, UMLD_COUNTER_RESTARTS, "st", g, append_restarts)) < 0 ||
            (r = append_rows(reply, UMLD_COUNTER_LATENCIES, "tt", g, append_latencies)) < 0 ||
            (r = append_rows(reply, UMLD_COUNTER_DISKS, "stttt", g, append_disks)) < 0)
                return r;
        return append_rows(reply, UMLD_COUNTER_FORWARDS, "stt", g, append_forwards);
}

int bus_counters(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const Guest *g = ((const GuestBus *) userdata)->guest;
        int r;

        if ((r = sd_bus_message_new_method_return(message, &reply)) < 0 ||
            (r = sd_bus_message_open_container(reply, 'a', "{sv}")) < 0 ||
            (r = append_all(reply, g)) < 0 || (r = sd_bus_message_close_container(reply)) < 0)
                return r;
        return sd_bus_send(NULL, reply, NULL);
}
