/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The names used on a guest's private bus socket (RUNTIME/NAME/bus), by both sides.
 *
 * Interface io.umld.Guest1 at /io/umld/guest. Whoever may open the socket (root and group umld) may
 * read properties and call OpenConsole; only root may call the other methods. A user has at most 16
 * connections, a request 64 KiB and no descriptors; who does not read the replies is closed. A
 * method returns when the request has been accepted; progress is seen in State and in the signal
 * StateChanged. Times are CLOCK_REALTIME microseconds, 0 = never or none. */

#include <stdint.h>

#define UMLD_BUS_PATH      "/io/umld/guest"
#define UMLD_BUS_INTERFACE "io.umld.Guest1"

/* Properties: name, D-Bus type */
#define UMLD_PROP_NAME        "Name"       /* s */
#define UMLD_PROP_STATE       "State"      /* s, GuestState */
#define UMLD_PROP_WANTED      "Wanted"     /* s, GuestWanted */
#define UMLD_PROP_STATUS_TEXT "StatusText" /* s, one sentence: what is happening and why */
#define UMLD_PROP_WAITING_FOR                                                                      \
        "WaitingFor"                         /* s, what umld cannot continue without, "" = nothing \
                                              */
#define UMLD_PROP_PID            "Pid"       /* u, main process of the guest's kernel, 0 = none */
#define UMLD_PROP_DAEMON_PID     "DaemonPid" /* u */
#define UMLD_PROP_DAEMON_VERSION "DaemonVersion" /* s */
#define UMLD_PROP_SINCE          "Since"         /* t, when State was entered */
#define UMLD_PROP_STARTED        "Started"       /* t, exec of the running kernel */
#define UMLD_PROP_NEXT_START     "NextStart"     /* t, end of the back-off */
#define UMLD_PROP_RESTARTS       "Restarts"      /* u, since umld started */
#define UMLD_PROP_ADOPTED        "Adopted"       /* u, deaths of umld that the guest has outlived */
#define UMLD_PROP_REEXECS        "Reexecs"       /* u, upgrades of umld under the running guest */
#define UMLD_PROP_HEALTH         "Health"        /* s, GuestHealth */
#define UMLD_PROP_LATENCY        "Latency" /* t, microseconds that the last response took, 0 = none */
#define UMLD_PROP_GUEST_CONGESTION                                                                 \
        "GuestCongestionControl" /* s, as the guest says, as the next four; "" = not known */
#define UMLD_PROP_GUEST_QDISC     "GuestQdisc"           /* s, its default one */
#define UMLD_PROP_GUEST_LOAD      "GuestLoad"            /* s, its three load averages */
#define UMLD_PROP_GUEST_MEMORY    "GuestMemory"          /* t, bytes in all, 0 = not known */
#define UMLD_PROP_GUEST_AVAILABLE "GuestMemoryAvailable" /* t, bytes of it */
#define UMLD_PROP_PROFILE         "Profile"              /* s, normal or fallback */
#define UMLD_PROP_FALLBACK_WHY    "FallbackWhy" /* s, why the fallback is active, "" = it is not */
#define UMLD_PROP_PROBE_STATE                                                                      \
        "ProbeState" /* s, worst of all probes: waiting, good, cannot be asked, failing; "" */
#define UMLD_PROP_PROBE_LATENCY    "ProbeLatency" /* t, microseconds of the slowest last response */
#define UMLD_PROP_PROBES           "Probes"       /* a{ss}, probe -> state of its service */
#define UMLD_PROP_LAST_VERDICT     "LastVerdict"  /* s, Verdict */
#define UMLD_PROP_LAST_DETAIL      "LastDetail"   /* s */
#define UMLD_PROP_LAST_WHEN        "LastWhen"     /* t */
#define UMLD_PROP_KERNEL_PATH      "KernelPath"   /* s */
#define UMLD_PROP_KERNEL_VERSION   "KernelVersion"   /* s */
#define UMLD_PROP_KERNEL_TRANSPORT "KernelTransport" /* s, tuntap or vector */
#define UMLD_PROP_KERNEL_CPU                                                                       \
        "KernelCpu" /* s, CPU of the host that the guest is pinned to; "" = any */
#define UMLD_PROP_KERNEL_CPU_FIX "KernelCpuFix"  /* s, preloaded, not-needed or unavailable */
#define UMLD_PROP_MEMORY_SIZE    "MemorySize"    /* t, bytes */
#define UMLD_PROP_MEMORY_BACKING "MemoryBacking" /* s, shm, private or dir */
#define UMLD_PROP_MEMORY_PATH    "MemoryPath"    /* s */
#define UMLD_PROP_MEMORY_USED                                                                      \
        "MemoryUsed" /* t, bytes of the host's memory used by the guest's memory file */
#define UMLD_PROP_MEMORY_PEAK    "MemoryPeak"    /* t, maximum of that since the kernel started */
#define UMLD_PROP_MEMORY_BALLOON "MemoryBalloon" /* t, bytes that the balloon holds */
#define UMLD_PROP_MEMORY_PRESSURE                                                                  \
        "MemoryPressure"                         /* s, why memory may run out, "" = it will not    \
                                                  */
#define UMLD_PROP_MEMORY_REFUSED "MemoryRefused" /* s, backings that the host refused, and why */
#define UMLD_PROP_DISKS_SYNCED                                                                     \
        "DisksSynced"                  /* t, everything written until then is on the host's disk */
#define UMLD_PROP_TAP            "Tap" /* s */
#define UMLD_PROP_HOST_ADDRESS   "HostAddress"   /* s, ADDRESS/PREFIX */
#define UMLD_PROP_GUEST_ADDRESS  "GuestAddress"  /* s */
#define UMLD_PROP_HOST_ADDRESS6  "HostAddress6"  /* s, ADDRESS/PREFIX, "" = the guest has no IPv6 */
#define UMLD_PROP_GUEST_ADDRESS6 "GuestAddress6" /* s */
#define UMLD_PROP_UPLINK         "Uplink"        /* s */
#define UMLD_PROP_UPLINK6        "Uplink6"       /* s, for IPv6; empty: the guest has no IPv6 */
#define UMLD_PROP_MASQUERADE     "Masquerade" /* s, as in the configuration; auto until it is known */
#define UMLD_PROP_BACKEND        "Backend"    /* s, iptables or nftables; auto until it is known */
#define UMLD_PROP_BACKEND_REASON "BackendReason" /* s, why this one */
#define UMLD_PROP_MTU            "MTU"           /* u, of the tap, 0 = not known yet */
#define UMLD_PROP_CONDITIONS     "Conditions" /* a(ssss), name, state, sentence and remedy of each */
#define UMLD_PROP_WARNINGS       "Warnings"   /* as, those that are not as they should be */
#define UMLD_PROP_LACKING        "Lacking" /* as, features that the host lacks, and the consequences */
#define UMLD_PROP_HOST_ACCESS    "HostAccess" /* s, what the guest may reach on the host itself */
#define UMLD_PROP_REACH                                                                            \
        "Reach" /* s, where else the guest may connect to, as in the configuration */
#define UMLD_PROP_CONNECTIONS                                                                      \
        "Connections" /* s, the most that it may have, or no; auto until it is known */
#define UMLD_PROP_REVERSE_PATH                                                                     \
        "ReversePathFilter" /* s, of the tap: strict, loose or off; "" = not known */
#define UMLD_PROP_RULE_REPAIRS "RuleRepairs" /* u, since umld started */
#define UMLD_PROP_FORWARDS     "Forwards"    /* as, in the syntax of Forward= */
#define UMLD_PROP_PROXIES      "Proxies"     /* as, "PORT (state)": relayed in userland */
#define UMLD_PROP_GUARDED      "Guarded"     /* as, "PORTS (why)": never forwarded */
#define UMLD_PROP_HELD_NOW     "HeldNow"     /* u, new connections that wait for the guest */
#define UMLD_PROP_HELD_TOTAL   "HeldTotal"   /* t, that have waited since umld started */
#define UMLD_PROP_HELD_DROPPED "HeldDropped" /* t, that have waited in vain, or could not wait */
#define UMLD_PROP_UNCONFIRMED                                                                      \
        "Unconfirmed" /* s, of the last reload: pending, taken-back (reverted) or "" */
#define UMLD_PROP_CONFIRM_UNTIL "ConfirmUntil" /* t, when it will be reverted */
#define UMLD_PROP_CONFINEMENT   "Confinement"  /* a{ss}, layer -> on, off or refused, and why */
#define UMLD_PROP_CONSOLE_LOG   "ConsoleLog"   /* s, path */

/* Methods; they have no arguments and results unless stated */
#define UMLD_METHOD_START                                                                          \
        "Start" /* start at once: ends a back-off; does nothing if the guest is running */
#define UMLD_METHOD_STOP    "Stop"    /* clean shutdown, then umld ends */
#define UMLD_METHOD_RESTART "Restart" /* clean shutdown, then start */
#define UMLD_METHOD_KILL    "Kill"    /* kill the guest, then umld ends */
#define UMLD_METHOD_RELOAD                                                                         \
        "Reload" /* read the configuration again and apply what can change while the guest runs */

/* ReloadConfirm(t time): the same, reverted after that many microseconds unless Confirm() is called
 * first. Until then Reload() is refused, unless the file is as it was before. */
#define UMLD_METHOD_RELOAD_CONFIRM "ReloadConfirm"
#define UMLD_METHOD_CONFIRM        "Confirm"
#define UMLD_CONFIRM_MIN           UINT64_C(1000000)
#define UMLD_CONFIRM_MAX           (24 * 3600 * UINT64_C(1000000))

/* Executes the program of umld that is there now, which takes the running guest over. The answer
 * comes just before that, when the program has said that it can; the connection ends then. */
#define UMLD_METHOD_REEXEC "Reexec"

/* Guard(s connection): the caller's SSH_CONNECTION, whose port is never forwarded from now on */
#define UMLD_METHOD_GUARD "Guard"

/* Balloon(x bytes) -> (t before, t after, t held): takes this many bytes of free memory from the
 * guest and gives them to the host; a negative number returns them. before and after: MemoryUsed;
 * held: MemoryBalloon. */
#define UMLD_METHOD_BALLOON "Balloon"

/* Read(as names) -> (a{sv} properties): those of these names; who shows many guests in a line each
 * spares umld the others. Names that umld does not know are left out. */
#define UMLD_METHOD_READ "Read"

/* Counters() -> (a{sv} figures): what changes all the time, or takes umld some work, for a
 * monitoring system. Times are in microseconds; those of a kind since umld started. */
#define UMLD_METHOD_COUNTERS           "Counters"
#define UMLD_COUNTER_DAEMON_CPU        "DaemonCpu" /* t, umld's own CPU time */
#define UMLD_COUNTER_DOWN_TIME         "DownTime"  /* t, time in which the guest was not ready */
#define UMLD_COUNTER_PROMISED          "MemoryPromised" /* t, bytes that the guest may use at most */
#define UMLD_COUNTER_BACKING_SIZE      "BackingSize" /* t, bytes of the file system of its memory */
#define UMLD_COUNTER_BACKING_AVAILABLE "BackingAvailable"   /* t, and those that are free */
#define UMLD_COUNTER_CONNECTIONS       "TrackedConnections" /* t, that the host tracked a while ago */
#define UMLD_COUNTER_CONNECTIONS_LIMIT "ConnectionsLimit"   /* t, 0 = any number */
#define UMLD_COUNTER_RESTARTS          "RestartsByVerdict" /* a(st) */
#define UMLD_COUNTER_LATENCIES         "Latencies" /* a(tt), upper bound and number of heartbeats */
#define UMLD_COUNTER_LATENCY_SUM       "LatencySum" /* t */
#define UMLD_COUNTER_DISKS                                                                         \
        "Disks" /* a(stttt), name, bytes of the image and allocated ones, of its file system and   \
                   those that are free */
#define UMLD_COUNTER_FORWARDS                                                                      \
        "ForwardCounts" /* a(stt), forward, packets and bytes of its rules                         \
                         */

/* History() -> (a(tttt) samples): what the guest used in the last hour, from the oldest sample on,
 * one for each ten seconds in which it was running: CLOCK_REALTIME, MemoryUsed, and the bytes that
 * the guest received and sent per second since the sample before. */
#define UMLD_METHOD_HISTORY "History"

/* Signal MemoryPressureChanged(s old, s new, s why); none, tight or short */
#define UMLD_SIGNAL_MEMORY_PRESSURE "MemoryPressureChanged"

/* Signal ConditionChanged(s name, s state, s why); what the guest's network relies on */
#define UMLD_SIGNAL_CONDITION "ConditionChanged"

/* Mconsole(s command, b force) -> (i error, s text, b whole): sends a command to the kernel's
 * management console. error: 0 success, 1 the kernel refused, else a negative errno; text:
 * printable UTF-8, newlines and tabs; whole: false if the end of the reply was lost. force: allow
 * commands that are known to kill this kernel. */
#define UMLD_METHOD_MCONSOLE "Mconsole"

/* ExplainPort(s port) -> (s works, s verdict, a(sss) checks): does this port of the host,
 * "tcp/443", reach a service in the guest for strangers? works: yes, no or unknown; verdict: one
 * sentence. Each check is its name, its result (yes = as it should be, no, or unknown) and a
 * sentence. It makes a connection to the port. */
#define UMLD_METHOD_EXPLAIN_PORT "ExplainPort"

/* OpenConsole(b read_only, b force, q rows, q columns) -> h: attaches to the console and returns a
 * descriptor that speaks api/console-protocol.h. force: takes the keyboard from whoever has it,
 * which only root may.
 * Rows and columns are those of the caller's terminal, 0 = none. */
#define UMLD_METHOD_OPEN_CONSOLE "OpenConsole"

/* Signal StateChanged(s old, s new, s why) */
#define UMLD_SIGNAL_STATE_CHANGED "StateChanged"

/* Errors in addition to those of D-Bus */
#define UMLD_ERROR_BUSY       "io.umld.Error.Busy" /* not in this state */
#define UMLD_ERROR_BAD_CONFIG "io.umld.Error.BadConfiguration"
#define UMLD_ERROR_FAILED     "io.umld.Error.Failed"
