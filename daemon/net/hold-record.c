/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hold-record.c - new connections that nothing held when the guest ended. */

#include <netinet/in.h>

#include "basic/log.h"
#include "daemon/boot/cmdline.h"
#include "daemon/net/hold-parts.h"
#include "host/conntrack.h"
#include "host/packet-send.h"

struct HoldRecord {
        sd_event *event;
        Net *net; /* borrowed */
        SynRecord *record;
        int sender; /* a packet socket, kept: to close one takes the kernel 10 ms or more */
        sd_event_source *io;
        SynRecordFn fn;
        void *userdata;
};

void hold_record_lacking(Net *net, const char *what, int error) {
        char **lacking = &net->lacking[NET_LACKS_RECORD];

        if (*lacking)
                return;
        *lacking =
                strfmt("%s (%s): a connection that arrives at the moment the guest dies is lost, "
                       "and retried by its client after 1s",
                       what, strerror(-error));
        log_notice("%s", *lacking ?: "out of memory");
}

/* ---- recording ---- */

static int on_logged(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        HoldRecord *r = userdata;

        syn_record_read(r->record);
        return 0;
}

static int open_sender(HoldRecord *r) {
        if (r->sender < 0)
                r->sender = packet_sender_open();
        return r->sender;
}

/* What is recorded is of use only if umld can find out what was answered, and send again. */
static int try_all(HoldRecord *r, uint16_t group, const char **ret_what) {
        const ConntrackEnd nobody = { .address.v4.s_addr = htonl(INADDR_LOOPBACK) };
        _cleanup_(syn_record_freep) SynRecord *record = NULL;
        ConntrackFlow flow;
        int error = conntrack_find(IPPROTO_TCP, &nobody, &nobody, &flow);

        *ret_what = "the host does not show tracked connections";
        if (error < 0 && error != -ENOENT)
                return error;
        *ret_what = "the host does not let umld send packets";
        error = open_sender(r);
        if (error < 0)
                return error;
        *ret_what = "the host does not log packets for umld";
        error = syn_record_new(&record);
        return error < 0 ? error : syn_record_start(record, group);
}

bool hold_record_taken(uint16_t group) {
        _cleanup_(syn_record_freep) SynRecord *record = NULL;

        return syn_record_new(&record) >= 0 && syn_record_start(record, group) == -EBUSY;
}

static bool is_passing(int error) {
        return error == -EBUSY || error == -ENOMEM || error == -ENOBUFS || error == -EMFILE ||
               error == -ENFILE || error == -EAGAIN;
}

void hold_record_probe(Net *net) {
        const char *what;
        int r = try_all(net->hold->record, net->hold_queue, &what);

        if (r < 0 && !is_passing(r))
                hold_record_lacking(net, what, r);
}

static int open_record(HoldRecord *r) {
        int error = r->record ? 0 : syn_record_new(&r->record);

        if (error < 0 || r->io)
                return error;
        error = sd_event_add_io(r->event, &r->io, syn_record_fd(r->record), EPOLLIN, on_logged, r);
        if (error >= 0)
                (void) sd_event_source_set_description(r->io, "new-connections");
        return error;
}

void hold_record_follow(HoldRecord *r, bool wanted) {
        const Net *net = r->net;
        int error;

        if (!wanted || net->hold_queue == 0 || net->lacking[NET_LACKS_RECORD]) {
                if (r->record)
                        syn_record_stop(r->record);
                return;
        }
        error = open_record(r);
        if (error >= 0)
                error = syn_record_start(r->record, net->hold_queue);
        if (error < 0)
                log_debug_errno(error, "new connections are not recorded: %m");
}

/* ---- what was not answered ---- */

/* As the guest sees its client. */
static ConntrackEnd client_of(const HoldRecord *r, const NfPacket *p) {
        const Config *c = r->net->host->config;
        ConntrackEnd end = { p->source, p->source_port };

        if (c->one_arm && p->family == AF_INET6)
                end.address = (IpAddress){ .v6 = c->host_address6 };
        else if (c->one_arm)
                end.address = (IpAddress){ .v4 = c->host_address };
        return end;
}

/* A packet that a filter dropped has left no trace in the tracked connections, and what the guest
 * answered is known there as such, or has been deleted with the dead guest's connections. */
static bool is_unanswered(const HoldRecord *r, const NfPacket *p) {
        const ConntrackEnd guest = { p->destination, p->destination_port };
        const ConntrackEnd client = client_of(r, p);
        ConntrackFlow flow;

        return conntrack_find(IPPROTO_TCP, &guest, &client, &flow) >= 0 && !flow.replied &&
               ip_address_equal(&flow.from.address, &p->source) && flow.from.port == p->source_port;
}

static void on_taken(const NfPacket *p, const void *data, size_t size, void *userdata) {
        HoldRecord *r = userdata;

        if (is_unanswered(r, p))
                r->fn(p, data, size, r->userdata);
}

void hold_record_take(HoldRecord *r, SynRecordFn fn, void *userdata) {
        if (!r->record)
                return;
        r->fn = fn;
        r->userdata = userdata;
        syn_record_take(r->record, on_taken, r);
}

void hold_record_send(HoldRecord *r, void *packet, size_t size) {
        const Net *net = r->net;
        const struct ether_addr mac = guest_mac(net->host->config->name);
        NfPacket p = {};
        int error = open_sender(r);

        nfqueue_parse(packet, size, &p);
        if (net->host->config->one_arm) {
                const ConntrackEnd client = client_of(r, &p);

                packet_set_source(packet, size, &client.address);
        }
        if (error >= 0)
                error = packet_send(r->sender, net->tap_index, mac.ether_addr_octet, packet, size);
        if (error < 0)
                log_debug_errno(error, "cannot send a recorded packet again: %m");
}

/* ---- life ---- */

int hold_record_new(sd_event *event, Net *net, HoldRecord **ret) {
        HoldRecord *r = calloc(1, sizeof(*r));

        if (!r)
                return -ENOMEM;
        r->event = sd_event_ref(event);
        r->net = net;
        r->sender = -EBADF;
        *ret = r;
        return 0;
}

HoldRecord *hold_record_free(HoldRecord *r) {
        if (!r)
                return NULL;
        sd_event_source_disable_unref(r->io);
        syn_record_free(r->record);
        safe_close(r->sender);
        sd_event_unref(r->event);
        free(r);
        return NULL;
}
