/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fast-network.c - THE table of the TCP sysctls that FastNetwork=yes passes to the guest's kernel.
 *
 * A kernel derives its TCP limits from its memory size. With 64M a connection may have 430 KiB in
 * flight, which is 14 Mbit/s at a round-trip time of 100 ms. Passing larger limits as kernel
 * arguments works with any image; the image's own sysctl.conf is applied later and wins.
 *
 * The kernel applies the arguments just before it starts init, with the root file system mounted.
 * So where BBR and fq are modules, it loads them with the image's modprobe. If the image does not
 * have them, it prints an error on the console and keeps its defaults. */

#include <inttypes.h>
#include <stdio.h>

#include "daemon/boot/fast-network.h"

#define MIB       (UINT64_C(1) << 20)
#define PAGE_SIZE UINT64_C(4096)

enum {
        VALUE_MAX = 80,
};

typedef struct Row {
        const char *sysctl;
        const char *value;                       /* the same for every guest … */
        void (*scale)(uint64_t memory, char *s); /* or, if it depends on the guest's memory,
                                                    computes it; VALUE_MAX bytes */
        size_t needs; /* offset of the UmlKernel flag for the feature; 0 = always there */
} Row;

/* What is sent is kept until all before it has arrived, which after a loss takes another round
 * trip, and counts with what the kernel needs to keep it: three times the bandwidth-delay product.
 * So 32M is enough for 1 Gbit/s at 80 ms or 400 Mbit/s at 200 ms. Recent kernels choose the same
 * maximum for receiving themselves from 4G of memory on. */
static uint64_t buffer_max(uint64_t memory) {
        return MIN(memory / 4, 32 * MIB);
}

/* Minimum and initial sizes are the kernel's defaults. */
static void scale_send(uint64_t memory, char *s) {
        snprintf(s, VALUE_MAX, "\"4096 16384 %" PRIu64 "\"", buffer_max(memory));
}

static void scale_receive(uint64_t memory, char *s) {
        snprintf(s, VALUE_MAX, "\"4096 131072 %" PRIu64 "\"", buffer_max(memory));
}

/* In pages, for all sockets together: below the first number nothing is restricted, above the
 * second the kernel shrinks buffers, the third is the hard limit. The kernel's defaults are 5, 6
 * and 9 percent of memory. In a guest with 64M a single fast connection exceeds them, and having
 * its buffers shrunk repeatedly costs it a third of its rate. So buffers are shrunk from an eighth
 * of the memory on, but not those of a single connection. */
static void scale_memory(uint64_t memory, char *s) {
        uint64_t pages = MAX(memory / 8, buffer_max(memory)) / PAGE_SIZE;

        snprintf(s, VALUE_MAX, "\"%" PRIu64 " %" PRIu64 " %" PRIu64 "\"", pages / 2, pages,
                 pages / 2 * 3);
}

/* The number of connections that may wait for accept(), and of those in the middle of their
 * handshake: about 300 bytes each, so at most half a percent of the memory. The kernel uses the
 * smaller of the two, rounded up to a power of two, so both are the same. */
static void scale_backlog(uint64_t memory, char *s) {
        uint64_t n = 256;

        while (n < 4096 && n * 2 <= memory / MIB * 16)
                n *= 2;
        snprintf(s, VALUE_MAX, "%" PRIu64, n);
}

#define NEEDS(flag) .needs = offsetof(UmlKernel, flag)

static const Row rows[] = {
        /* Paces the packets of each connection, as BBR requires, cheaper than with one timer per
         * connection. Applies to interfaces that are brought up later. */
        { "net.core.default_qdisc", "fq", NEEDS(fq) },
        /* Does not take loss for congestion: 40 times as fast as CUBIC at 100 ms and 1 % loss. */
        { "net.ipv4.tcp_congestion_control", "bbr", NEEDS(bbr) },
        { "net.ipv4.tcp_wmem", .scale = scale_send },
        { "net.ipv4.tcp_rmem", .scale = scale_receive },
        { "net.ipv4.tcp_mem", .scale = scale_memory },
        /* Without it a program fills the whole send buffer, most of which is not in flight yet;
         * this bounds the unsent part, and so the memory that slow clients tie up. */
        { "net.ipv4.tcp_notsent_lowat", "262144" },
        { "net.core.somaxconn", .scale = scale_backlog },
        { "net.ipv4.tcp_max_syn_backlog", .scale = scale_backlog },
        /* Accept connections even when the backlog is full. */
        { "net.ipv4.tcp_syncookies", "1", NEEDS(syncookies) },
        /* Lets returning clients send data with their SYN; 1 = as client, 2 = as server. Programs
         * have to ask for it. */
        { "net.ipv4.tcp_fastopen", "3" },
        /* Try smaller packets when large ones get lost without an ICMP error (an MTU black hole);
         * otherwise without effect. */
        { "net.ipv4.tcp_mtu_probing", "1" },
};

/* Is word "sysctl.NAME=…"? The kernel accepts slashes in place of the dots. */
static bool is_about(const char *word, const char *name) {
        const char *p = startswith(word, "sysctl");

        if (!p || (*p != '.' && *p != '/'))
                return false;
        for (p++; *name; p++, name++)
                if (*p != *name && !(*p == '/' && *name == '.'))
                        return false;
        return *p == '=';
}

static bool said_by_user(const Config *c, const char *name) {
        const char *word;

        for (size_t i = 0; (word = config_argument(c, i)); i++)
                if (is_about(word, name))
                        return true;
        return false;
}

static bool kernel_has(const UmlKernel *k, const Row *row) {
        return row->needs == 0 || *(const bool *) ((const char *) k + row->needs);
}

int fast_network_arguments(const Config *c, const UmlKernel *k, Strv *argv) {
        if (!c->fast_network || !uml_kernel_takes_sysctls(k))
                return 0;
        FOREACH_ELEMENT (row, rows) {
                char value[VALUE_MAX];
                int r;

                if (!kernel_has(k, row) || said_by_user(c, row->sysctl))
                        continue;
                if (row->scale)
                        row->scale(c->memory, value);
                else
                        snprintf(value, sizeof(value), "%s", row->value);
                r = strv_pushf(argv, "sysctl.%s=%s", row->sysctl, value);
                if (r < 0)
                        return r;
        }
        return 0;
}
