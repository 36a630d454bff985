/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hooks-keep.c - what is queued for the command of [Notify], from one umld to the next. */

#include <stdio.h>

#include "basic/string-util.h"
#include "daemon/base/hooks-parts.h"

static void save_entry(const SavedText *t, const char *where, const HookEntry *e) {
        const struct {
                const char *key, *value;
        } texts[] = {
                { "kind", hook_kind_to_string(e->kind) },
                { "condition", e->condition },
                { "from", e->from },
                { "to", e->to },
                { "verdict", e->verdict },
                { "detail", e->detail },
        };
        char key[48];

        FOREACH_ELEMENT (text, texts) {
                snprintf(key, sizeof(key), "%s.%s", where, text->key);
                saved_put(t, key, text->value);
        }
        snprintf(key, sizeof(key), "%s.when", where);
        saved_put_number(t, key, e->when);
        snprintf(key, sizeof(key), "%s.count", where);
        saved_put_number(t, key, e->count);
}

void hooks_save(const Hooks *h, const SavedText *t) {
        char key[32];

        if (!h)
                return;
        for (size_t i = 0; i < HOOK_CONDITIONS_MAX && h->conditions[i].name; i++) {
                snprintf(key, sizeof(key), "hook-condition.%zu", i);
                saved_putf(t, key, "%s %s", h->conditions[i].name, h->conditions[i].state ?: "ok");
        }
        if (h->running) {
                saved_put_number(t, "hook-running.pid", (uint64_t) helper_pid(h->running));
                saved_put_number(t, "hook-running.until", h->until);
                save_entry(t, "hook-running", &h->current);
        }
        for (size_t i = 0; i < h->n; i++) {
                snprintf(key, sizeof(key), "hook.%zu", i);
                save_entry(t, key, &h->queue[i]);
        }
}

void hooks_hand_over(const Hooks *h, Keeper *k) {
        if (h && h->running)
                keeper_put(k, "hook-output", helper_output(h->running));
}

static const char *get(const Saved *s, const char *where, const char *what) {
        char key[48];

        snprintf(key, sizeof(key), "%s.%s", where, what);
        return saved_get(s, key);
}

/* 1 = *ret is filled, 0 = there is none. */
static int load_entry(Hooks *h, const Saved *s, const char *where, HookEntry *ret) {
        const char *condition = get(s, where, "condition");
        HookKind kind = hook_kind_from_string(get(s, where, "kind") ?: "");
        int i = kind == HOOK_CONDITION && condition ? hooks_find_condition(h, condition) : -ENOENT,
            r;
        char key[48];

        if (kind < 0 || (kind == HOOK_CONDITION && i < 0))
                return 0;
        r = hook_entry_fill(ret,
                            &(const HookEvent){ .kind = kind,
                                                .condition = i < 0 ? NULL : h->conditions[i].name,
                                                .from = get(s, where, "from"),
                                                .to = get(s, where, "to"),
                                                .verdict = get(s, where, "verdict"),
                                                .detail = get(s, where, "detail") });
        if (r < 0)
                return r;
        snprintf(key, sizeof(key), "%s.when", where);
        ret->when = saved_number(s, key, ret->when);
        snprintf(key, sizeof(key), "%s.count", where);
        ret->count = (unsigned) saved_number(s, key, 1);
        return 1;
}

static void load_conditions(Hooks *h, const Saved *s) {
        char key[32], name[32], state[32];

        for (size_t i = 0; i < HOOK_CONDITIONS_MAX; i++) {
                const char *text;
                int at;

                snprintf(key, sizeof(key), "hook-condition.%zu", i);
                text = saved_get(s, key);
                at = text && sscanf(text, "%31s %31s", name, state) == 2
                             ? hooks_find_condition(h, name)
                             : -ENOENT;
                if (at >= 0)
                        (void) free_and_strdup(&h->conditions[at].state, state);
        }
}

/* Whose umld has died was ended with it. */
static void take_running(Hooks *h, Adoption *a) {
        _cleanup_close_ int output = adoption_take(a, "hook-output");
        HookEntry e;

        if (load_entry(h, a->saved, "hook-running", &e) <= 0)
                return;
        h->until = saved_number(a->saved, "hook-running.until", 0);
        if (hooks_adopt_command(h, (pid_t) saved_number(a->saved, "hook-running.pid", 0),
                                TAKE_FD(output)) >= 0)
                h->current = e;
        else
                hooks_add(h, &e);
}

void hooks_take_over(Hooks *h, Adoption *a) {
        char key[32];
        HookEntry e;

        load_conditions(h, a->saved);
        take_running(h, a);
        for (size_t i = 0; i < HOOK_QUEUE_MAX; i++) {
                snprintf(key, sizeof(key), "hook.%zu", i);
                if (load_entry(h, a->saved, key, &e) > 0)
                        hooks_add(h, &e);
        }
        hooks_go_on(h);
}
