/* SPDX-License-Identifier: GPL-2.0-or-later */
/* values-confine.c - parsers of the settings of confinement. */

#include <inttypes.h>

#include "basic/cleanup.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "conf/refuse.h"
#include "conf/values.h"

/* "user, capabilities, no-new-privileges" */
static char *join_layers(void) {
        char *joined = NULL;

        FOREACH_ELEMENT (info, confine_table) {
                char *longer = strfmt("%s%s%s", joined ?: "", joined ? ", " : "", info->name);

                free(joined);
                joined = longer;
                if (!joined)
                        return NULL;
        }
        return joined;
}

static int add_layer(const char *word, uint32_t *set, char **ret_why) {
        ConfineLayer layer = confine_from_name(word);
        _cleanup_free_ char *all = NULL;

        if ((int) layer >= 0) {
                *set |= CONFINE_BIT(layer);
                return 0;
        }
        all = join_layers();
        return all ? refuse_text(ret_why, word, "no layer of confinement; use %s", all) : -ENOMEM;
}

int setting_parse_required(const Setting *s, const char *value, Config *c, char **ret_why) {
        uint32_t set = 0;

        for (;;) {
                _cleanup_free_ char *word = NULL;
                int r = setting_next_word(&value, " \t", &word);

                if (r > 0)
                        r = add_layer(word, &set, ret_why);
                else if (r == 0)
                        break;
                if (r < 0)
                        return r;
        }
        c->required |= set;
        return 0;
}

int setting_parse_cpu_quota(const Setting *s, const char *value, Config *c, char **ret_why) {
        size_t n = strlen(value);
        _cleanup_free_ char *number = n > 0 && value[n - 1] == '%' ? strndup(value, n - 1) : NULL;
        uint64_t v;

        if (!number || parse_unsigned(number, s->min, s->max, &v) < 0)
                return refuse_text(ret_why, value,
                                   "not a percentage; use one from 1%% to %" PRIu64
                                   "%%, for example %s",
                                   s->max, s->example);
        c->cpu_quota = (unsigned) v;
        return 0;
}

bool config_has_layer(const Config *c, ConfineLayer layer) {
        if (layer == CONFINE_USER)
                return !streq(c->user, "root") && !streq(c->user, "0");
        if (layer == CONFINE_CPU)
                return c->cpu_weight > 0 || c->cpu_quota > 0;
        if (layer == CONFINE_BANDWIDTH)
                return c->bandwidth[BANDWIDTH_IN] > 0 || c->bandwidth[BANDWIDTH_OUT] > 0;
        return layer == CONFINE_SECCOMP ? c->seccomp != SECCOMP_NO : c->layers[layer];
}
