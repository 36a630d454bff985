/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The directories of umld. Each is the value of its environment variable, else the built-in
 * default; a relative path is an error. */

#include "basic/macro.h"

typedef enum UmldDir {
        DIR_CONFIG,  /* UMLD_CONFIG_DIR,  /etc/umld:     NAME.conf */
        DIR_RUNTIME, /* UMLD_RUNTIME_DIR, /run/umld:     NAME/bus, NAME/lock … */
        DIR_STATE,   /* UMLD_STATE_DIR,   /var/lib/umld: NAME/root.img, NAME/last-exit … */
        DIR_LOG,     /* UMLD_LOG_DIR,     /var/log/umld: NAME/console.log, NAME/umld.log */
        UMLD_DIR_MAX,
} UmldDir;

/* Where systemd is not PID 1, it starts the guests that umlctl enable has named. */
#define UMLD_BOOT_SCRIPT "/etc/init.d/umld"

/* The directory, without a trailing slash; static. NULL if the variable holds a relative path. */
const char *umld_dir(UmldDir dir);
const char *umld_dir_variable(UmldDir dir);

/* Is any of the four set by the environment? Then systemd's units do not know about it. */
bool umld_dirs_overridden(void);

/* Returns DIR/NAME/FILE, or DIR/NAME if file is NULL; the caller frees it; NULL: out of memory. */
char *umld_path(UmldDir dir, const char *name, const char *file);

/* CONFIG/NAME.conf */
char *umld_config_path(const char *name);
