/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Runs the command of [Notify] for what happens to the guest: one at a time, by umld-notify, as an
 * unprivileged user and for a limited time; nothing waits for it.
 *
 * What happens while one is running is queued. Of events of the same kind, and for conditions of
 * the same name, only the last one is kept, with how many there were: so the queue cannot grow, and
 * fifty crashes in a row are not fifty mails. */

#include <systemd/sd-event.h>

#include "basic/string-table.h"
#include "conf/config.h"
#include "daemon/base/adoption.h"
#include "daemon/base/keeper.h"

typedef enum HookKind {
        HOOK_STATE,     /* the guest's state has changed */
        HOOK_CRASH,     /* the guest has ended in a way that nobody asked for */
        HOOK_CONDITION, /* what it relies on has become worse or better */
        HOOK_KIND_MAX,
        HOOK_KIND_INVALID = -EINVAL,
} HookKind;

/* NULL or "": there is none. */
typedef struct HookEvent {
        HookKind kind;
        const char *condition; /* its name */
        const char *from, *to; /* states */
        const char *verdict;
        const char *detail;
} HookEvent;

DECLARE_STRING_TABLE(hook_kind, HookKind);

enum {
        HOOK_CONDITIONS_MAX = 32, /* of which it knows what was told last */
};

typedef struct Hooks Hooks;

/* config: the configuration in force, which may change. */
int hooks_new(sd_event *event, Config *const *config, Hooks **ret);
Hooks *hooks_free(Hooks *h);
DEFINE_CLEANUP(Hooks *, hooks_free)

/* h may be NULL. */
void hooks_tell(Hooks *h, const HookEvent *e);

/* What is queued outlives umld. The command that is running goes on if we execute our successor,
 * and is then its command; it ends when we die, and is run again by the next umld. */
void hooks_save(const Hooks *h, const SavedText *t);
void hooks_hand_over(const Hooks *h, Keeper *k);
void hooks_take_over(Hooks *h, Adoption *a);
/* changed: something else is to be saved. */
void hooks_on_change(Hooks *h, void (*changed)(void *userdata), void *userdata);

/* Calls done when the last one has been run, at once if there is none to be run, and otherwise
 * after some seconds at the latest. h may be NULL. */
void hooks_finish(Hooks *h, void (*done)(void *userdata), void *userdata);
