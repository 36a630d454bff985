/* SPDX-License-Identifier: GPL-2.0-or-later */
/* condition-list.c - the conditions that were judged. */

#include "facts/conditions.h"

void condition_list_done(ConditionList *list) {
        for (size_t i = 0; i < list->n; i++) {
                free(list->v[i].text);
                free(list->v[i].remedy);
        }
        free(list->v);
        *list = (ConditionList){};
}

int condition_add(ConditionList *list, ConditionKind kind, ConditionState state, char *text,
                  char *remedy) {
        Condition *grown =
                text && remedy ? reallocarray(list->v, list->n + 1, sizeof(*grown)) : NULL;

        if (!grown) {
                free(text);
                free(remedy);
                return -ENOMEM;
        }
        list->v = grown;
        grown[list->n++] = (Condition){ kind, state, text, remedy, false };
        return 0;
}

int condition_add_plain(ConditionList *list, ConditionKind kind, ConditionState state) {
        return condition_add(list, kind, state, strdup(""), strdup(""));
}

bool condition_is_told(const Condition *c) {
        return c->state >= CONDITION_WARNING;
}

bool condition_list_has(const ConditionList *list, const Condition *c) {
        for (size_t i = 0; i < list->n; i++)
                if (list->v[i].kind == c->kind && list->v[i].state == c->state &&
                    streq(list->v[i].text, c->text) && streq(list->v[i].remedy, c->remedy))
                        return true;
        return false;
}

const Condition *condition_list_worst(const ConditionList *list, ConditionKind kind) {
        const Condition *worst = NULL;

        for (size_t i = 0; i < list->n; i++)
                if (list->v[i].kind == kind && (!worst || list->v[i].state > worst->state))
                        worst = &list->v[i];
        return worst;
}
