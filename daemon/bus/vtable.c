/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vtable.c - the vtable of io.umld.Guest1 and nothing else. */

#include <arpa/inet.h>
#include <stdio.h>

#include "api/bus-names.h"
#include "api/dirs.h"
#include "basic/log.h"
#include "basic/string-util.h"
#include "daemon/boot/cmdline.h"
#include "daemon/bus/console.h"
#include "daemon/bus/memory.h"
#include "daemon/bus/port.h"
#include "daemon/bus/vtable.h"
#include "daemon/manager.h"
#include "host/cpus.h"
#include "umld-config.h"

/* ---- properties ---- */

/* A getter of one D-Bus type from an expression over the guest g and its configuration c. */
#define DEFINE_GETTER(name, signature, expr)                                                       \
        static int name(sd_bus *bus, const char *path, const char *interface,                      \
                        const char *property, sd_bus_message *reply, void *userdata,               \
                        sd_bus_error *error) {                                                     \
                const Manager *m = userdata;                                                       \
                const Guest *g = m->guest;                                                         \
                const Config *c = g->config;                                                       \
                                                                                                   \
                (void) bus, (void) path, (void) interface, (void) property, (void) error,          \
                        (void) c;                                                                  \
                return sd_bus_message_append(reply, signature, expr);                              \
        }                                                                                          \
        struct swallow_semicolon_##name

static usec_t started_realtime(const Guest *g) {
        return g->process ? guest_process_started_realtime(g->process) : 0;
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
        int cpu = g->cpu ? cpu_of_process(guest_process_pid(g->process)) : -1;

        if (cpu < 0)
                return "";
        snprintf(buf, sizeof(buf), "%d", cpu);
        return buf;
}

static const char *address_text(struct in_addr a) {
        static char buf[INET_ADDRSTRLEN];

        return inet_ntop(AF_INET, &a, buf, sizeof(buf));
}

static const char *host_address_text(const Config *c) {
        static char buf[INET_ADDRSTRLEN + 4];

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

DEFINE_GETTER(get_name, "s", c->name);
DEFINE_GETTER(get_state, "s", guest_state_to_string(g->state));
DEFINE_GETTER(get_wanted, "s", guest_wanted_to_string(g->wanted));
DEFINE_GETTER(get_status_text, "s", g->why ?: "");
DEFINE_GETTER(get_pid, "u", (uint32_t) (g->process ? guest_process_pid(g->process) : 0));
DEFINE_GETTER(get_daemon_pid, "u", (uint32_t) getpid());
DEFINE_GETTER(get_daemon_version, "s", UMLD_VERSION);
DEFINE_GETTER(get_since, "t", moment_realtime(&g->since));
DEFINE_GETTER(get_started, "t", started_realtime(g));
DEFINE_GETTER(get_next_start, "t", moment_realtime(&g->next_start));
DEFINE_GETTER(get_restarts, "u", g->restarts);
DEFINE_GETTER(get_health, "s", guest_health_to_string(guest_health(g)));
DEFINE_GETTER(get_latency, "t", health_watch_latency(g->health));
DEFINE_GETTER(get_profile, "s", c->in_fallback ? "fallback" : "normal");
DEFINE_GETTER(get_fallback_why, "s", c->in_fallback && g->fallback_why ? g->fallback_why : "");
DEFINE_GETTER(get_probe_state, "s", probe_set_state(g->probes));
DEFINE_GETTER(get_probe_latency, "t", probe_set_latency(g->probes));
DEFINE_GETTER(get_last_verdict, "s", verdict_to_string(g->last_exit.verdict));
DEFINE_GETTER(get_last_detail, "s", g->last_exit.detail ?: "");
DEFINE_GETTER(get_last_when, "t", g->last_exit.when);
DEFINE_GETTER(get_kernel_path, "s", c->kernel);
DEFINE_GETTER(get_kernel_version, "s",
              g->setup->host->kernel.uml ? g->setup->host->kernel.uml->release : "");
DEFINE_GETTER(get_kernel_transport, "s", transport_text(g));
DEFINE_GETTER(get_kernel_cpu, "s", cpu_text(g));
DEFINE_GETTER(get_kernel_cpu_fix, "s", cpu_fix_text(g));
DEFINE_GETTER(get_memory_size, "t", c->memory);
DEFINE_GETTER(get_memory_backing, "s", memory_backing_text(g));
DEFINE_GETTER(get_memory_path, "s", g->setup->host->memory.path ?: "");
DEFINE_GETTER(get_memory_used, "t", guest_memory_used(g->memory));
DEFINE_GETTER(get_memory_peak, "t", guest_memory_peak(g->memory));
DEFINE_GETTER(get_memory_balloon, "t", guest_memory_held(g->memory));
DEFINE_GETTER(get_memory_pressure, "s", guest_memory_pressure(g->memory));
DEFINE_GETTER(get_memory_refused, "s", g->setup->host->memory.refused ?: "");
DEFINE_GETTER(get_disks_synced, "t", disk_sync_last(g->disk_sync));
DEFINE_GETTER(get_tap, "s", c->tap);
DEFINE_GETTER(get_host_address, "s", host_address_text(c));
DEFINE_GETTER(get_guest_address, "s", address_text(c->guest_address));
DEFINE_GETTER(get_host_address6, "s", host_address6_text(g));
DEFINE_GETTER(get_guest_address6, "s", address6_text(g, &c->guest_address6));
DEFINE_GETTER(get_uplink, "s", g->setup->net->uplink[NAT_IPV4]);
DEFINE_GETTER(get_uplink6, "s", net_has_ipv6(g->setup->net) ? g->setup->net->uplink[NAT_IPV6] : "");
DEFINE_GETTER(get_masquerade, "s",
              masquerade_to_string(g->setup->net->uplink[NAT_IPV4][0]
                                           ? g->setup->net->masquerade[NAT_IPV4]
                                           : c->masquerade));
DEFINE_GETTER(get_mtu, "u", g->setup->net->mtu);
DEFINE_GETTER(get_host_access, "s", host_access_to_string(c->host_access));
DEFINE_GETTER(get_rule_repairs, "u", g->setup->net->repairs);
DEFINE_GETTER(get_backend, "s",
              g->setup->net->maker.nat.backend ? g->setup->net->maker.nat.backend->name
                                               : rules_backend_to_string(c->backend));
DEFINE_GETTER(get_backend_reason, "s", g->setup->net->maker.why ?: "");
DEFINE_GETTER(get_unconfirmed, "s", g->trial ? "pending" : g->taken_back ? "taken-back" : "");
DEFINE_GETTER(get_confirm_until, "t", guest_confirm_until(g));
DEFINE_GETTER(get_console_log, "s", console_log_text(g));

static int get_forwards(sd_bus *bus, const char *path, const char *interface, const char *property,
                        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Manager *m = userdata;
        const Config *c = m->guest->config;
        char text[FORWARD_TEXT_MAX];
        int r;

        (void) bus, (void) path, (void) interface, (void) property, (void) error;
        r = sd_bus_message_open_container(reply, 'a', "s");
        for (size_t i = 0; i < c->n_forwards && r >= 0; i++)
                r = sd_bus_message_append(reply, "s", forward_format(&c->forwards[i], text));
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int get_proxies(sd_bus *bus, const char *path, const char *interface, const char *property,
                       sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Manager *m = userdata;
        const Proxies *p = m->guest->proxies;
        char text[PROXY_TEXT_MAX];
        int r;

        (void) bus, (void) path, (void) interface, (void) property, (void) error;
        r = sd_bus_message_open_container(reply, 'a', "s");
        for (size_t i = 0; i < proxies_count(p) && r >= 0; i++)
                r = sd_bus_message_append(reply, "s", proxies_text(p, i, text));
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int get_lacking(sd_bus *bus, const char *path, const char *interface, const char *property,
                       sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Manager *m = userdata;
        int r;

        (void) bus, (void) path, (void) interface, (void) property, (void) error;
        r = sd_bus_message_open_container(reply, 'a', "s");
        FOREACH_ELEMENT (lacking, m->guest->setup->net->lacking)
                if (*lacking && r >= 0)
                        r = sd_bus_message_append(reply, "s", *lacking);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int get_guarded(sd_bus *bus, const char *path, const char *interface, const char *property,
                       sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Manager *m = userdata;
        const Guard *guard = &m->guest->setup->net->guard;
        char text[FORWARD_TEXT_MAX + GUARD_WHY_MAX + 4], ports[FORWARD_TEXT_MAX];
        int r;

        (void) bus, (void) path, (void) interface, (void) property, (void) error;
        r = sd_bus_message_open_container(reply, 'a', "s");
        for (size_t i = 0; i < guard->n && r >= 0; i++) {
                snprintf(text, sizeof(text), "%s (%s)",
                         forward_format(&guard->ports[i].ports, ports), guard->ports[i].why);
                r = sd_bus_message_append(reply, "s", text);
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static const char *tun_access_text(TunAccess access) {
        static const char *const texts[] = {
                [TUN_UNKNOWN] = "",
                [TUN_OPEN_TO_ALL] = "the host's",
                [TUN_OWN_NODE] = "a node of its own",
                [TUN_MODE_CHANGED] = "the host's, opened to all users",
        };

        return texts[access];
}

/* What holds the guest, and whether it is in force on this host. */
static int get_confinement(sd_bus *bus, const char *path, const char *interface,
                           const char *property, sd_bus_message *reply, void *userdata,
                           sd_bus_error *error) {
        const Manager *m = userdata;
        const Guest *g = m->guest;
        const Launched *l = g->process ? guest_process_containment(g->process) : NULL;
        char user[32];
        int r;

        (void) bus, (void) path, (void) interface, (void) property, (void) error;
        snprintf(user, sizeof(user), "%u", (unsigned) g->setup->host->jail.uid);
        const struct {
                const char *layer, *value;
        } layers[] = {
                { "user", l ? user : "" },
                { "pid-namespace", !l                 ? ""
                                   : l->pid_namespace ? "yes"
                                                      : "no (child subreaper instead)" },
                { "cgroup", !l                                    ? ""
                            : g->setup->host->jail.cgroup_fd >= 0 ? "yes"
                                                                  : "no" },
                { "no-new-privileges", l ? "yes" : "" },
                { "hostfs", l ? "off" : "" },
                { "tun", l ? tun_access_text(g->setup->host->jail.tun_access) : "" },
        };

        r = sd_bus_message_open_container(reply, 'a', "{ss}");
        for (size_t i = 0; i < ARRAY_SIZE(layers) && r >= 0; i++)
                r = sd_bus_message_append(reply, "{ss}", layers[i].layer, layers[i].value);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static const char *probe_text(const ProbeSet *s, size_t i, char buf[static 160]) {
        const ProbeGrade *g = probe_set_grade(s, i);
        const char *state = probe_state_to_string(g->state), *error = probe_set_error(s, i);

        if (g->state == PROBE_GOOD)
                snprintf(buf, 160, "%s, last answer took %s", state, FORMAT_TIMESPAN(g->latency));
        else if (g->state == PROBE_FAILING)
                snprintf(buf, 160, "%s for %s: %s", state, FORMAT_TIMESPAN(g->failing), error);
        else
                snprintf(buf, 160, "%s%s%s", state, *error ? ": " : "", error);
        return buf;
}

static int get_probes(sd_bus *bus, const char *path, const char *interface, const char *property,
                      sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Manager *m = userdata;
        const ProbeSet *s = m->guest->probes;
        char name[PROBE_TEXT_MAX], text[160];
        int r;

        (void) bus, (void) path, (void) interface, (void) property, (void) error;
        r = sd_bus_message_open_container(reply, 'a', "{ss}");
        for (size_t i = 0; i < probe_set_count(s) && r >= 0; i++)
                r = sd_bus_message_append(reply, "{ss}", probe_format(probe_set_probe(s, i), name),
                                          probe_text(s, i, text));
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* ---- methods ---- */

static int answer_order(sd_bus_message *message, const Manager *m, int taken, sd_bus_error *error) {
        if (taken > 0)
                return sd_bus_reply_method_return(message, NULL);
        return sd_bus_error_setf(error, UMLD_ERROR_BUSY, "nothing to do while the guest is %s",
                                 guest_state_to_string(m->guest->state));
}

#define DEFINE_ORDER(name, order)                                                                  \
        static int name(sd_bus_message *message, void *userdata, sd_bus_error *error) {            \
                Manager *m = userdata;                                                             \
                                                                                                   \
                return answer_order(message, m, order(m->guest), error);                           \
        }                                                                                          \
        struct swallow_semicolon_##name

DEFINE_ORDER(method_start, guest_start);
DEFINE_ORDER(method_stop, guest_stop);
DEFINE_ORDER(method_restart, guest_restart);
DEFINE_ORDER(method_kill, guest_kill);

static int reload(sd_bus_message *message, Manager *m, usec_t confirm, sd_bus_error *error) {
        _cleanup_free_ char *text = NULL;
        int r = manager_reload(m, confirm, &text);

        if (r < 0)
                return sd_bus_error_setf(error,
                                         r == -EINVAL  ? UMLD_ERROR_BAD_CONFIG
                                         : r == -EBUSY ? UMLD_ERROR_BUSY
                                                       : UMLD_ERROR_FAILED,
                                         "%s", text ?: strerror(-r));
        return sd_bus_reply_method_return(message, NULL);
}

static int method_reload(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        return reload(message, userdata, 0, error);
}

static int method_reload_confirm(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        uint64_t confirm;
        int r = sd_bus_message_read(message, "t", &confirm);

        if (r < 0)
                return r;
        if (confirm < UMLD_CONFIRM_MIN || confirm > UMLD_CONFIRM_MAX)
                return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
                                         "the time to confirm has to be from 1s to 24h");
        return reload(message, userdata, confirm, error);
}

static int method_confirm(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        _cleanup_(fault_done) Fault fault = {};
        const Manager *m = userdata;
        int r = guest_confirm(m->guest, &fault);

        if (r < 0)
                return sd_bus_error_setf(error, r == -ENOENT ? UMLD_ERROR_BUSY : UMLD_ERROR_FAILED,
                                         "%s", fault.text ?: strerror(-r));
        return sd_bus_reply_method_return(message, NULL);
}

static int method_guard(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        _cleanup_(fault_done) Fault fault = {};
        const Manager *m = userdata;
        const char *session;
        int r = sd_bus_message_read(message, "s", &session);

        if (r < 0)
                return r;
        r = guest_guard_session(m->guest, session, &fault);
        if (r < 0)
                return sd_bus_error_setf(error, UMLD_ERROR_FAILED, "%s",
                                         fault.text ?: "no SSH_CONNECTION, or one too many");
        return sd_bus_reply_method_return(message, NULL);
}

#define PROPERTY(name, signature, getter) SD_BUS_PROPERTY(name, signature, getter, 0, 0)

/* Methods are root's: without SD_BUS_VTABLE_UNPRIVILEGED sd-bus asks for our own user or
 * CAP_SYS_ADMIN. */
static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        PROPERTY(UMLD_PROP_NAME, "s", get_name),
        PROPERTY(UMLD_PROP_STATE, "s", get_state),
        PROPERTY(UMLD_PROP_WANTED, "s", get_wanted),
        PROPERTY(UMLD_PROP_STATUS_TEXT, "s", get_status_text),
        PROPERTY(UMLD_PROP_PID, "u", get_pid),
        PROPERTY(UMLD_PROP_DAEMON_PID, "u", get_daemon_pid),
        PROPERTY(UMLD_PROP_DAEMON_VERSION, "s", get_daemon_version),
        PROPERTY(UMLD_PROP_SINCE, "t", get_since),
        PROPERTY(UMLD_PROP_STARTED, "t", get_started),
        PROPERTY(UMLD_PROP_NEXT_START, "t", get_next_start),
        PROPERTY(UMLD_PROP_RESTARTS, "u", get_restarts),
        PROPERTY(UMLD_PROP_HEALTH, "s", get_health),
        PROPERTY(UMLD_PROP_LATENCY, "t", get_latency),
        PROPERTY(UMLD_PROP_PROFILE, "s", get_profile),
        PROPERTY(UMLD_PROP_FALLBACK_WHY, "s", get_fallback_why),
        PROPERTY(UMLD_PROP_PROBE_STATE, "s", get_probe_state),
        PROPERTY(UMLD_PROP_PROBE_LATENCY, "t", get_probe_latency),
        PROPERTY(UMLD_PROP_PROBES, "a{ss}", get_probes),
        PROPERTY(UMLD_PROP_LAST_VERDICT, "s", get_last_verdict),
        PROPERTY(UMLD_PROP_LAST_DETAIL, "s", get_last_detail),
        PROPERTY(UMLD_PROP_LAST_WHEN, "t", get_last_when),
        PROPERTY(UMLD_PROP_KERNEL_PATH, "s", get_kernel_path),
        PROPERTY(UMLD_PROP_KERNEL_VERSION, "s", get_kernel_version),
        PROPERTY(UMLD_PROP_KERNEL_TRANSPORT, "s", get_kernel_transport),
        PROPERTY(UMLD_PROP_KERNEL_CPU, "s", get_kernel_cpu),
        PROPERTY(UMLD_PROP_KERNEL_CPU_FIX, "s", get_kernel_cpu_fix),
        PROPERTY(UMLD_PROP_MEMORY_SIZE, "t", get_memory_size),
        PROPERTY(UMLD_PROP_MEMORY_BACKING, "s", get_memory_backing),
        PROPERTY(UMLD_PROP_MEMORY_PATH, "s", get_memory_path),
        PROPERTY(UMLD_PROP_MEMORY_USED, "t", get_memory_used),
        PROPERTY(UMLD_PROP_MEMORY_PEAK, "t", get_memory_peak),
        PROPERTY(UMLD_PROP_MEMORY_BALLOON, "t", get_memory_balloon),
        PROPERTY(UMLD_PROP_MEMORY_PRESSURE, "s", get_memory_pressure),
        PROPERTY(UMLD_PROP_MEMORY_REFUSED, "s", get_memory_refused),
        PROPERTY(UMLD_PROP_DISKS_SYNCED, "t", get_disks_synced),
        PROPERTY(UMLD_PROP_TAP, "s", get_tap),
        PROPERTY(UMLD_PROP_HOST_ADDRESS, "s", get_host_address),
        PROPERTY(UMLD_PROP_GUEST_ADDRESS, "s", get_guest_address),
        PROPERTY(UMLD_PROP_HOST_ADDRESS6, "s", get_host_address6),
        PROPERTY(UMLD_PROP_GUEST_ADDRESS6, "s", get_guest_address6),
        PROPERTY(UMLD_PROP_UPLINK, "s", get_uplink),
        PROPERTY(UMLD_PROP_UPLINK6, "s", get_uplink6),
        PROPERTY(UMLD_PROP_MASQUERADE, "s", get_masquerade),
        PROPERTY(UMLD_PROP_BACKEND, "s", get_backend),
        PROPERTY(UMLD_PROP_BACKEND_REASON, "s", get_backend_reason),
        PROPERTY(UMLD_PROP_MTU, "u", get_mtu),
        PROPERTY(UMLD_PROP_LACKING, "as", get_lacking),
        PROPERTY(UMLD_PROP_HOST_ACCESS, "s", get_host_access),
        PROPERTY(UMLD_PROP_RULE_REPAIRS, "u", get_rule_repairs),
        PROPERTY(UMLD_PROP_FORWARDS, "as", get_forwards),
        PROPERTY(UMLD_PROP_PROXIES, "as", get_proxies),
        PROPERTY(UMLD_PROP_GUARDED, "as", get_guarded),
        PROPERTY(UMLD_PROP_UNCONFIRMED, "s", get_unconfirmed),
        PROPERTY(UMLD_PROP_CONFIRM_UNTIL, "t", get_confirm_until),
        PROPERTY(UMLD_PROP_CONFINEMENT, "a{ss}", get_confinement),
        PROPERTY(UMLD_PROP_CONSOLE_LOG, "s", get_console_log),
        SD_BUS_METHOD(UMLD_METHOD_START, NULL, NULL, method_start, 0),
        SD_BUS_METHOD(UMLD_METHOD_STOP, NULL, NULL, method_stop, 0),
        SD_BUS_METHOD(UMLD_METHOD_RESTART, NULL, NULL, method_restart, 0),
        SD_BUS_METHOD(UMLD_METHOD_KILL, NULL, NULL, method_kill, 0),
        SD_BUS_METHOD(UMLD_METHOD_BALLOON, "x", "ttt", bus_memory_balloon, 0),
        SD_BUS_METHOD(UMLD_METHOD_MCONSOLE, "sb", "isb", bus_console_mconsole, 0),
        SD_BUS_METHOD(UMLD_METHOD_EXPLAIN_PORT, "s", "bsa(sss)", bus_port_explain, 0),
        SD_BUS_METHOD(UMLD_METHOD_OPEN_CONSOLE, "bbqq", "h", bus_console_open, 0),
        SD_BUS_METHOD(UMLD_METHOD_RELOAD, NULL, NULL, method_reload, 0),
        SD_BUS_METHOD(UMLD_METHOD_RELOAD_CONFIRM, "t", NULL, method_reload_confirm, 0),
        SD_BUS_METHOD(UMLD_METHOD_CONFIRM, NULL, NULL, method_confirm, 0),
        SD_BUS_METHOD(UMLD_METHOD_GUARD, "s", NULL, method_guard, 0),
        SD_BUS_SIGNAL(UMLD_SIGNAL_STATE_CHANGED, "sss", 0),
        SD_BUS_SIGNAL(UMLD_SIGNAL_MEMORY_PRESSURE, "sss", 0),
        SD_BUS_VTABLE_END,
};

int manager_bus_new(Manager *m, BusServer **ret) {
        _cleanup_free_ char *path = strfmt("%s/bus", m->directory);
        int r;

        if (!path)
                return log_oom();
        r = bus_server_new(m->event, path, UMLD_BUS_PATH, UMLD_BUS_INTERFACE, vtable, m, ret);
        if (r < 0)
                return log_error_errno(r, "%s: cannot listen there: %m", path);
        return 0;
}
