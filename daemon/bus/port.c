/* SPDX-License-Identifier: GPL-2.0-or-later */
/* port.c - method ExplainPort. */

#include "api/bus-names.h"
#include "basic/log.h"
#include "daemon/bus/parts.h"
#include "daemon/bus/port-probe.h"
#include "daemon/bus/port-report.h"
#include "daemon/net/gather.h"
#include "daemon/net/rules.h"

enum {
        REQUESTS_MAX = 8, /* at a time */
        UNUSED_PORT = 1,  /* a port where nothing listens; a guest that refuses is alive */
        CALLS = 3,
};

/* A method call whose reply is pending. */
struct PortRequest {
        PortRequest *next;
        GuestBus *bus;
        sd_bus_message *message;
        PortFacts facts;
        char *guarded;
        struct {
                PortProbe *probe;
                PortCall *call;
                PortRequest *request;
        } calls[CALLS];
        unsigned pending;
};

static void request_remove(PortRequest *q) {
        for (PortRequest **p = &q->bus->port_requests; *p; p = &(*p)->next)
                if (*p == q) {
                        *p = q->next;
                        break;
                }
        for (size_t i = 0; i < CALLS; i++)
                port_probe_free(q->calls[i].probe);
        sd_bus_message_unref(q->message);
        free(q->guarded);
        free(q);
}

void bus_port_done(GuestBus *b) {
        while (b->port_requests)
                request_remove(b->port_requests);
}

/* ---- the reply ---- */

static const char *answer_text(PortAnswer a) {
        static const char *const texts[] = {
                [PORT_NO] = "no", [PORT_YES] = "yes", [PORT_UNKNOWN] = "unknown"
        };

        static_assert(ARRAY_SIZE(texts) == PORT_ANSWER_MAX, "a word for every answer");
        return texts[a];
}

static int append_checks(sd_bus_message *reply, const PortReport *report) {
        int r = sd_bus_message_open_container(reply, 'a', "(sss)");

        for (size_t i = 0; i < PORT_CHECKS && r >= 0; i++)
                r = sd_bus_message_append(reply, "(sss)", report->checks[i].name,
                                          answer_text(report->checks[i].answer),
                                          report->checks[i].text);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static void answer(PortRequest *q) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(port_report_done) PortReport report = {};
        PortFacts *f = &q->facts;
        int r;

        f->packets_known = f->packets_known && net_rules_packets(q->bus->guest->setup->net,
                                                                 &f->port, &f->packets_after) >= 0;
        r = port_report(f, &report);
        if (r >= 0)
                r = sd_bus_message_new_method_return(q->message, &reply);
        if (r >= 0)
                r = sd_bus_message_append(reply, "ss", answer_text(report.works), report.verdict);
        if (r >= 0)
                r = append_checks(reply, &report);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        if (r < 0)
                log_debug_errno(r, "cannot return the report on the port: %m");
        request_remove(q);
}

/* ---- the test connections ---- */

static void on_called(int error, bool own, usec_t took, void *userdata) {
        typeof(((PortRequest *) NULL)->calls[0]) *call = userdata;

        *call->call = (PortCall){ .made = true, .error = error, .own = own, .took = took };
        if (--call->request->pending == 0)
                answer(call->request);
}

static int begin_call(PortRequest *q, size_t i, PortCall *call, unsigned protocol,
                      const IpAddress *address, uint16_t port) {
        int r;

        q->calls[i].call = call;
        q->calls[i].request = q;
        r = port_probe_new(q->bus->guest->event, protocol, address, port, on_called, &q->calls[i],
                           &q->calls[i].probe);
        if (r >= 0)
                q->pending++;
        return r;
}

static int begin_calls(PortRequest *q) {
        PortFacts *f = &q->facts;
        int r;

        if (!f->key || f->state)
                return 0;
        r = begin_call(q, 0, &f->direct, f->port.protocols, &f->guest, f->guest_port);
        if (r >= 0)
                r = begin_call(q, 1, &f->network, FORWARD_TCP, &f->guest, UNUSED_PORT);
        if (r >= 0 && !ip_address_is_any(&f->public) && !f->guarded)
                r = begin_call(q, 2, &f->through, f->port.protocols, &f->public,
                               f->port.host_first);
        return r;
}

/* ---- the observations ---- */

/* "all" only gets the ports that no other forward has. */
static const Forward *find_forward(const Forward *list, size_t n, const Forward *port) {
        const Forward *all = NULL;

        for (size_t i = 0; i < n; i++)
                if (forward_overlaps(&list[i], port)) {
                        if (!forward_is_all(&list[i]))
                                return &list[i];
                        all = &list[i];
                }
        return all;
}

/* By IPv4, which every guest has, unless IPv6 was asked for. */
static NatFamily family_of(const PortFacts *f) {
        return f->port.family == FORWARD_IPV6 ? NAT_IPV6 : NAT_IPV4;
}

/* A relay always connects to the guest by IPv4. */
static IpAddress guest_address(const Config *c, const PortFacts *f) {
        bool v6 = family_of(f) == NAT_IPV6 && !(f->key && streq(f->key, "Proxy"));

        return v6 ? (IpAddress){ .v6 = c->guest_address6 } : (IpAddress){ .v4 = c->guest_address };
}

static void find_way(const Config *c, PortFacts *f) {
        const Forward *way = find_forward(c->proxies, c->n_proxies, &f->port);
        Forward port = f->port;

        port.family = family_of(f) == NAT_IPV6 ? FORWARD_IPV6 : FORWARD_IPV4;
        f->key = way ? "Proxy" : "Forward";
        if (!way)
                way = find_forward(c->forwards, c->n_forwards, &port);
        if (!way) {
                f->key = NULL;
                return;
        }
        f->leads = *way;
        if (!ip_address_is_any(&way->address))
                f->public = way->address;
        f->guest_port = (uint16_t) (way->guest_first + (f->port.host_first - way->host_first));
}

static void find_host_listener(const Guard *g, PortFacts *f) {
        for (size_t i = 0; i < g->n_seen && f->host_listener.pid == 0; i++) {
                const Listener *l = &g->seen[i];

                if (l->port != f->port.host_first || l->protocol != f->port.protocols)
                        continue;
                f->host_listens = true;
                (void) listeners_owners(l, 1, NULL, &f->host_listener);
        }
}

/* What the rules of others do to a stranger's connection to this port. */
static void find_obstacles(const Net *net, PortFacts *f) {
        NatFamily family = family_of(f);
        NatWay way = f->key && streq(f->key, "Proxy") ? NAT_WAY_HOST : NAT_WAY_IN;
        int legacy, nft;
        Forward one = f->port;
        Trip t;

        one.guest_first = f->guest_port;
        one.address = f->public;
        if (!f->key || !net_trip_to(net, family, way, &one, &t))
                return;
        t.guest_address = f->guest;
        legacy = xt_trips(&t, 1, &f->obstacles, &f->taking);
        nft = nft_trips(&t, 1, &f->obstacles, &f->taking);
        f->looked = answer_of((legacy >= 0 || legacy == -ENOPROTOOPT) &&
                              (nft >= 0 || nft == -ENOPROTOOPT));
}

typedef struct Way {
        const Net *net;
        const PortFacts *facts;
} Way;

/* The answer leaves by an uplink, and not to a container or another network of the host's. */
static bool is_stranger(const IpAddress *client, void *userdata) {
        const Way *w = userdata;
        bool relayed = streq(w->facts->key, "Proxy");
        int out = net_route_out(w->net->rtnl, relayed ? &w->facts->public : &w->facts->guest,
                                client, relayed ? 0 : (int) if_nametoindex(w->facts->tap));
        char name[IFNAMSIZ];

        return out > 0 && if_indextoname((unsigned) out, name) &&
               uplinks_have(&w->net->uplinks[family_of(w->facts)], name);
}

static void find_flows(const Net *net, PortFacts *f) {
        NatFamily family = family_of(f);
        Way way = { net, f };
        PortSearch s = { .family = family,
                         .protocol = f->port.protocols == FORWARD_UDP ? IPPROTO_UDP : IPPROTO_TCP,
                         .port = f->port.host_first,
                         .own = net->public[family].list,
                         .n_own = net->public[family].n,
                         .guest = f->key && streq(f->key, "Proxy") ? NULL : &f->guest,
                         .is_stranger = is_stranger,
                         .userdata = &way };

        if (f->key)
                f->flows_known = port_flows_find(&s, &f->flows) >= 0 ? ANSWER_YES : ANSWER_UNKNOWN;
}

static int find_facts(PortRequest *q) {
        const Guest *g = q->bus->guest;
        const Config *c = g->config;
        Net *net = g->setup->net;
        PortFacts *f = &q->facts;
        const GuardedPort *guarded;
        int r;

        r = net_rules_right(net);
        f->rules_known = r >= 0;
        f->rules_right = r > 0;
        net_rules_refresh(net); /* rules that now become stale are no fault: they follow */
        if (net->public[family_of(f)].n > 0)
                f->public = net->public[family_of(f)].list[0];
        f->state = g->state == GUEST_RUNNING ? NULL : guest_state_to_string(g->state);
        find_way(c, f);
        f->guest = guest_address(c, f);
        r = guard_update(&net->guard, c->reserved, c->n_reserved);
        if (r < 0)
                return r;
        net->rules_stale |= r > 0;
        guarded = guard_find(&net->guard, &f->port);
        if (guarded && !(q->guarded = strdup(guarded->why)))
                return -ENOMEM;
        f->guarded = q->guarded;
        find_host_listener(&net->guard, f);
        net_conditions_look(net);
        f->conditions = net_conditions(net);
        f->tap = c->tap;
        find_obstacles(net, f);
        find_flows(net, f);
        f->packets_known = net_rules_packets(net, &f->port, &f->packets) >= 0;
        return 0;
}

/* One port of one protocol, as the result of sd_bus_error_setf(). */
static int parse_port(const char *text, Forward *ret, sd_bus_error *error) {
        const char *why = NULL;

        /* Parsed like reserved ports, but with an optional family. */
        if ((strchr(text, ':') ? ports_parse : forward_parse)(text, ret, &why) < 0)
                return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS, "invalid port: %s", why);
        if (ret->host_first != ret->host_last ||
            (ret->protocols != FORWARD_TCP && ret->protocols != FORWARD_UDP))
                return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
                                         "only one port at a time: tcp/443, udp/53 or tcp6/443");
        return 0;
}

static bool too_many(const GuestBus *b) {
        size_t n = 0;

        for (const PortRequest *q = b->port_requests; q; q = q->next)
                n++;
        return n >= REQUESTS_MAX;
}

int bus_port_explain(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        GuestBus *b = userdata;
        PortRequest *q;
        const char *text;
        Forward port;
        int r;

        r = sd_bus_message_read(message, "s", &text);
        if (r >= 0)
                r = parse_port(text, &port, error);
        if (r < 0)
                return r;
        if (port.family == FORWARD_IPV6 && !net_has_ipv6(b->guest->setup->net))
                return sd_bus_error_setf(
                        error, UMLD_ERROR_FAILED,
                        "the guest has no IPv6; set HostAddress6= and GuestAddress6=");
        if (too_many(b))
                return sd_bus_error_setf(error, UMLD_ERROR_BUSY,
                                         "%d ports are already being checked", REQUESTS_MAX);
        q = calloc(1, sizeof(*q));
        if (!q)
                return -ENOMEM;
        q->bus = b;
        q->message = sd_bus_message_ref(message);
        q->facts.port = port;
        q->next = b->port_requests;
        b->port_requests = q;
        r = find_facts(q);
        if (r >= 0)
                r = begin_calls(q);
        if (r < 0) {
                request_remove(q);
                return sd_bus_error_setf(error, UMLD_ERROR_FAILED, "cannot check the port: %s",
                                         strerror(-r));
        }
        if (q->pending == 0)
                answer(q);
        return 1;
}
