/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Values in two configurations: are they the same, and which of them can be taken over while the
 * guest runs? The table of settings says where a value is, and when a change takes effect. */

#include "conf/settings.h"

/* Has that key the same value in both? */
bool setting_same(const Setting *s, const Config *a, const Config *b);

/* The keys that differ and wait for the guest's next start, comma-separated, in *ret, which the
 * caller frees; NULL if there are none. */
int config_later_keys(const Config *running, const Config *next, char **ret);

/* Does the next start need another tap, or other addresses on it? */
bool config_tap_differs(const Config *running, const Config *next);

/* Copies to running what changes at once. The former values remain the caller's: config_drop_live()
 * on a copy of what running was frees them. running is untouched on failure. */
int config_copy_live(Config *running, const Config *next);
void config_drop_live(Config *c);

/* Makes it as if the key had not been given. */
void setting_clear(const Setting *s, Config *c);

/* Frees all values. */
void settings_done(Config *c);
