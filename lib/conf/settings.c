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
static const char *const memory_backing_table[] = {
        [BACKING_AUTO] = "auto",
        [BACKING_SHM] = "shm",
        [BACKING_PRIVATE] = "private",
        [BACKING_DIR] = "dir",
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
static const char *const cpu_affinity_table[] = {
        [CPU_AFFINITY_AUTO] = "auto",
        [CPU_AFFINITY_ANY] = "any",
};

DEFINE_STRING_TABLE(transport, Transport, TRANSPORT_MAX);
DEFINE_STRING_TABLE(masquerade, Masquerade, MASQUERADE_MAX);
DEFINE_STRING_TABLE(host_access, HostAccess, HOST_ACCESS_MAX);
DEFINE_STRING_TABLE(rules_backend, RulesBackend, RULES_BACKEND_MAX);
DEFINE_STRING_TABLE(memory_backing, MemoryBacking, MEMORY_BACKING_MAX);
DEFINE_STRING_TABLE(balloon_mode, BalloonMode, BALLOON_MODE_MAX);
DEFINE_STRING_TABLE(ready_when, ReadyWhen, READY_WHEN_MAX);
DEFINE_STRING_TABLE(restart_when, RestartWhen, RESTART_WHEN_MAX);
DEFINE_STRING_TABLE(cpu_affinity, CpuAffinity, CPU_AFFINITY_MAX);

static_assert(sizeof(Transport) == sizeof(int) && sizeof(Masquerade) == sizeof(int) &&
                      sizeof(HostAccess) == sizeof(int) && sizeof(ConfigureBy) == sizeof(int) &&
                      sizeof(RulesBackend) == sizeof(int) && sizeof(ReadyWhen) == sizeof(int) &&
                      sizeof(RestartWhen) == sizeof(int) && sizeof(BalloonMode) == sizeof(int) &&
                      sizeof(CpuAffinity) == sizeof(int),
              "setting_parse_choice() stores an int");

/* What there is one of so far, beside auto. */
static const char *const root_choices[] = { "disk" };

#define CHOICES(table) .choices = (table), .n_choices = ARRAY_SIZE(table)
#define FIELD(member)  .offset = offsetof(Config, member)

#define MIB      (UINT64_C(1) << 20)
#define TIB      (UINT64_C(1) << 40)
#define SPAN_MAX (USEC_PER_HOUR * 24 * 365)

static const Setting settings[] = {
        /* [Guest] */
        { "Guest", "Kernel", "PATH", "The UML kernel to run", "/usr/bin/linux.uml",
          .parse = setting_parse_kernel, FIELD(kernel) },
        { "Guest", "Memory", "SIZE", "RAM of the guest, 32M or more", "64M",
          .parse = setting_parse_size, FIELD(memory), .min = 32 * MIB, .max = TIB },
        { "Guest", "CPUs", "NUMBER",
          "Processors of the guest, where its kernel can have more than one", "1",
          .parse = setting_parse_count, FIELD(cpus), .min = 1, .max = 64 },
        { "Guest", "CPUAffinity", NULL,
          "Keep a guest of one processor on one of the host's, where it is faster", "auto",
          .parse = setting_parse_choice, FIELD(cpu_affinity), CHOICES(cpu_affinity_table) },
        { "Guest", "Disk", "PATH[,ro][,sync][,cow=FILE]",
          "Disk images: the first is ubda, the next ubdb, and so on", "STATE/NAME/root.img",
          .example = "/var/lib/umld/web/root.img", .parse = setting_parse_disk,
          .default_from = DEFAULT_DISK, .repeatable = true },
        { "Guest", "Root", NULL, "What the guest boots from", "disk", .parse = setting_check_choice,
          CHOICES(root_choices), .later = "hostfs:" },
        { "Guest", "Append", "WORDS", "More arguments for the kernel, quoted as in a shell",
          .example = "systemd.log_level=debug", .parse = setting_parse_append, FIELD(append),
          .repeatable = true },
        { "Guest", "FastBoot", "yes | no",
          "Skip the calibration and the RAID benchmark that make a boot slow", "yes",
          .parse = setting_parse_bool, FIELD(fast_boot) },
        { "Guest", "DiskSync", "TIME",
          "How often the images are made durable on the host; 0 = only at the guest's end", "5s",
          .parse = setting_parse_interval, FIELD(disk_sync), .min = 100 * USEC_PER_MSEC,
          .max = SPAN_MAX },
        { "Guest", "Hostname", "TEXT", "The host name that is handed to the guest", "NAME",
          .example = "www.example.org", .parse = setting_parse_hostname, .max = 64,
          .default_from = DEFAULT_NAME },

        /* [Network] */
        { "Network", "Tap", "INTERFACE", "Name of the tap device on the host", "tap0",
          .parse = setting_parse_ifname, FIELD(tap) },
        { "Network", "HostAddress", "ADDRESS/PREFIX",
          "Address of the tap device, and with it the guest's network", "10.0.0.1/24",
          .parse = setting_parse_host_address, .min = 8, .max = 30 },
        { "Network", "GuestAddress", "ADDRESS", "Address of the guest", "10.0.0.2",
          .parse = setting_parse_guest_address },
        { "Network", "HostAddress6", "ADDRESS/PREFIX",
          "IPv6 address of the tap device; without it the guest has no IPv6",
          .example = "fd00:0:0:1::1/64", .parse = setting_parse_host_address6, .min = 8,
          .max = 126 },
        { "Network", "GuestAddress6", "ADDRESS", "IPv6 address of the guest",
          .example = "fd00:0:0:1::2", .parse = setting_parse_guest_address6 },
        { "Network", "DNS", "ADDRESS...", "Name servers that are handed to the guest, up to three",
          "8.8.8.8 8.8.4.4", .parse = setting_parse_dns },
        { "Network", "Uplink", "auto | INTERFACE",
          "The host's interface to the Internet; auto follows the default route", "auto",
          .parse = setting_parse_uplink, FIELD(uplink) },
        { "Network", "Transport", NULL,
          "How the kernel attaches to the tap; auto takes tuntap where the kernel has it", "auto",
          .parse = setting_parse_choice, FIELD(transport), CHOICES(transport_table) },
        { "Network", "ConfigureBy", NULL,
          "Who sets up the guest's interface: its kernel, or its init, which saves 20 ms", "kernel",
          .parse = setting_parse_choice, FIELD(configure_by), CHOICES(configure_by_table) },
        { "Network", "Masquerade", NULL,
          "Whether what the guest sends leaves with the host's address", "auto",
          .parse = setting_parse_choice, FIELD(masquerade), CHOICES(masquerade_table) },
        { "Network", "Forward", "FORWARD...", "Ports of the host that lead to the guest",
          .example = "tcp/8080:80 tcp/8000-8010", .parse = setting_parse_forward,
          .repeatable = true },
        { "Network", "Reserve", "PORTS...",
          "Ports that are never forwarded, beside those guarded by themselves",
          .example = "tcp/8443 tcp/9000-9010", .parse = setting_parse_reserve, .repeatable = true },
        { "Network", "Proxy", "FORWARD...",
          "TCP ports that are relayed by a program where the host cannot forward",
          .example = "tcp/8080:80", .parse = setting_parse_proxy, .repeatable = true },
        { "Network", "OneArm", "yes | no",
          "Let forwarded connections seem to come from the host's tap address", "no",
          .parse = setting_parse_bool, FIELD(one_arm) },
        { "Network", "HostAccess", NULL, "What of the host itself the guest may reach", "icmp",
          .parse = setting_parse_choice, FIELD(host_access), CHOICES(host_access_table) },
        { "Network", "Backend", NULL,
          "What makes the host's rules; auto goes by what the host itself uses", "auto",
          .parse = setting_parse_choice, FIELD(backend), CHOICES(rules_backend_table) },
        { "Network", "MTU", "auto | NUMBER", "Largest packet on the tap; auto takes the uplink's",
          "auto", .parse = setting_parse_mtu, FIELD(mtu), .min = CONFIG_MTU_MIN,
          .max = CONFIG_MTU_MAX },

        /* [Memory] */
        { "Memory", "Backing", "auto | shm | private | dir:PATH",
          "Where the guest's RAM lies; auto: /dev/shm, else a tmpfs of its own", "auto",
          .parse = setting_parse_backing },
        { "Memory", "Balloon", NULL,
          "Take free memory back from the guest when the host runs short", "no",
          .parse = setting_parse_choice, FIELD(balloon), CHOICES(balloon_mode_table) },

        /* [Supervise] */
        { "Supervise", "Ready", NULL,
          "When the guest counts as up: its kernel answers, or the guest says so itself", "boot",
          .parse = setting_parse_choice, FIELD(ready), CHOICES(ready_when_table) },
        { "Supervise", "StartTimeout", "TIME",
          "How long a start may take until it is taken for hung", "90s",
          .parse = setting_parse_span, FIELD(start_timeout), .min = USEC_PER_MSEC,
          .max = SPAN_MAX },
        { "Supervise", "StopTimeout", "TIME",
          "How long a clean shutdown may take until the guest is killed", "30s",
          .parse = setting_parse_span, FIELD(stop_timeout), .min = USEC_PER_MSEC, .max = SPAN_MAX },
        { "Supervise", "Restart", NULL, "Which ends of the guest are followed by a new start",
          "on-crash", .parse = setting_parse_choice, FIELD(restart), CHOICES(restart_when_table) },
        { "Supervise", "RestartDelay", "TIME", "Pause before the first restart", "0",
          .parse = setting_parse_span, FIELD(restart_delay), .max = SPAN_MAX },
        { "Supervise", "RestartDelayMax", "TIME",
          "Longest pause, reached by doubling when the guest keeps dying", "5min",
          .parse = setting_parse_span, FIELD(restart_delay_max), .max = SPAN_MAX },
        { "Supervise", "RestartReset", "TIME", "A run of this length forgets the deaths before it",
          "10min", .parse = setting_parse_span, FIELD(restart_reset), .max = SPAN_MAX },
        { "Supervise", "HangCheck", "TIME",
          "How often the guest's kernel is asked for a sign of life; 0 = never", "5s",
          .parse = setting_parse_interval, FIELD(hang_check), .min = 100 * USEC_PER_MSEC,
          .max = SPAN_MAX },
        { "Supervise", "HangTimeout", "TIME", "How long it may stay silent until it counts as hung",
          "30s", .parse = setting_parse_span, FIELD(hang_timeout), .min = 100 * USEC_PER_MSEC,
          .max = SPAN_MAX },
        { "Supervise", "Probe", "tcp/PORT | http/PORT/PATH",
          "A service in the guest that must answer", .example = "http/80/",
          .parse = setting_parse_probe, .repeatable = true },

        /* [Fallback] */
        { "Fallback", "Kernel", "PATH", "Another kernel, for a guest that does not come up",
          .example = "/usr/lib/umld/linux.uml.old", .parse = setting_parse_kernel,
          FIELD(fallback_kernel) },
        { "Fallback", "Append", "WORDS", "Arguments for the kernel then, behind those of [Guest]",
          .example = "single", .parse = setting_parse_append, FIELD(fallback_append),
          .repeatable = true },
        { "Fallback", "After", "NUMBER", "After how many failed boots in a row", "3",
          .parse = setting_parse_count, FIELD(fallback_after), .min = 1, .max = 100 },

        /* [Console] */
        { "Console", "Log", "yes | no", "Keep what the guest prints on its console", "yes",
          .parse = setting_parse_bool, FIELD(log) },
        { "Console", "LogMax", "SIZE", "Size at which a new log file is begun", "10M",
          .parse = setting_parse_size, FIELD(log_max), .min = 4096, .max = TIB },
        { "Console", "LogFiles", "NUMBER",
          "How many log files are kept, with the one being written", "5",
          .parse = setting_parse_count, FIELD(log_files), .min = 1, .max = 100 },
        { "Console", "Journal", "yes | no",
          "Send it to the host's journal as well, as messages of umld@NAME", "no",
          .parse = setting_parse_bool, FIELD(journal) },

        /* [Confine] */
        { "Confine", "User", "auto | root | USER",
          "The host's user that the guest runs as; auto makes one for each guest", "auto",
          .parse = setting_parse_user },
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
