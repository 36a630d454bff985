/* SPDX-License-Identifier: GPL-2.0-or-later */
/* settings.c - THE table of settings. */

#include "conf/settings.h"
#include "conf/values.h"

static const char *const transport_table[] = {
        [TRANSPORT_AUTO] = "auto",
        [TRANSPORT_TUNTAP] = "tuntap",
        [TRANSPORT_VECTOR] = "vector",
};
static const char *const masquerade_table[] = {
        [MASQUERADE_AUTO] = "auto",
        [MASQUERADE_MASQUERADE] = "masquerade",
        [MASQUERADE_SNAT] = "snat",
        [MASQUERADE_NO] = "no",
};
static const char *const configure_by_table[] = {
        [CONFIGURE_BY_KERNEL] = "kernel",
        [CONFIGURE_BY_INIT] = "init",
};

static const char *const host_access_table[] = {
        [HOST_ACCESS_NO] = "no",
        [HOST_ACCESS_ICMP] = "icmp",
        [HOST_ACCESS_ALL] = "all",
};
static const char *const rules_backend_table[] = {
        [RULES_AUTO] = "auto",
        [RULES_IPTABLES] = "iptables",
        [RULES_NFTABLES] = "nftables",
};
static const char *const balloon_mode_table[] = {
        [BALLOON_NO] = "no",
        [BALLOON_AUTO] = "auto",
};
static const char *const ready_when_table[] = {
        [READY_BOOT] = "boot",
        [READY_GUEST] = "guest",
};
static const char *const restart_when_table[] = {
        [RESTART_NO] = "no",
        [RESTART_ON_CRASH] = "on-crash",
        [RESTART_ALWAYS] = "always",
};
static const char *const seccomp_table[] = {
        [SECCOMP_YES] = "yes",
        [SECCOMP_LOG] = "log",
        [SECCOMP_NO] = "no",
};
static const char *const cpu_affinity_table[] = {
        [CPU_AFFINITY_AUTO] = "auto",
        [CPU_AFFINITY_ANY] = "any",
};

DEFINE_STRING_TABLE_TO(transport, Transport, TRANSPORT_MAX);
DEFINE_STRING_TABLE_TO(masquerade, Masquerade, MASQUERADE_MAX);
DEFINE_STRING_TABLE_TO(host_access, HostAccess, HOST_ACCESS_MAX);
DEFINE_STRING_TABLE_TO(rules_backend, RulesBackend, RULES_BACKEND_MAX);
CHECK_STRING_TABLE(balloon_mode, BalloonMode, BALLOON_MODE_MAX);
CHECK_STRING_TABLE(ready_when, ReadyWhen, READY_WHEN_MAX);
CHECK_STRING_TABLE(restart_when, RestartWhen, RESTART_WHEN_MAX);
CHECK_STRING_TABLE(cpu_affinity, CpuAffinity, CPU_AFFINITY_MAX);

static_assert(sizeof(Transport) == sizeof(int) && sizeof(Masquerade) == sizeof(int) &&
                      sizeof(HostAccess) == sizeof(int) && sizeof(ConfigureBy) == sizeof(int) &&
                      sizeof(RulesBackend) == sizeof(int) && sizeof(ReadyWhen) == sizeof(int) &&
                      sizeof(RestartWhen) == sizeof(int) && sizeof(BalloonMode) == sizeof(int) &&
                      sizeof(CpuAffinity) == sizeof(int),
              "setting_parse_choice() stores an int");

#define CHOICES(table) .choices = (table), .n_choices = ARRAY_SIZE(table)

/* Where the value is in Config, and when a change of it takes effect. */
#define AT_ONCE(...)  .changes = CHANGES_AT_ONCE, .fields = { __VA_ARGS__ }
#define AT_START(...) .changes = CHANGES_AT_START, .fields = { __VA_ARGS__ }
/* Of the tap or of its addresses. */
#define ON_TAP(...) AT_START(__VA_ARGS__), .on_tap = true

#define END_OF(member) (offsetof(Config, member) + sizeof(((Config *) NULL)->member))
#define SPAN(first, last)                                                                          \
        { FIELD_FLAT, offsetof(Config, first), END_OF(last) - offsetof(Config, first) }
#define FLAT(member) SPAN(member, member)
#define TEXT(member)                                                                               \
        { .kind = FIELD_TEXT, .offset = offsetof(Config, member) }
#define WORDS(member)                                                                              \
        { .kind = FIELD_WORDS, .offset = offsetof(Config, member) }
#define PORTS(member)                                                                              \
        { .kind = FIELD_PORTS, .offset = offsetof(Config, member) }
#define DISKS                                                                                      \
        { .kind = FIELD_DISKS }

#define MIB      (UINT64_C(1) << 20)
#define TIB      (UINT64_C(1) << 40)
#define SPAN_MAX (USEC_PER_HOUR * 24 * 365)

static const Setting settings[] = {
        /* [Guest] */
        { "Guest", "Kernel", "PATH", "Path of the UML kernel", "/usr/bin/linux.uml",
          .parse = setting_parse_kernel, AT_START(TEXT(kernel)) },
        { "Guest", "Memory", "SIZE", "Memory of the guest, at least 32M", "64M",
          .parse = setting_parse_size, AT_START(FLAT(memory)), .min = 32 * MIB, .max = TIB },
        { "Guest", "CPUs", "NUMBER", "Number of CPUs, if the kernel supports more than one", "1",
          .parse = setting_parse_count, AT_START(FLAT(cpus)), .min = 1, .max = 64 },
        { "Guest", "CPUAffinity", NULL,
          "Pin a guest with one CPU to one CPU of the host, which is faster", "auto",
          .parse = setting_parse_choice, AT_START(FLAT(cpu_affinity)),
          CHOICES(cpu_affinity_table) },
        { "Guest", "CPUWeight", "NUMBER",
          "Weight while others compete for the host's CPUs; theirs is usually 100", .example = "50",
          .parse = setting_parse_count, AT_START(FLAT(cpu_weight)), .min = 1, .max = 10000 },
        { "Guest", "CPUQuota", "PERCENT%", "Maximum CPU time, as a percentage of one CPU",
          .example = "80%", .parse = setting_parse_cpu_quota, AT_START(FLAT(cpu_quota)), .min = 1,
          .max = 100000 },
        { "Guest", "Disk", "PATH[,ro][,sync][,adopt][,cow=FILE][,swap[=SIZE]]",
          "Disk images: the first is ubda, the second ubdb, and so on", "STATE/NAME/root.img",
          .example = "/var/lib/umld/web/root.img", .parse = setting_parse_disk, AT_START(DISKS),
          .default_from = DEFAULT_DISK, .repeatable = true },
        { "Guest", "Root", "disk | hostfs:DIR",
          "What to boot from: the first disk, or a directory of the host", "disk",
          .parse = setting_parse_root, AT_START(TEXT(root_dir)) },
        { "Guest", "Share", "DIR[,ro]", "Directories of the host that the guest's hostfs shows",
          .example = "/srv/data,ro", .parse = setting_parse_share,
          AT_START(WORDS(shares), WORDS(shares_read_only)), .repeatable = true },
        { "Guest", "Append", "WORDS", "Additional kernel arguments, quoted as in a shell",
          .example = "systemd.log_level=debug", .parse = setting_parse_append,
          AT_START(WORDS(append)), .repeatable = true },
        { "Guest", "FastBoot", "yes | no",
          "Skip the delay loop calibration and the RAID benchmark at boot", "yes",
          .parse = setting_parse_bool, AT_START(FLAT(fast_boot)) },
        { "Guest", "DiskSync", "TIME",
          "How often to sync the images to the host's disk; 0 = only when the guest ends", "5s",
          .parse = setting_parse_interval, AT_ONCE(FLAT(disk_sync)), .min = 100 * USEC_PER_MSEC,
          .max = SPAN_MAX },
        { "Guest", "Hostname", "TEXT", "Host name passed to the guest", "NAME",
          .example = "www.example.org", .parse = setting_parse_hostname, AT_START(TEXT(hostname)),
          .max = 64, .default_from = DEFAULT_NAME },

        /* [Network] */
        { "Network", "Tap", "auto | INTERFACE",
          "Name of the tap device; auto takes the first that is free, from tap0 on", "auto",
          .example = "tap0", .parse = setting_parse_tap, ON_TAP(FLAT(wanted_tap)) },
        { "Network", "HostAddress", "auto | ADDRESS/PREFIX",
          "Address of the tap, and so the guest's network; auto takes a free network", "auto",
          .example = "10.0.0.1/24", .parse = setting_parse_host_address,
          ON_TAP(SPAN(wanted_host_address, wanted_host_prefix)), .min = 8, .max = 30 },
        { "Network", "GuestAddress", "auto | ADDRESS",
          "Address of the guest; auto takes the first beside HostAddress=", "auto",
          .example = "10.0.0.2", .parse = setting_parse_guest_address,
          ON_TAP(FLAT(wanted_guest_address)) },
        { "Network", "HostAddress6", "ADDRESS/PREFIX",
          "IPv6 address of the tap device; without it the guest has no IPv6",
          .example = "fd00:0:0:1::1/64", .parse = setting_parse_host_address6,
          ON_TAP(FLAT(host_address6), FLAT(host_prefix6)), .min = 8, .max = 126 },
        { "Network", "GuestAddress6", "ADDRESS", "IPv6 address of the guest",
          .example = "fd00:0:0:1::2", .parse = setting_parse_guest_address6,
          ON_TAP(FLAT(guest_address6)) },
        { "Network", "DNS", "ADDRESS...", "Name servers passed to the guest, at most three",
          "8.8.8.8 8.8.4.4", .parse = setting_parse_dns, AT_START(SPAN(dns, n_dns)) },
        { "Network", "Uplink", "auto | INTERFACE...",
          "Internet-facing interfaces of the host; auto follows the default route", "auto",
          .example = "venet0 ppp0", .parse = setting_parse_uplinks, AT_ONCE(FLAT(uplinks)) },
        { "Network", "Uplink6", "auto | INTERFACE...",
          "The same for IPv6; auto: Uplink= if it is set, else the default route", "auto",
          .example = "he-ipv6", .parse = setting_parse_uplinks, AT_ONCE(FLAT(uplinks6)) },
        { "Network", "Transport", NULL,
          "How the kernel attaches to the tap; auto uses tuntap if the kernel has it", "auto",
          .parse = setting_parse_choice, AT_START(FLAT(transport)), CHOICES(transport_table) },
        { "Network", "ConfigureBy", NULL,
          "Who configures the guest's interface: its kernel, or its init (20 ms faster)", "kernel",
          .parse = setting_parse_choice, AT_START(FLAT(configure_by)),
          CHOICES(configure_by_table) },
        { "Network", "FastNetwork", "yes | no",
          "Make the kernel use BBR, with TCP buffers large enough for it", "yes",
          .parse = setting_parse_bool, AT_START(FLAT(fast_network)) },
        { "Network", "Masquerade", NULL,
          "Whether to replace the source address of what the guest sends by the host's", "auto",
          .parse = setting_parse_choice, AT_ONCE(FLAT(masquerade)), CHOICES(masquerade_table) },
        { "Network", "Masquerade6", NULL,
          "The same for IPv6; auto: as Masquerade=. A routed prefix needs none", "auto",
          .parse = setting_parse_choice, AT_ONCE(FLAT(masquerade6)), CHOICES(masquerade_table) },
        { "Network", "SNATAddress", "ADDRESS...",
          "Source address for what the guest sends; one for each family", .example = "203.0.113.7",
          .parse = setting_parse_snat_address, AT_ONCE(FLAT(snat_addresses)) },
        { "Network", "Forward", "FORWARD...", "Ports of the host to forward to the guest",
          .example = "tcp/8080:80 tcp/8000-8010", .parse = setting_parse_forward,
          AT_ONCE(PORTS(forwards)), .repeatable = true },
        { "Network", "Reserve", "PORTS...",
          "Ports never to forward, in addition to those guarded automatically",
          .example = "tcp/8443 tcp/9000-9010", .parse = setting_parse_reserve,
          AT_ONCE(PORTS(reserved)), .repeatable = true },
        { "Network", "Proxy", "FORWARD...",
          "TCP ports to relay in userland, where the host cannot forward", .example = "tcp/8080:80",
          .parse = setting_parse_proxy, AT_ONCE(PORTS(proxies)), .repeatable = true },
        { "Network", "OneArm", "yes | no",
          "Make forwarded connections appear to come from the host's tap address", "no",
          .parse = setting_parse_bool, AT_ONCE(FLAT(one_arm)) },
        { "Network", "HostAccess", NULL, "What the guest may reach on the host itself", "icmp",
          .parse = setting_parse_choice, AT_ONCE(FLAT(host_access)), CHOICES(host_access_table) },
        { "Network", "Reach", "no | internet link metadata neighbours NETWORK...",
          "What else the guest may connect to: any of these words, and networks", "internet",
          .example = "internet 192.168.0.0/16", .parse = setting_parse_reach,
          AT_ONCE(SPAN(reach, n_reached)) },
        { "Network", "Connections", "auto | NUMBER | no",
          "Maximum number of connections from and to the guest that the host tracks", "auto",
          .parse = setting_parse_connections, AT_ONCE(FLAT(connections)), .min = 16,
          .max = 100000000 },
        { "Network", "Bandwidth", "RATE | [in:RATE] [out:RATE]",
          "Maximum bit rate to the guest (in) and from it (out), with K, M or G",
          .example = "in:100M out:20M", .parse = setting_parse_bandwidth, AT_START(FLAT(bandwidth)),
          .min = 64000, .max = UINT64_C(32000000000) },
        { "Network", "HoldConnections", "yes | no",
          "Hold new connections while the guest is not ready, as during a restart", "yes",
          .parse = setting_parse_bool, AT_ONCE(FLAT(hold_connections)) },
        { "Network", "HoldTimeout", "TIME",
          "How long a connection is held at most; then it is dropped", "15s",
          .parse = setting_parse_span, AT_ONCE(FLAT(hold_timeout)), .min = 100 * USEC_PER_MSEC,
          .max = 5 * USEC_PER_MINUTE },
        { "Network", "Drain", "TIME",
          "How long established connections may take to finish before a requested restart", "0",
          .parse = setting_parse_span, AT_ONCE(FLAT(drain)), .max = USEC_PER_HOUR },
        { "Network", "Backend", NULL,
          "Firewall backend; auto uses the one that the host's own rules use", "auto",
          .parse = setting_parse_choice, AT_ONCE(FLAT(backend)), CHOICES(rules_backend_table) },
        { "Network", "MTU", "auto | NUMBER", "MTU of the tap; auto uses that of the uplink", "auto",
          .parse = setting_parse_mtu, AT_ONCE(FLAT(mtu)), .min = CONFIG_MTU_MIN,
          .max = CONFIG_MTU_MAX },

        /* [Memory] */
        { "Memory", "Backing", "auto | shm | private | dir:PATH",
          "Where to keep the guest's memory; auto: a tmpfs of its own, else /dev/shm", "auto",
          .parse = setting_parse_backing, AT_START(FLAT(backing), TEXT(backing_dir)) },
        { "Memory", "Balloon", NULL,
          "Take free memory back from the guest when the host runs short of memory", "no",
          .parse = setting_parse_choice, AT_ONCE(FLAT(balloon)), CHOICES(balloon_mode_table) },

        /* [Supervise] */
        { "Supervise", "Ready", NULL,
          "When the guest is ready: when its init runs, or when the guest reports it", "boot",
          .parse = setting_parse_choice, AT_START(FLAT(ready)), CHOICES(ready_when_table) },
        { "Supervise", "StartTimeout", "TIME", "How long a start may take before it counts as hung",
          "90s", .parse = setting_parse_span, AT_ONCE(FLAT(start_timeout)), .min = USEC_PER_MSEC,
          .max = SPAN_MAX },
        { "Supervise", "StopTimeout", "TIME",
          "How long a clean shutdown may take before the guest is killed", "30s",
          .parse = setting_parse_span, AT_ONCE(FLAT(stop_timeout)), .min = USEC_PER_MSEC,
          .max = SPAN_MAX },
        { "Supervise", "AdoptTimeout", "TIME",
          "How long the guest runs on after the death of umld; 0 = it dies, too", "60s",
          .parse = setting_parse_span, AT_ONCE(FLAT(adopt_timeout)), .max = USEC_PER_HOUR },
        { "Supervise", "Restart", NULL, "When to restart the guest after it has ended", "on-crash",
          .parse = setting_parse_choice, AT_ONCE(FLAT(restart)), CHOICES(restart_when_table) },
        { "Supervise", "RestartDelay", "TIME", "Delay before the first restart", "0",
          .parse = setting_parse_span, AT_ONCE(FLAT(restart_delay)), .max = SPAN_MAX },
        { "Supervise", "RestartDelayMax", "TIME",
          "Maximum delay; the delay doubles each time the guest dies soon after its start", "5min",
          .parse = setting_parse_span, AT_ONCE(FLAT(restart_delay_max)), .max = SPAN_MAX },
        { "Supervise", "RestartReset", "TIME", "A run of this length resets the delay", "10min",
          .parse = setting_parse_span, AT_ONCE(FLAT(restart_reset)), .max = SPAN_MAX },
        { "Supervise", "HangCheck", "TIME",
          "Interval of the heartbeat of the guest's kernel; 0 = off", "5s",
          .parse = setting_parse_interval, AT_ONCE(FLAT(hang_check)), .min = 100 * USEC_PER_MSEC,
          .max = SPAN_MAX },
        { "Supervise", "HangTimeout", "TIME",
          "How long the kernel may fail to respond before it counts as hung", "30s",
          .parse = setting_parse_span, AT_ONCE(FLAT(hang_timeout)), .min = 100 * USEC_PER_MSEC,
          .max = SPAN_MAX },
        { "Supervise", "Probe", "tcp/PORT | http/PORT/PATH",
          "Service in the guest to probe; the guest counts as hung if it does not answer",
          .example = "http/80/", .parse = setting_parse_probe, AT_ONCE(SPAN(probes, n_probes)),
          .repeatable = true },

        /* [Fallback] */
        { "Fallback", "Kernel", "PATH", "Another kernel, for a guest that fails to boot",
          .example = "/usr/lib/umld/linux.uml.old", .parse = setting_parse_kernel,
          AT_START(TEXT(fallback_kernel)) },
        { "Fallback", "Append", "WORDS",
          "Additional kernel arguments for the fallback, after those of [Guest]",
          .example = "single", .parse = setting_parse_append, AT_START(WORDS(fallback_append)),
          .repeatable = true },
        { "Fallback", "After", "NUMBER",
          "Number of consecutive failed boots before the fallback is used", "3",
          .parse = setting_parse_count, AT_START(FLAT(fallback_after)), .min = 1, .max = 100 },

        /* [Console] */
        { "Console", "Log", "yes | no", "Log the guest's console output", "yes",
          .parse = setting_parse_bool, AT_START(FLAT(log)) },
        { "Console", "LogMax", "SIZE", "Size at which the log is rotated", "10M",
          .parse = setting_parse_size, AT_START(FLAT(log_max)), .min = 4096, .max = TIB },
        { "Console", "LogFiles", "NUMBER", "Number of log files to keep, including the current one",
          "5", .parse = setting_parse_count, AT_START(FLAT(log_files)), .min = 1, .max = 100 },
        { "Console", "Journal", "yes | no",
          "Send console output to the host's journal as well, as messages of umld@NAME", "no",
          .parse = setting_parse_bool, AT_START(FLAT(journal)) },

        /* [Confine] */
        { "Confine", "User", "auto | root | USER",
          "User on the host that the guest runs as; auto allocates one for each guest", "auto",
          .parse = setting_parse_user, AT_START(TEXT(user)) },
        { "Confine", "DropCapabilities", "yes | no", "Start the kernel without any capabilities",
          "yes", .parse = setting_parse_bool, AT_START(FLAT(layers[CONFINE_CAPABILITIES])) },
        { "Confine", "NoNewPrivileges", "yes | no",
          "Keep the kernel from gaining privileges by set-user-ID programs", "yes",
          .parse = setting_parse_bool, AT_START(FLAT(layers[CONFINE_NO_NEW_PRIVILEGES])) },
        { "Confine", "PrivatePIDs", "yes | no",
          "Run the kernel in a PID namespace, where it sees no processes but its own", "yes",
          .parse = setting_parse_bool, AT_START(FLAT(layers[CONFINE_PID_NAMESPACE])) },
        { "Confine", "PrivateIPC", "yes | no",
          "Run the kernel in an IPC namespace, without the host's System V objects", "yes",
          .parse = setting_parse_bool, AT_START(FLAT(layers[CONFINE_IPC_NAMESPACE])) },
        { "Confine", "ProtectHostname", "yes | no",
          "Run the kernel in a UTS namespace, where it does not see the host's name", "yes",
          .parse = setting_parse_bool, AT_START(FLAT(layers[CONFINE_UTS_NAMESPACE])) },
        { "Confine", "PrivateNetwork", "yes | no",
          "Run the kernel in an empty network namespace, with access to its tap only", "yes",
          .parse = setting_parse_bool, AT_START(FLAT(layers[CONFINE_NETWORK_NAMESPACE])) },
        { "Confine", "PrivateRoot", "yes | no",
          "Run the kernel in a root directory that holds only what it needs", "yes",
          .parse = setting_parse_bool, AT_START(FLAT(layers[CONFINE_ROOT])) },
        { "Confine", "ControlGroup", "yes | no", "Run the guest's processes in a cgroup", "yes",
          .parse = setting_parse_bool, AT_START(FLAT(layers[CONFINE_CGROUP])) },
        { "Confine", "MemoryLimit", "yes | no",
          "Limit the memory of all of the guest's processes together", "yes",
          .parse = setting_parse_bool, AT_START(FLAT(layers[CONFINE_MEMORY])) },
        { "Confine", "NotDumpable", "yes | no",
          "Keep other processes of the guest's user from reading the kernel's memory", "yes",
          .parse = setting_parse_bool, AT_START(FLAT(layers[CONFINE_NOT_DUMPABLE])) },
        { "Confine", "Seccomp", NULL,
          "Filter the kernel's system calls; log only logs what would be refused", "yes",
          .parse = setting_parse_choice, AT_START(FLAT(seccomp)), CHOICES(seccomp_table) },
        { "Confine", "Limits", "yes | no",
          "Limit the kernel's resources, according to its memory and disks", "yes",
          .parse = setting_parse_bool, AT_START(FLAT(layers[CONFINE_LIMITS])) },
        { "Confine", "Required", "LAYER...",
          "Layers without which the guest is not started; umld(8) lists all layers",
          .example = "user pid-namespace", .parse = setting_parse_required,
          AT_START(FLAT(required)), .repeatable = true },

        /* [Notify] */
        { "Notify", "Command", "PATH [ARGUMENT...]",
          "Program to run when the guest or a condition changes state, or on a crash",
          .example = "/usr/local/bin/tell-admin --short", .parse = setting_parse_command,
          AT_ONCE(WORDS(notify_command)) },
        { "Notify", "User", "USER", "User on the host that the command runs as", "nobody",
          .parse = setting_parse_notify_user, AT_ONCE(TEXT(notify_user)) },
        { "Notify", "Timeout", "TIME", "How long the command may run before it is killed", "30s",
          .parse = setting_parse_span, AT_ONCE(FLAT(notify_timeout)), .min = 100 * USEC_PER_MSEC,
          .max = USEC_PER_HOUR },
};

const Setting *settings_table(size_t *ret_n) {
        *ret_n = ARRAY_SIZE(settings);
        return settings;
}

const Setting *setting_find(const char *section, const char *key) {
        FOREACH_ELEMENT (s, settings)
                if (streq(s->section, section) && streq(s->key, key))
                        return s;
        return NULL;
}
