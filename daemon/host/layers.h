/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What has become of each layer of confinement (basic/confine.h): on, off by configuration, or
 * refused by this host. Nothing is left out silently: every layer has a state, which the status
 * shows, and Required= names those without which the guest is not started. */

#include "basic/confine.h"
#include "daemon/base/fault.h"

struct Host;

typedef enum LayerState {
        LAYER_UNKNOWN, /* not tried yet */
        LAYER_ON,
        LAYER_OFF,     /* by configuration */
        LAYER_REFUSED, /* by the host */
} LayerState;

enum {
        LAYER_DETAIL_MAX = 96,
        LAYER_TEXT_MAX = 2 * LAYER_DETAIL_MAX,
};

typedef struct LayerReport {
        LayerState state;
        int error;                     /* of LAYER_REFUSED: negative errno */
        char detail[LAYER_DETAIL_MAX]; /* what it consists of, or what is done instead; "" */
} LayerReport;

typedef struct Layers {
        LayerReport v[CONFINE_MAX];
} Layers;

/* Is it configured? */
bool layer_wanted(const struct Host *h, ConfineLayer layer);

/* All that are configured and have not been refused, as CONFINE_BIT()s. */
uint32_t layers_in_force(const struct Host *h);

/* For the code that applies a layer. The detail may be NULL. */
void layer_set_on(struct Host *h, ConfineLayer layer, const char *detail);
void layer_set_refused(struct Host *h, ConfineLayer layer, int error, const char *detail);

/* "on", "on, …", "off (configuration)", "refused (Operation not permitted), …"; "": not known yet.
 * error: of a layer that umld-init applies, what it has reported. */
const char *layer_text(const struct Host *h, ConfineLayer layer, int error,
                       char buf[static LAYER_TEXT_MAX]);

/* Reads the configuration; what has become of a layer that is still wanted stays known. */
void layers_begin(struct Host *h);

/* The last step of the set-up: fails if the host has refused a layer that is required. umld-init
 * itself checks the layers that it applies. */
int layers_required_up(struct Host *h, Fault *f);
