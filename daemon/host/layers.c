/* SPDX-License-Identifier: GPL-2.0-or-later */
/* layers.c - what has become of each layer of confinement. */

#include <stdio.h>

#include "basic/log.h"
#include "daemon/host/host.h"
#include "daemon/host/layers.h"

bool layer_wanted(const Host *h, ConfineLayer layer) {
        return config_has_layer(h->config, layer);
}

uint32_t layers_in_force(const Host *h) {
        uint32_t set = 0;

        for (int i = 0; i < CONFINE_MAX; i++)
                if (layer_wanted(h, (ConfineLayer) i) && h->layers.v[i].state != LAYER_REFUSED)
                        set |= CONFINE_BIT(i);
        return set;
}

static void set_detail(LayerReport *l, const char *detail) {
        snprintf(l->detail, sizeof(l->detail), "%s", detail ?: "");
}

void layer_set_on(Host *h, ConfineLayer layer, const char *detail) {
        LayerReport *l = &h->layers.v[layer];

        l->state = LAYER_ON;
        l->error = 0;
        set_detail(l, detail);
}

/* The step is repeated for every boot, but the same refusal is logged only once. */
void layer_set_refused(Host *h, ConfineLayer layer, int error, const char *detail) {
        const ConfineInfo *info = &confine_table[layer];
        LayerReport *l = &h->layers.v[layer];
        bool news = l->state != LAYER_REFUSED || l->error != error;

        l->state = LAYER_REFUSED;
        l->error = error;
        set_detail(l, detail);
        if (news && !h->quiet)
                log_notice_errno(error, "confinement: the layer %s is not in force: %m%s%s",
                                 info->name, l->detail[0] ? "; " : "", l->detail);
}

/* umld-init reports only failures, so a layer that it applies is on unless it has reported one: it
 * may also find that it cannot use what umld has prepared. */
static LayerState state_of(const LayerReport *l, const ConfineInfo *info, int error) {
        if (l->state == LAYER_OFF || l->state == LAYER_REFUSED || (!info->late && error >= 0))
                return l->state;
        return error < 0 ? LAYER_REFUSED : LAYER_ON;
}

const char *layer_text(const Host *h, ConfineLayer layer, int error,
                       char buf[static LAYER_TEXT_MAX]) {
        const ConfineInfo *info = &confine_table[layer];
        const LayerReport *l = &h->layers.v[layer];
        const char *comma = l->detail[0] ? ", " : "";

        switch (state_of(l, info, error)) {
        case LAYER_ON:
                snprintf(buf, LAYER_TEXT_MAX, "on%s%s", comma, l->detail);
                break;
        case LAYER_OFF:
                snprintf(buf, LAYER_TEXT_MAX, "off (configuration)");
                break;
        case LAYER_REFUSED:
                if (l->state == LAYER_REFUSED)
                        snprintf(buf, LAYER_TEXT_MAX, "refused (%s)%s%s", strerror(-l->error),
                                 comma, l->detail);
                else /* the detail is about how it was to be */
                        snprintf(buf, LAYER_TEXT_MAX, "refused (%s)", strerror(-error));
                break;
        case LAYER_UNKNOWN:
                buf[0] = '\0';
                break;
        }
        return buf;
}

void layers_begin(Host *h) {
        for (int i = 0; i < CONFINE_MAX; i++) {
                LayerReport *l = &h->layers.v[i];

                if (!layer_wanted(h, (ConfineLayer) i))
                        *l = (LayerReport){ .state = LAYER_OFF };
                else if (l->state == LAYER_OFF)
                        *l = (LayerReport){};
        }
}

int layers_required_up(Host *h, Fault *f) {
        for (int i = 0; i < CONFINE_MAX; i++) {
                const LayerReport *l = &h->layers.v[i];

                if ((h->config->required & CONFINE_BIT(i)) && l->state == LAYER_REFUSED)
                        /* Others are in its control group: those may soon have ended. */
                        return fault_set(f, VERDICT_USAGE, l->error == -EBUSY, l->error,
                                         "Required=%s: this host refuses that layer of "
                                         "confinement: %m; remove it from Required= to start the "
                                         "guest without it",
                                         confine_table[i].name);
        }
        return 0;
}
