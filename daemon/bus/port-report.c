/* SPDX-License-Identifier: GPL-2.0-or-later */
/* port-report.c - turns observations about a port into a verdict.
 *
 * The guest's kernel does not return its /proc/net over the management console ("Read of file
 * failed", Linux 6.1 to 7.2), so whether anything listens in the guest is judged by its answer to a
 * test connection: a refusal means that nothing does. */

#include <inttypes.h>
#include <stdio.h>

#include "basic/string-util.h"
#include "daemon/bus/port-report.h"
#include "host/egress.h"

typedef struct Words {
        char port[FORWARD_TEXT_MAX];       /* tcp/8080 */
        char guest_port[FORWARD_TEXT_MAX]; /* tcp/80 */
        char leads[FORWARD_TEXT_MAX];      /* tcp/8000-9000 */
        char guest[IP_ADDRESS_TEXT_MAX], public[IP_ADDRESS_TEXT_MAX];
        char listener[40];
} Words;

static void find_words(const PortFacts *f, Words *w) {
        const Forward there = { f->port.protocols, f->guest_port, f->guest_port, f->guest_port };
        const Forward here = { f->port.protocols, f->port.host_first, f->port.host_first,
                               f->port.host_first, .family = f->port.family };

        *w = (Words){};
        forward_format(&here, w->port);
        if (f->key) {
                forward_format(&there, w->guest_port);
                forward_format(&f->leads, w->leads);
        }
        ip_address_format(&f->guest, w->guest);
        ip_address_format(&f->public, w->public);
        if (f->host_listener.pid > 0)
                snprintf(w->listener, sizeof(w->listener), "%s, pid %d", f->host_listener.comm,
                         (int) f->host_listener.pid);
        else
                snprintf(w->listener, sizeof(w->listener),
                         "a process that is not visible from here");
}

static bool forwarded(const PortFacts *f) {
        return f->key && streq(f->key, "Forward");
}

static bool relayed(const PortFacts *f) {
        return f->key && !forwarded(f);
}

static bool is_udp(const PortFacts *f) {
        return f->port.protocols == FORWARD_UDP;
}

/* ---- the checks: guest and configuration ---- */

static PortAnswer check_guest(const PortFacts *f, const Words *w, char **ret) {
        *ret = strfmt("%s", f->state ?: "running");
        return f->state ? PORT_NO : PORT_YES;
}

static PortAnswer check_leads(const PortFacts *f, const Words *w, char **ret) {
        *ret = f->key ? strfmt("%s=%s sends connections to %s %s", f->key, w->leads, w->guest,
                               w->guest_port)
                      : strdup("it is not in Forward= or Proxy=");
        return f->key ? PORT_YES : PORT_NO;
}

static PortAnswer check_guard(const PortFacts *f, const Words *w, char **ret) {
        *ret = f->guarded ? strfmt("it is guarded: %s", f->guarded) : strdup("it is not");
        return f->guarded ? PORT_NO : PORT_YES;
}

static PortAnswer check_host(const PortFacts *f, const Words *w, char **ret) {
        if (relayed(f)) {
                *ret = strfmt("umld does, for the relay");
                return PORT_YES;
        }
        *ret = !f->host_listens ? strdup("it does not")
               : f->key ? strfmt("it does (%s), but gets no connections from outside", w->listener)
                        : strfmt("it does (%s), and gets the connections", w->listener);
        return f->host_listens ? PORT_UNKNOWN : PORT_YES;
}

static bool counter_moved(const PortFacts *f) {
        return f->packets_after > f->packets;
}

static PortAnswer check_rules(const PortFacts *f, const Words *w, char **ret) {
        if (!forwarded(f) || !f->rules_known) {
                *ret = strdup(relayed(f) ? "none are needed" : "unknown");
                return relayed(f) ? PORT_YES : PORT_UNKNOWN;
        }
        if (!f->rules_right) {
                *ret = strdup(
                        "they are wrong; umld repairs them within seconds, or logs why it cannot");
                return PORT_NO;
        }
        if (!f->packets_known)
                *ret = strdup("they are in place");
        else
                *ret = strfmt("they are in place; %" PRIu64 " connections so far%s", f->packets,
                              !f->through.made   ? ""
                              : counter_moved(f) ? ", and the test connection was counted"
                                                 : ", but the test connection was not counted");
        return f->through.made && f->packets_known && !counter_moved(f) ? PORT_NO : PORT_YES;
}

/* ---- the checks: the way from the uplink ---- */

/* The worst of some conditions, as an answer to "is it as it should be?" */
static PortAnswer answer_of_conditions(const PortFacts *f, const ConditionKind kinds[], size_t n,
                                       char **ret) {
        const Condition *worst = NULL;

        for (size_t i = 0; i < n; i++) {
                const Condition *c =
                        f->conditions ? condition_list_worst(f->conditions, kinds[i]) : NULL;

                if (c && (!worst || c->state > worst->state))
                        worst = c;
        }
        if (!worst || worst->state == CONDITION_UNKNOWN) {
                *ret = strdup("unknown");
                return PORT_UNKNOWN;
        }
        *ret = condition_is_told(worst) ? condition_format(worst)
                                        : strdup(condition_table[kinds[0]].relies);
        if (worst->partial)
                return PORT_UNKNOWN;
        return condition_is_told(worst) ? PORT_NO : PORT_YES;
}

static bool by_ipv6(const PortFacts *f) {
        return f->port.family == FORWARD_IPV6;
}

static PortAnswer check_uplink(const PortFacts *f, const Words *w, char **ret) {
        static const ConditionKind four[] = { CONDITION_UPLINK, CONDITION_ROUTE },
                                   six[] = { CONDITION_UPLINK6 };

        return by_ipv6(f) ? answer_of_conditions(f, six, ARRAY_SIZE(six), ret)
                          : answer_of_conditions(f, four, ARRAY_SIZE(four), ret);
}

/* Without an address of IPv6 nothing is forwarded by it. IPv4 that somebody routes to the host
 * without an address would be. */
static PortAnswer check_address(const PortFacts *f, const Words *w, char **ret) {
        if (!ip_address_is_any(&f->public)) {
                *ret = strfmt("the public address is %s", w->public);
                return PORT_YES;
        }
        *ret = strfmt("the uplink has no public %s address", by_ipv6(f) ? "IPv6" : "IPv4");
        return by_ipv6(f) ? PORT_NO : PORT_UNKNOWN;
}

static PortAnswer check_reverse_path(const PortFacts *f, const Words *w, char **ret) {
        static const ConditionKind kinds[] = { CONDITION_REVERSE_PATH };

        if (!by_ipv6(f))
                return answer_of_conditions(f, kinds, ARRAY_SIZE(kinds), ret);
        *ret = strdup("IPv6 has no such filter");
        return PORT_YES;
}

static PortAnswer check_prerouting(const PortFacts *f, const Words *w, char **ret) {
        const Taking *t = &f->taking;

        if (t->taken)
                *ret = strfmt("a rule in chain %s of the %stable %s takes the connection elsewhere",
                              t->chain, t->legacy ? "legacy " : "nftables ", t->table);
        else
                *ret = strdup(f->looked == ANSWER_YES ? "no other rule takes the connection"
                                                      : "unknown");
        return t->taken ? PORT_NO : f->looked == ANSWER_YES ? PORT_YES : PORT_UNKNOWN;
}

static PortAnswer check_forwarding(const PortFacts *f, const Words *w, char **ret) {
        const ConditionKind kind = by_ipv6(f) ? CONDITION_FORWARDING6 : CONDITION_FORWARDING;

        if (!relayed(f))
                return answer_of_conditions(f, &kind, 1, ret);
        *ret = strdup("none is needed for a relay");
        return PORT_YES;
}

/* Those that are certain come first. */
static const Obstacle *worst_obstacle(const PortFacts *f) {
        for (size_t i = 0; i < f->obstacles.n; i++)
                if (f->obstacles.list[i].certain)
                        return &f->obstacles.list[i];
        return f->obstacles.n > 0 ? &f->obstacles.list[0] : NULL;
}

static PortAnswer check_firewall(const PortFacts *f, const Words *w, char **ret) {
        const Obstacle *o = worst_obstacle(f);

        if (o) {
                *ret = condition_obstacle_text(o, f->tap);
                return o->certain ? PORT_NO : PORT_UNKNOWN;
        }
        *ret = strdup(f->looked == ANSWER_YES
                              ? "no rule of the host drops it, bans of some addresses aside"
                              : "unknown");
        return f->looked == ANSWER_YES ? PORT_YES : PORT_UNKNOWN;
}

static PortAnswer check_flows(const PortFacts *f, const Words *w, char **ret) {
        char client[IP_ADDRESS_TEXT_MAX];

        if (!is_udp(f) || !forwarded(f)) {
                *ret = strdup("each connection is a new one");
                return PORT_YES;
        }
        if (f->flows_known != ANSWER_YES) {
                *ret = strdup("unknown");
                return PORT_UNKNOWN;
        }
        *ret = f->flows.stale.n == 0
                       ? strdup("no older connection holds the port")
                       : strfmt("packets of %s%s do not reach the guest, because the host still "
                                "tracks a connection from before the forward; conntrack -D -p udp "
                                "--orig-port-dst %u",
                                ip_address_format(&f->flows.stale.client, client),
                                f->flows.stale.n > 1 ? " and others" : "", f->port.host_first);
        return f->flows.stale.n == 0 ? PORT_YES : PORT_NO;
}

/* ---- the checks: test connections ---- */

static char *describe_call(const PortFacts *f, const PortCall *c, const char *where) {
        if (!c->made)
                return strdup("not tested");
        if (c->own)
                return strfmt("cannot ask %s: %s", where, egress_explain(c->error));
        if (c->error == 0)
                return is_udp(f) ? strfmt("%s did not refuse, which is all that can be detected "
                                          "for UDP",
                                          where)
                                 : strfmt("%s answered within %s", where, FORMAT_TIMESPAN(c->took));
        if (c->error == -ECONNREFUSED)
                return strfmt("%s refused", where);
        if (c->error == -ETIMEDOUT)
                return strfmt("%s did not answer within %s", where, FORMAT_TIMESPAN(c->took));
        return strfmt("cannot connect to %s: %s", where, strerror(-c->error));
}

static PortAnswer judge_call(const PortCall *c) {
        return !c->made || c->own ? PORT_UNKNOWN : c->error == 0 ? PORT_YES : PORT_NO;
}

static PortAnswer check_direct(const PortFacts *f, const Words *w, char **ret) {
        _cleanup_free_ char *where = strfmt("%s %s", w->guest, w->guest_port);

        *ret = where ? describe_call(f, &f->direct, where) : NULL;
        return judge_call(&f->direct);
}

static PortAnswer check_through(const PortFacts *f, const Words *w, char **ret) {
        _cleanup_free_ char *where = strfmt("%s %s", w->public, w->port);

        *ret = where ? describe_call(f, &f->through, where) : NULL;
        return judge_call(&f->through);
}

/* ---- the check: strangers ---- */

static bool was_served(const PortFacts *f) {
        return f->flows_known == ANSWER_YES && f->flows.served.n > 0;
}

/* The host has no outside to try it from, but remembers for a while who came from there. */
static PortAnswer check_outside(const PortFacts *f, const Words *w, char **ret) {
        char client[IP_ADDRESS_TEXT_MAX];

        if (was_served(f)) {
                *ret = strfmt("%s was served", ip_address_format(&f->flows.served.client, client));
                return PORT_YES;
        }
        *ret = strdup(f->flows_known == ANSWER_YES
                              ? "not tried: no connection from outside is tracked now"
                              : "not tried: the tracked connections cannot be listed");
        return PORT_UNKNOWN;
}

/* In the order of the way. */
static const struct {
        const char *name;
        PortAnswer (*check)(const PortFacts *f, const Words *w, char **ret);
        bool aside;      /* it does not matter to strangers, or is told by why_not_forwarded() */
        bool own_reason; /* what is wrong is told in other words */
} checks[PORT_CHECKS] = {
        { "guest", check_guest, true },
        { "forwarded", check_leads, true },
        { "not guarded", check_guard, true },
        { "host listens", check_host, true },
        { "uplink", check_uplink },
        { "address", check_address },
        { "reverse path", check_reverse_path },
        { "rules", check_rules, .own_reason = true },
        { "PREROUTING", check_prerouting },
        { "forwarding", check_forwarding },
        { "firewall", check_firewall },
        { "conntrack", check_flows },
        { "guest listens", check_direct, .own_reason = true },
        { "from the host", check_through, true },
        { "from outside", check_outside, true },
};

/* ---- the verdict ---- */

static char *why_no_answer(const PortFacts *f, const Words *w) {
        if (f->direct.error == -ECONNREFUSED)
                return strfmt("nothing in the guest listens on %s", w->guest_port);
        if (f->network.made && f->network.error == -ETIMEDOUT)
                return strfmt(
                        "the guest does not answer at %s at all; check its network configuration",
                        w->guest);
        if (f->direct.error == -ETIMEDOUT)
                return strfmt("the guest does not answer on %s; check for a firewall in the guest",
                              w->guest_port);
        return strfmt("cannot connect to the guest: %s", strerror(-f->direct.error));
}

/* Why not even a connection would be made to the guest, NULL: it would. */
static char *why_not_forwarded(const PortFacts *f, const Words *w) {
        if (f->guarded)
                return strfmt("it is guarded, because you reach the host through it (%s)",
                              f->guarded);
        if (!f->key)
                return f->host_listens ? strfmt("it is not in Forward=; the host's own service "
                                                "gets the connections (%s)",
                                                w->listener)
                                       : strdup("it is not in Forward=");
        if (f->state)
                return strfmt("the guest is not running, but %s", f->state);
        return NULL;
}

/* What is wrong first on the way of a stranger's packet. */
static const char *find_wrong(const PortReport *r) {
        for (size_t i = 0; i < PORT_CHECKS; i++)
                if (!checks[i].aside && !checks[i].own_reason && r->checks[i].answer == PORT_NO)
                        return r->checks[i].text;
        return NULL;
}

/* Rules of others may be such that only a connection shows it. */
static char *why_not_counted(const PortFacts *f, const Words *w) {
        bool moved = !forwarded(f) || !f->packets_known || counter_moved(f);

        if (!f->through.made || f->through.own || (f->through.error >= 0 && moved))
                return NULL;
        return strfmt("the guest listens, but connections to %s %s do not reach it: another rule "
                      "of the host takes them",
                      w->public, w->port);
}

/* Why it does not work; NULL: it does, as far as is known. The first reason is the one to fix
 * first, in the order of a stranger's packet. */
static char *find_reason(const PortFacts *f, const Words *w, const PortReport *r) {
        char *why = why_not_forwarded(f, w);
        const char *on_the_way = find_wrong(r);

        if (why)
                return why;
        if (forwarded(f) && f->rules_known && !f->rules_right)
                return strdup("the firewall rules are wrong; umld repairs them within seconds, or "
                              "logs why it cannot");
        if (on_the_way)
                return strdup(on_the_way);
        if (f->direct.made && f->direct.error < 0 && !f->direct.own)
                return why_no_answer(f, w);
        return why_not_counted(f, w);
}

/* What keeps it from being certain that it works; NULL: nothing. */
static char *find_doubt(const PortFacts *f, const PortReport *r) {
        const PortCall *own = f->direct.own ? &f->direct : &f->through;

        if (own->own)
                return strfmt("umld cannot connect to the guest: %s; look for rules in OUTPUT "
                              "before umld's own",
                              egress_explain(own->error));
        for (size_t i = 0; i < PORT_CHECKS; i++)
                if (!checks[i].aside && r->checks[i].answer == PORT_UNKNOWN)
                        return strfmt("%s: %s", checks[i].name, r->checks[i].text);
        return NULL;
}

/* What it rests on that strangers get in. */
static char *format_proof(const PortFacts *f) {
        char client[IP_ADDRESS_TEXT_MAX];

        if (was_served(f))
                return strfmt("%s was served from outside",
                              ip_address_format(&f->flows.served.client, client));
        return strdup("not tried from outside, but judged by the rules and a connection of the "
                      "host's own");
}

static char *format_verdict(const PortFacts *f, const Words *w, const char *reason,
                            const char *doubt) {
        _cleanup_free_ char *proof = format_proof(f);

        if (!proof)
                return NULL;
        if (reason)
                return strfmt("%s does not work: %s", w->port, reason);
        if (doubt)
                return strfmt("whether %s works cannot be told: %s", w->port, doubt);
        return strfmt("%s %s: %s=%s sends connections to %s %s, which %s; %s", w->port,
                      was_served(f) ? "works" : "should work", f->key, w->leads, w->guest,
                      w->guest_port, is_udp(f) ? "does not refuse" : "answers", proof);
}

int port_report(const PortFacts *f, PortReport *ret) {
        _cleanup_(port_report_done) PortReport r = {};
        _cleanup_free_ char *reason = NULL, *doubt = NULL;
        Words w;

        find_words(f, &w);
        for (size_t i = 0; i < PORT_CHECKS; i++) {
                r.checks[i].name = checks[i].name;
                r.checks[i].answer = checks[i].check(f, &w, &r.checks[i].text);
                if (!r.checks[i].text)
                        return -ENOMEM;
        }
        reason = find_reason(f, &w, &r);
        doubt = find_doubt(f, &r);
        r.works = reason ? PORT_NO : doubt ? PORT_UNKNOWN : PORT_YES;
        r.verdict = format_verdict(f, &w, reason, doubt);
        if (!r.verdict)
                return -ENOMEM;
        *ret = r;
        r = (PortReport){};
        return 0;
}

void port_report_done(PortReport *r) {
        for (size_t i = 0; i < PORT_CHECKS; i++)
                free(r->checks[i].text);
        free(r->verdict);
        *r = (PortReport){};
}
