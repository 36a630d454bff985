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

/* ---- the checks ---- */

static PortAnswer check_guest(const PortFacts *f, const Words *w, char **ret) {
        (void) w;
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
        (void) w;
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
        (void) w;
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

static PortAnswer check_accept(const PortFacts *f, const Words *w, char **ret) {
        (void) w;
        if (!forwarded(f) || f->foreign_before < 0) {
                *ret = strdup(relayed(f) ? "no rule is needed" : "unknown");
                return relayed(f) ? PORT_YES : PORT_UNKNOWN;
        }
        *ret = f->foreign_before == 0 ? strdup("the rule that accepts it is the first")
                                      : strfmt("%d foreign rule%s precede%s the one that accepts "
                                               "it, and may drop connections from outside",
                                               f->foreign_before, f->foreign_before > 1 ? "s" : "",
                                               f->foreign_before > 1 ? "" : "s");
        return f->foreign_before == 0 ? PORT_YES : PORT_UNKNOWN;
}

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

static const struct {
        const char *name;
        PortAnswer (*check)(const PortFacts *f, const Words *w, char **ret);
} checks[PORT_CHECKS] = {
        { "guest", check_guest },          { "forwarded", check_leads },
        { "not guarded", check_guard },    { "host listens", check_host },
        { "rules", check_rules },          { "FORWARD", check_accept },
        { "guest listens", check_direct }, { "from the host", check_through },
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

/* Why it does not work; NULL: it does. The first reason is the one to fix first. */
static char *find_reason(const PortFacts *f, const Words *w) {
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
        if (forwarded(f) && f->rules_known && !f->rules_right)
                return strdup("the firewall rules are wrong; umld repairs them within seconds, or "
                              "logs why it cannot");
        if (f->direct.made && f->direct.error < 0 && !f->direct.own)
                return why_no_answer(f, w);
        if (f->through.made && !f->through.own &&
            (f->through.error < 0 || (forwarded(f) && f->packets_known && !counter_moved(f))))
                return strfmt("the guest listens, but connections to %s %s do not reach it: "
                              "another rule of the host takes them",
                              w->public, w->port);
        return NULL;
}

/* Nothing is wrong as far as can be seen, but umld's own connection does not get to the guest;
 * NULL: it does. */
static char *cannot_tell(const PortFacts *f, const Words *w) {
        const PortCall *c = f->direct.own ? &f->direct : &f->through;

        return c->own ? strfmt("whether %s works cannot be told: umld cannot connect to the guest: "
                               "%s; look for rules in OUTPUT before umld's own",
                               w->port, egress_explain(c->error))
                      : NULL;
}

int port_report(const PortFacts *f, PortReport *ret) {
        _cleanup_(port_report_done) PortReport r = {};
        _cleanup_free_ char *reason = NULL, *untold = NULL;
        Words w;

        find_words(f, &w);
        for (size_t i = 0; i < PORT_CHECKS; i++) {
                r.checks[i].name = checks[i].name;
                r.checks[i].answer = checks[i].check(f, &w, &r.checks[i].text);
                if (!r.checks[i].text)
                        return -ENOMEM;
        }
        reason = find_reason(f, &w);
        untold = reason ? NULL : cannot_tell(f, &w);
        r.works = !reason && !untold;
        r.verdict = reason   ? strfmt("%s does not work: %s", w.port, reason)
                    : untold ? TAKE_PTR(untold)
                             : strfmt("%s works: %s=%s sends connections to %s %s, which %s",
                                      w.port, f->key, w.leads, w.guest, w.guest_port,
                                      is_udp(f) ? "does not refuse" : "answers");
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
