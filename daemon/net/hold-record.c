/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hold-record.c - new connections that nothing held when the guest ended. */

#include "daemon/net/hold-record.h"
#include "basic/log.h"

/* A client sends its first packet again after 1, 3, 7, 15, and 31 seconds: without one for longer
 * than that it is not waiting any more. */
#define AGE_MAX (32 * USEC_PER_SEC)

struct HoldRecord {
        sd_event *event;
        Net *net; /* borrowed */
        SynRecord *record;
        sd_event_source *io;
        int index; /* of the tap that is recorded; 0 = none */
        SynRecordFn fn;
        void *userdata;
};

static void end(HoldRecord *r) {
        r->io = sd_event_source_disable_unref(r->io);
        r->record = syn_record_free(r->record);
        r->index = 0;
}

static int on_full(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        HoldRecord *r = userdata;

        (void) s;
        (void) fd;
        (void) revents;
        (void) syn_record_make_room(r->record);
        return 0;
}

static int begin(HoldRecord *r, int index) {
        int error = syn_record_new(index, &r->record);

        if (error < 0)
                return error;
        error = sd_event_add_io(r->event, &r->io, syn_record_fd(r->record), EPOLLIN | EPOLLET,
                                on_full, r);
        if (error < 0)
                return error;
        (void) sd_event_source_set_description(r->io, "new-connections");
        r->index = index;
        return 0;
}

static void say_lacking(Net *net, int error) {
        char **lacking = &net->lacking[NET_LACKS_RECORD];

        if (*lacking)
                return;
        *lacking =
                strfmt("the host keeps no record of packets (%s): a connection that comes in the "
                       "moment in which the guest ends is lost and tried again by its client "
                       "after 1s",
                       strerror(-error));
        log_notice("%s", *lacking ?: "out of memory");
}

void hold_record_follow(HoldRecord *r) {
        const Net *net = r->net;
        const bool wanted = net->host->config->hold_connections && net->hold_queue > 0;
        int error;

        if (r->index > 0 && (!wanted || r->index != net->tap_index))
                end(r);
        if (!wanted || r->index > 0 || net->tap_index <= 0)
                return;
        error = begin(r, net->tap_index);
        if (error >= 0)
                return;
        end(r);
        if (error != -ENODEV && error != -ENOMEM && error != -ENOBUFS && error != -EMFILE &&
            error != -ENFILE) /* those pass */
                say_lacking(r->net, error);
}

/* Those of the host itself, such as umld's own, have not been forwarded. */
static bool is_own(const HoldRecord *r, const NfPacket *p) {
        const Config *c = r->net->host->config;
        const IpAddress four = { .v4 = c->host_address }, six = { .v6 = c->host_address6 };

        return !c->one_arm && (ip_address_equal(&p->source, &four) ||
                               (p->family == AF_INET6 && ip_address_equal(&p->source, &six)));
}

static void on_unanswered(const NfPacket *p, const void *frame, size_t size, void *userdata) {
        HoldRecord *r = userdata;

        if (!is_own(r, p))
                r->fn(p, frame, size, r->userdata);
}

void hold_record_take(HoldRecord *r, SynRecordFn fn, void *userdata) {
        int error;

        if (!r->record)
                return;
        r->fn = fn;
        r->userdata = userdata;
        error = syn_record_take(r->record, AGE_MAX, on_unanswered, r);
        if (error < 0)
                log_debug_errno(error, "cannot read the record of new connections: %m");
}

void hold_record_send(const HoldRecord *r, const void *frame, size_t size) {
        int error = r->record ? syn_record_send(r->record, frame, size) : -ENOENT;

        if (error < 0)
                log_debug_errno(error, "cannot send a recorded packet again: %m");
}

int hold_record_new(sd_event *event, Net *net, HoldRecord **ret) {
        HoldRecord *r = calloc(1, sizeof(*r));

        if (!r)
                return -ENOMEM;
        r->event = sd_event_ref(event);
        r->net = net;
        *ret = r;
        return 0;
}

HoldRecord *hold_record_free(HoldRecord *r) {
        if (!r)
                return NULL;
        end(r);
        sd_event_unref(r->event);
        free(r);
        return NULL;
}
