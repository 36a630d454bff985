/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The features of a UML kernel. */

#include "basic/cleanup.h"
#include "basic/string-util.h"

typedef struct UmlKernel {
        char *path;
        char *release; /* "6.1.176" */
        unsigned major, minor;
        bool tuntap, vector; /* transports */
        bool ip_pnp;         /* ip= configures the network */
        bool smp;            /* ncpus= is supported */
        bool ipv6_module;    /* IPv6 is there once the guest has loaded its module */
        bool bbr, fq;        /* BBR congestion control, fq scheduler: built in or module */
        bool syncookies;
        bool proc_sysctl;     /* has sysctls */
        bool seccomp;         /* supports seccomp=on */
        bool raid6_benchmark; /* runs the RAID6 benchmark, which takes most of its boot time */
        bool whole_cpu_state; /* tools/build-kernel has built the CPU-state fix into it */
        bool static_linked;   /* static, so nothing can be preloaded into it */
        Strv modules; /* those that FastNetwork= needs and that are not built in: "tcp_bbr" */
        Strv known;   /* names that uml_kernel_knows() has found */
} UmlKernel;

UmlKernel *uml_kernel_free(UmlKernel *k);
DEFINE_CLEANUP(UmlKernel *, uml_kernel_free)

/* Does the kernel have a parameter of that name (without "=" and what follows)? It is searched
 * among the strings of the file, which include the names of all parameters, unless it was found
 * before. 1 = yes, 0 = no. */
int uml_kernel_knows(UmlKernel *k, const char *name, size_t len);

/* Does it accept sysctl.NAME=VALUE as an argument? Pure. */
bool uml_kernel_takes_sysctls(const UmlKernel *k);

/* Pure: does the kernel need the CPU-state workaround on a CPU whose extended state (CPUID leaf
 * 0xD, sub-leaf 0, EBX) has that many bytes? Its version tells, unless it has the fix built in. */
bool uml_kernel_needs_cpu_fix(const UmlKernel *k, unsigned xstate_size);

/* The size of this CPU's extended state as enabled by the host's kernel; 0 if the CPU has no XSAVE.
 */
unsigned cpu_xstate_size(void);
