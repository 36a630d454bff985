/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Shared by hooks.c and hooks-keep.c. */

#include "daemon/base/helper.h"
#include "daemon/base/hooks.h"

enum {
        HOOK_QUEUE_MAX = HOOK_KIND_MAX + HOOK_CONDITIONS_MAX,
        HOOK_DETAIL_MAX = 1000,
        HOOK_LINE_MAX_SHOWN = 200,
};

typedef struct HookEntry {
        HookKind kind;
        const char *condition; /* of the table */
        char *from, *to, *verdict, *detail;
        usec_t when; /* CLOCK_REALTIME */
        unsigned count;
} HookEntry;

struct Hooks {
        sd_event *event;
        Config *const *config;
        char *program; /* umld-notify */
        Helper *running;
        char *command;                   /* that, or the last one; NULL: as now configured */
        HookEntry current;               /* what it is told */
        usec_t until;                    /* how long that may take, CLOCK_MONOTONIC */
        HookEntry queue[HOOK_QUEUE_MAX]; /* oldest first */
        size_t n;

        struct {
                char *name;  /* NULL: no more of them */
                char *state; /* what was told of it last; NULL: nothing */
        } conditions[HOOK_CONDITIONS_MAX];

        void (*changed)(void *userdata);
        void *changed_userdata;

        char said[HOOK_LINE_MAX_SHOWN]; /* the last line of its output */
        usec_t warned;                  /* CLOCK_MONOTONIC */
        char *blamed;                   /* the command that this was about */
        unsigned unsaid;                /* failures since then */

        sd_event_source *limit; /* while finishing */
        void (*done)(void *userdata);
        void *userdata;
};

/* One that happens now; -ENOMEM. */
int hook_entry_fill(HookEntry *e, const HookEvent *from);
/* Queues it, in place of those of its kind; owns what it owns. */
void hooks_add(Hooks *h, HookEntry *e);
/* The place of a condition in the table, which gets it if it is new; -ENOSPC. */
int hooks_find_condition(Hooks *h, const char *name);
/* Runs the command for the first in the queue, unless it is running. */
void hooks_go_on(Hooks *h);
/* That is the command of the umld that has executed us, whose output we own from now on, and
 * h->until is its limit. -ECHILD: it has ended with that umld. */
int hooks_adopt_command(Hooks *h, pid_t pid, int output);
