/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sysctl.c - reads and sets single kernel settings. */

#include <limits.h>

#include "basic/cleanup.h"
#include "basic/file-util.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"

#include "host/sysctl.h"

static int sysctl_path(const char *name, char **ret) {
        assert(name[0] != '/' && !strstr(name, "/../")); /* an interface may be called a..b */

        *ret = strfmt("/proc/sys/%s", name);
        return *ret ? 0 : -ENOMEM;
}

int sysctl_get(const char *name, char **ret) {
        _cleanup_free_ char *path = NULL;
        int r = sysctl_path(name, &path);

        return r < 0 ? r : read_first_line(path, ret);
}

int sysctl_set(const char *name, const char *value) {
        _cleanup_free_ char *path = NULL, *old = NULL;
        int r = sysctl_path(name, &path);

        if (r < 0)
                return r;
        /* A container's /proc/sys may be read-only, but have the right value already. */
        r = read_first_line(path, &old);
        if (r < 0)
                return r;
        if (streq(strstrip(old), value))
                return 0;
        r = write_existing(path, value);
        return r < 0 ? r : 1;
}

int sysctl_reverse_path(const char *ifname) {
        _cleanup_free_ char *one = strfmt("net/ipv4/conf/%s/rp_filter", ifname), *own = NULL,
                            *all = NULL;
        uint64_t a, b;
        int r = one ? sysctl_get(one, &own) : -ENOMEM;

        if (r >= 0)
                r = sysctl_get("net/ipv4/conf/all/rp_filter", &all);
        if (r >= 0)
                r = parse_unsigned(strstrip(own), 0, INT_MAX, &a);
        if (r >= 0)
                r = parse_unsigned(strstrip(all), 0, INT_MAX, &b);
        return r < 0 ? r : (int) MAX(a, b);
}
