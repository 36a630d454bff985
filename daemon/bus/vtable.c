/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vtable.c - the vtable of io.umld.Guest1 and nothing else. */

#include <arpa/inet.h>
#include <stdio.h>

#include "api/bus-names.h"
#include "api/dirs.h"
#include "basic/string-util.h"
#include "daemon/boot/cmdline.h"
#include "daemon/bus/parts.h"
#include "daemon/host/hostfs.h"
#include "daemon/net/bars.h"
#include "daemon/net/tap.h"
#include "host/cpus.h"
#include "umld-config.h"

/* ---- values that take more than an expression ---- */

static usec_t started_realtime(const Guest *g) {
        return g->boot.process ? guest_process_started_realtime(g->boot.process) : 0;
}

static usec_t since_realtime(const Guest *g) {
        Moment since;

        (void) guest_shown_state(g, &since);
        return moment_realtime(&since);
}

static const char *transport_text(const Guest *g) {
        return g->setup->host->kernel.uml
                       ? transport_to_string(guest_transport(g->config, g->setup->host->kernel.uml))
                       : "";
}

static const char *cpu_fix_text(const Guest *g) {
        if (g->setup->host->kernel.lacks_fix)
                return "unavailable";
        return g->setup->host->kernel.cpu_fix ? "preloaded" : "not-needed";
}

static const char *memory_backing_text(const Guest *g) {
        MemoryBacking backing = g->setup->host->memory.backing;

        return backing == BACKING_AUTO ? "" : memory_backing_to_string(backing);
}

static const char *cpu_text(const Guest *g) {
        static char buf[12];
        int cpu = g->watch.cpu ? cpu_of_process(guest_process_pid(g->boot.process)) : -1;

        if (cpu < 0)
                return "";
        snprintf(buf, sizeof(buf), "%d", cpu);
        return buf;
}

static const char *address_text(struct in_addr a) {
        static char buf[INET_ADDRSTRLEN];

        return inet_ntop(AF_INET, &a, buf, sizeof(buf));
}

/* "auto" until the network is set up. */
static const char *guest_address_text(const Config *c) {
        return c->guest_address.s_addr == 0 ? "auto" : address_text(c->guest_address);
}

static const char *host_address_text(const Config *c) {
        static char buf[INET_ADDRSTRLEN + 4];

        if (c->host_prefix == 0)
                return "auto";
        snprintf(buf, sizeof(buf), "%s/%u", address_text(c->host_address), c->host_prefix);
        return buf;
}

static const char *address6_text(const Guest *g, const struct in6_addr *a) {
        static char buf[INET6_ADDRSTRLEN];

        return net_has_ipv6(g->setup->net) ? inet_ntop(AF_INET6, a, buf, sizeof(buf)) : "";
}

static const char *host_address6_text(const Guest *g) {
        static char buf[INET6_ADDRSTRLEN + 5];
        const Config *c = g->config;

        snprintf(buf, sizeof(buf), "%s/%u", address6_text(g, &c->host_address6), c->host_prefix6);
        return net_has_ipv6(g->setup->net) ? buf : "";
}

static const char *console_log_text(const Guest *g) {
        static char buf[PATH_MAX];

        if (!g->config->log)
                return "";
        snprintf(buf, sizeof(buf), "%s/%s/console.log", umld_dir(DIR_LOG), g->config->name);
        return buf;
}

static int append_forwards(const Guest *g, sd_bus_message *reply) {
        const Config *c = g->config;
        char text[FORWARD_TEXT_MAX];
        int r = 0;

        for (size_t i = 0; i < c->n_forwards && r >= 0; i++)
                r = sd_bus_message_append(reply, "s", forward_format(&c->forwards[i], text));
        return r;
}

static int append_proxies(const Guest *g, sd_bus_message *reply) {
        const Proxies *p = g->proxies;
        char text[PROXY_TEXT_MAX];
        int r = 0;

        for (size_t i = 0; i < proxies_count(p) && r >= 0; i++)
                r = sd_bus_message_append(reply, "s", proxies_text(p, i, text));
        return r;
}

static HoldStatus held(const Guest *g) {
        HoldStatus status = {};

        if (g->hold)
                hold_status(g->hold, &status);
        return status;
}

static int append_lacking(const Guest *g, sd_bus_message *reply) {
        int r = 0;

        FOREACH_ELEMENT (lacking, g->setup->net->lacking)
                if (*lacking && r >= 0)
                        r = sd_bus_message_append(reply, "s", *lacking);
        return r;
}

static int append_conditions(const Guest *g, sd_bus_message *reply) {
        const ConditionList *list = net_conditions(g->setup->net);
        int r = 0;

        for (size_t i = 0; i < list->n && r >= 0; i++)
                r = sd_bus_message_append(reply, "(ssss)", condition_table[list->v[i].kind].name,
                                          condition_state_to_string(list->v[i].state),
                                          list->v[i].text, list->v[i].remedy);
        return r;
}

static int append_warnings(const Guest *g, sd_bus_message *reply) {
        const ConditionList *list = net_conditions(g->setup->net);
        int r = 0;

        for (size_t i = 0; i < list->n && r >= 0; i++) {
                _cleanup_free_ char *text = condition_format(&list->v[i]);

                if (condition_is_told(&list->v[i]))
                        r = text ? sd_bus_message_append(reply, "s", text) : -ENOMEM;
        }
        return r;
}

static int append_guarded(const Guest *g, sd_bus_message *reply) {
        const Guard *guard = &g->setup->net->guard;
        char text[FORWARD_TEXT_MAX + GUARD_WHY_MAX + 4], ports[FORWARD_TEXT_MAX];
        int r = 0;

        for (size_t i = 0; i < guard->n && r >= 0; i++) {
                snprintf(text, sizeof(text), "%s (%s)",
                         forward_format(&guard->ports[i].ports, ports), guard->ports[i].why);
                r = sd_bus_message_append(reply, "s", text);
        }
        return r;
}

static const char *tun_access_text(TunAccess access) {
        static const char *const texts[] = {
                [TUN_UNKNOWN] = "",
                [TUN_OPEN_TO_ALL] = "the host's",
                [TUN_OWN_NODE] = "a node of its own",
                [TUN_USER_LET_IN] = "the host's, opened to its user",
                [TUN_MODE_CHANGED] = "the host's, opened to all users",
                [TUN_BROKER] = "opened by umld-init",
        };

        return texts[access];
}

/* Every layer, and what has become of it; then what its hostfs shows, and how it gets at its
 * tap. */
static int append_confinement(const Guest *g, sd_bus_message *reply) {
        const GuestProcess *p = g->boot.process;
        const Host *h = g->setup->host;
        char text[LAYER_TEXT_MAX], hostfs[HOSTFS_TEXT_MAX];
        int r = 0;

        for (int i = 0; i < CONFINE_MAX && r >= 0; i++) {
                ConfineLayer layer = (ConfineLayer) i;
                int error = p ? guest_process_layer(p, layer) : 0;

                r = sd_bus_message_append(reply, "{ss}", confine_table[i].name,
                                          p ? layer_text(h, layer, error, text) : "");
        }
        if (r >= 0)
                r = sd_bus_message_append(reply, "{ss}", "hostfs", p ? hostfs_text(h, hostfs) : "");
        return r < 0 ? r
                     : sd_bus_message_append(reply, "{ss}", "tun",
                                             p ? tun_access_text(h->jail.tun_access) : "");
}

static const char *probe_text(const ProbeSet *s, size_t i, char buf[static 160]) {
        const ProbeGrade *g = probe_set_grade(s, i);
        const char *state = probe_state_to_string(g->state), *error = probe_set_error(s, i);

        if (g->state == PROBE_GOOD)
                snprintf(buf, 160, "%s, last response took %s", state, FORMAT_TIMESPAN(g->latency));
        else if (g->state == PROBE_FAILING)
                snprintf(buf, 160, "%s for %s: %s", state, FORMAT_TIMESPAN(g->failing), error);
        else
                snprintf(buf, 160, "%s%s%s", state, *error ? ": " : "", error);
        return buf;
}

static int append_probes(const Guest *g, sd_bus_message *reply) {
        const ProbeSet *s = g->watch.probes;
        char name[PROBE_TEXT_MAX], text[160];
        int r = 0;

        for (size_t i = 0; i < probe_set_count(s) && r >= 0; i++)
                r = sd_bus_message_append(reply, "{ss}", probe_format(probe_set_probe(s, i), name),
                                          probe_text(s, i, text));
        return r;
}

/* Kept until the next call. */
static const char *uplinks_text(const Net *n, NatFamily family) {
        static char text[UPLINKS_TEXT_MAX];

        return uplinks_format(&n->uplinks[family], text);
}

/* The same. */
static const char *reach_text(const Config *c) {
        static char text[REACH_TEXT_MAX];

        return config_reach_format(c, text);
}

static const char *connections_text(const Net *n) {
        static char text[16];

        return net_connections_format(n, text);
}

/* ---- THE table of properties ---- */

/* Each has its name (UMLD_PROP_ in api/bus-names.h, whose comments the lint test "bus" holds
 * against this), its D-Bus type, and its value: an expression of that type over the guest g, its
 * configuration c, host h and network n, or for an array the function that appends its elements. */
#define PROPERTIES(VALUE, LIST)                                                                    \
        VALUE(NAME, "s", c->name)                                                                  \
        VALUE(STATE, "s", guest_state_to_string(guest_shown_state(g, NULL)))                       \
        VALUE(WANTED, "s", guest_wanted_to_string(g->wanted))                                      \
        VALUE(STATUS_TEXT, "s", g->why ?: "")                                                      \
        VALUE(WAITING_FOR, "s", guest_waits_for(g) ?: "")                                          \
        VALUE(PID, "u", (uint32_t) (g->boot.process ? guest_process_pid(g->boot.process) : 0))     \
        VALUE(DAEMON_PID, "u", (uint32_t) getpid())                                                \
        VALUE(DAEMON_VERSION, "s", UMLD_VERSION)                                                   \
        VALUE(SINCE, "t", since_realtime(g))                                                       \
        VALUE(STARTED, "t", started_realtime(g))                                                   \
        VALUE(NEXT_START, "t", moment_realtime(&g->next_start))                                    \
        VALUE(RESTARTS, "u", g->past.restarts)                                                     \
        VALUE(ADOPTED, "u", g->past.adopted)                                                       \
        VALUE(REEXECS, "u", g->past.reexecs)                                                       \
        VALUE(HEALTH, "s", guest_health_to_string(guest_health(g)))                                \
        VALUE(LATENCY, "t", health_watch_latency(g->watch.health))                                 \
        VALUE(GUEST_CONGESTION, "s", facts_watch_get(g->watch.facts)->congestion_control)          \
        VALUE(GUEST_QDISC, "s", facts_watch_get(g->watch.facts)->qdisc)                            \
        VALUE(GUEST_LOAD, "s", facts_watch_get(g->watch.facts)->load)                              \
        VALUE(GUEST_MEMORY, "t", facts_watch_get(g->watch.facts)->memory)                          \
        VALUE(GUEST_AVAILABLE, "t", facts_watch_get(g->watch.facts)->memory_available)             \
        VALUE(PROFILE, "s", c->in_fallback ? "fallback" : "normal")                                \
        VALUE(FALLBACK_WHY, "s",                                                                   \
              c->in_fallback && g->past.fallback_why ? g->past.fallback_why : "")                  \
        VALUE(PROBE_STATE, "s", probe_set_state(g->watch.probes))                                  \
        VALUE(PROBE_LATENCY, "t", probe_set_latency(g->watch.probes))                              \
        LIST(PROBES, "a{ss}", append_probes)                                                       \
        VALUE(LAST_VERDICT, "s", verdict_to_string(g->past.last_exit.verdict))                     \
        VALUE(LAST_DETAIL, "s", g->past.last_exit.detail ?: "")                                    \
        VALUE(LAST_WHEN, "t", g->past.last_exit.when)                                              \
        VALUE(KERNEL_PATH, "s", config_kernel(c))                                                  \
        VALUE(KERNEL_VERSION, "s", h->kernel.uml ? h->kernel.uml->release : "")                    \
        VALUE(KERNEL_TRANSPORT, "s", transport_text(g))                                            \
        VALUE(KERNEL_CPU, "s", cpu_text(g))                                                        \
        VALUE(KERNEL_CPU_FIX, "s", cpu_fix_text(g))                                                \
        VALUE(MEMORY_SIZE, "t", c->memory)                                                         \
        VALUE(MEMORY_BACKING, "s", memory_backing_text(g))                                         \
        VALUE(MEMORY_PATH, "s", h->memory.path ?: "")                                              \
        VALUE(MEMORY_USED, "t", guest_memory_used(g->memory))                                      \
        VALUE(MEMORY_PEAK, "t", guest_memory_peak(g->memory))                                      \
        VALUE(MEMORY_BALLOON, "t", guest_memory_held(g->memory))                                   \
        VALUE(MEMORY_PRESSURE, "s", guest_memory_pressure(g->memory))                              \
        VALUE(MEMORY_REFUSED, "s", h->memory.refused ?: "")                                        \
        VALUE(DISKS_SYNCED, "t", disk_sync_last(g->disk_sync))                                     \
        VALUE(TAP, "s", c->tap[0] ? c->tap : "auto")                                               \
        VALUE(HOST_ADDRESS, "s", host_address_text(c))                                             \
        VALUE(GUEST_ADDRESS, "s", guest_address_text(c))                                           \
        VALUE(HOST_ADDRESS6, "s", host_address6_text(g))                                           \
        VALUE(GUEST_ADDRESS6, "s", address6_text(g, &c->guest_address6))                           \
        VALUE(UPLINK, "s", uplinks_text(n, NAT_IPV4))                                              \
        VALUE(UPLINK6, "s", net_has_ipv6(n) ? uplinks_text(n, NAT_IPV6) : "")                      \
        VALUE(MASQUERADE, "s",                                                                     \
              masquerade_to_string(n->uplinks[NAT_IPV4].n > 0 ? n->masquerade[NAT_IPV4]            \
                                                              : c->masquerade))                    \
        VALUE(BACKEND, "s",                                                                        \
              n->maker.nat.backend ? n->maker.nat.backend->name                                    \
                                   : rules_backend_to_string(c->backend))                          \
        VALUE(BACKEND_REASON, "s", n->maker.why ?: "")                                             \
        VALUE(MTU, "u", n->mtu)                                                                    \
        LIST(CONDITIONS, "a(ssss)", append_conditions)                                             \
        LIST(WARNINGS, "as", append_warnings)                                                      \
        LIST(LACKING, "as", append_lacking)                                                        \
        VALUE(HOST_ACCESS, "s", host_access_to_string(c->host_access))                             \
        VALUE(REACH, "s", reach_text(c))                                                           \
        VALUE(CONNECTIONS, "s", connections_text(n))                                               \
        VALUE(REVERSE_PATH, "s", net_tap_reverse_path(n))                                          \
        VALUE(RULE_REPAIRS, "u", n->repairs)                                                       \
        LIST(FORWARDS, "as", append_forwards)                                                      \
        LIST(PROXIES, "as", append_proxies)                                                        \
        LIST(GUARDED, "as", append_guarded)                                                        \
        VALUE(HELD_NOW, "u", held(g).now)                                                          \
        VALUE(HELD_TOTAL, "t", held(g).total)                                                      \
        VALUE(HELD_DROPPED, "t", held(g).dropped)                                                  \
        VALUE(UNCONFIRMED, "s",                                                                    \
              g->reload.trial        ? "pending"                                                   \
              : g->reload.taken_back ? "taken-back"                                                \
                                     : "")                                                         \
        VALUE(CONFIRM_UNTIL, "t", guest_confirm_until(g))                                          \
        LIST(CONFINEMENT, "a{ss}", append_confinement)                                             \
        VALUE(CONSOLE_LOG, "s", console_log_text(g))

#define GETTER_ARGUMENTS                                                                           \
        sd_bus *bus, const char *path, const char *interface, const char *property,                \
                sd_bus_message *reply, void *userdata, sd_bus_error *error

#define VALUE_GETTER(name, type, value)                                                            \
        static int get_##name(GETTER_ARGUMENTS) {                                                  \
                const Guest *g = ((const GuestBus *) userdata)->guest;                             \
                const Config *c = g->config;                                                       \
                const Host *h = g->setup->host;                                                    \
                const Net *n = g->setup->net;                                                      \
                                                                                                   \
                (void) bus, (void) path, (void) interface, (void) property, (void) error,          \
                        (void) c, (void) h, (void) n;                                              \
                return sd_bus_message_append(reply, type, value);                                  \
        }

#define LIST_GETTER(name, type, append)                                                            \
        static int get_##name(GETTER_ARGUMENTS) {                                                  \
                (void) bus, (void) path, (void) interface, (void) property, (void) error;          \
                return reply_list(reply, type, append, ((const GuestBus *) userdata)->guest);      \
        }

static int reply_list(sd_bus_message *reply, const char *type,
                      int (*append)(const Guest *g, sd_bus_message *reply), const Guest *g) {
        int r = sd_bus_message_open_container(reply, type[0], type + 1);

        if (r >= 0)
                r = append(g, reply);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

PROPERTIES(VALUE_GETTER, LIST_GETTER)

/* ---- the vtable ---- */

static int bus_read(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        return bus_read_from(message, guest_bus_vtable, userdata);
}

#define VALUE_ROW(name, type, value) , SD_BUS_PROPERTY(UMLD_PROP_##name, type, get_##name, 0, 0)
#define LIST_ROW                     VALUE_ROW

/* Methods require root: without SD_BUS_VTABLE_UNPRIVILEGED sd-bus demands our own user or
 * CAP_SYS_ADMIN. Members of group umld, who may open the socket, may use the console as well. */
const sd_bus_vtable guest_bus_vtable[] = {
        SD_BUS_VTABLE_START(0) PROPERTIES(VALUE_ROW, LIST_ROW),
        SD_BUS_METHOD(UMLD_METHOD_START, NULL, NULL, bus_order_start, 0),
        SD_BUS_METHOD(UMLD_METHOD_STOP, NULL, NULL, bus_order_stop, 0),
        SD_BUS_METHOD(UMLD_METHOD_RESTART, NULL, NULL, bus_order_restart, 0),
        SD_BUS_METHOD(UMLD_METHOD_KILL, NULL, NULL, bus_order_kill, 0),
        SD_BUS_METHOD(UMLD_METHOD_BALLOON, "x", "ttt", bus_memory_balloon, 0),
        SD_BUS_METHOD(UMLD_METHOD_READ, "as", "a{sv}", bus_read, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD(UMLD_METHOD_COUNTERS, NULL, "a{sv}", bus_counters,
                      SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD(UMLD_METHOD_HISTORY, NULL, "a(tttt)", bus_history,
                      SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD(UMLD_METHOD_MCONSOLE, "sb", "isb", bus_console_mconsole, 0),
        SD_BUS_METHOD(UMLD_METHOD_EXPLAIN_PORT, "s", "ssa(sss)", bus_port_explain, 0),
        SD_BUS_METHOD(UMLD_METHOD_OPEN_CONSOLE, "bbqq", "h", bus_console_open,
                      SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD(UMLD_METHOD_RELOAD, NULL, NULL, bus_order_reload, 0),
        SD_BUS_METHOD(UMLD_METHOD_RELOAD_CONFIRM, "t", NULL, bus_order_reload_confirm, 0),
        SD_BUS_METHOD(UMLD_METHOD_CONFIRM, NULL, NULL, bus_order_confirm, 0),
        SD_BUS_METHOD(UMLD_METHOD_REEXEC, NULL, NULL, bus_order_reexec, 0),
        SD_BUS_METHOD(UMLD_METHOD_GUARD, "s", NULL, bus_order_guard, 0),
        SD_BUS_SIGNAL(UMLD_SIGNAL_STATE_CHANGED, "sss", 0),
        SD_BUS_SIGNAL(UMLD_SIGNAL_MEMORY_PRESSURE, "sss", 0),
        SD_BUS_SIGNAL(UMLD_SIGNAL_CONDITION, "sss", 0),
        SD_BUS_VTABLE_END,
};
