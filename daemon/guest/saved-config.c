/* SPDX-License-Identifier: GPL-2.0-or-later */
/* saved-config.c - the configurations in what a predecessor has left. */

#include "api/dirs.h"
#include "conf/changes.h"
#include "daemon/guest/parts.h"

static int parse(const Saved *s, const char *key, const char *name, const char *file,
                 const char *disk, Config **ret, char **ret_error) {
        const char *text = saved_get(s, key);

        return text ? config_parse(name, file, text, strlen(text), disk, ret, ret_error) : -ENODATA;
}

int guest_saved_config(const Guest *g, const Saved *s, const char *key, Config **ret) {
        _cleanup_free_ char *disk = umld_path(DIR_STATE, g->config->name, "root.img"),
                            *error = NULL;

        return disk ? parse(s, key, g->config->name, g->config->file, disk, ret, &error) : -ENOMEM;
}

/* Live settings are those of the last reload, which may be on trial, the others those of the
 * guest's start. */
int guest_adopted_config(const Saved *saved, const char *name, const char *file, const char *disk,
                         Config **ret, Config **ret_next, char **ret_error) {
        _cleanup_(config_freep) Config *start = NULL, *now = NULL, *tried = NULL;
        _cleanup_free_ char *later = NULL;
        Config before;
        int r;

        if ((r = parse(saved, "config.start", name, file, disk, &start, ret_error)) < 0 ||
            (r = parse(saved, "config", name, file, disk, &now, ret_error)) < 0 ||
            (r = config_later_keys(start, now, &later)) < 0 ||
            (saved_get(saved, "trial") &&
             (r = parse(saved, "trial", name, file, disk, &tried, ret_error)) < 0))
                return r;
        before = *start;
        r = config_copy_live(start, tried ?: now);
        if (r >= 0) {
                config_drop_live(&before);
                r = free_and_strdup(&start->text, now->text);
        }
        if (r < 0)
                return r;
        start->in_fallback = saved_flag(saved, "config.fallback");
        start->held = saved_flag(saved, "config.unconfirmed");
        *ret = TAKE_PTR(start);
        *ret_next = later ? TAKE_PTR(now) : NULL;
        return 0;
}
