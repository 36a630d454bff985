/* SPDX-License-Identifier: GPL-2.0-or-later */
/* autostart.c - the list of guests for the boot script, a directory of links. */

#include <unistd.h>

#include "api/dirs.h"
#include "basic/cleanup.h"
#include "basic/file-util.h"
#include "basic/string-util.h"
#include "umlctl/autostart.h"

int autostart_set(const char *guest, bool enable) {
        _cleanup_free_ char *dir = strfmt("%s/autostart", umld_dir(DIR_CONFIG)),
                            *link = strfmt("%s/autostart/%s", umld_dir(DIR_CONFIG), guest),
                            *target = strfmt("../%s.conf", guest);
        int r;

        if (!dir || !link || !target)
                return -ENOMEM;
        if (!enable)
                return unlink(link) >= 0 ? 1 : errno == ENOENT ? 0 : -errno;
        r = mkdir_p(dir, 0755);
        if (r < 0)
                return r;
        return symlink(target, link) >= 0 ? 1 : errno == EEXIST ? 0 : -errno;
}

int autostart_get(const char *guest) {
        _cleanup_free_ char *link = strfmt("%s/autostart/%s", umld_dir(DIR_CONFIG), guest);

        if (!link)
                return -ENOMEM;
        return access(link, F_OK) >= 0 ? 1 : errno == ENOENT ? 0 : -errno;
}

bool autostart_has_script(void) {
        return access(UMLD_BOOT_SCRIPT, X_OK) >= 0;
}
