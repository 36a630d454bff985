/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verb-ssh.c - ssh: a shell or a command in a guest. */

#include <sys/stat.h>
#include <unistd.h>

#include "api/bus-names.h"
#include "api/dirs.h"
#include "api/exit-codes.h"
#include "api/guest-state.h"
#include "api/ssh-files.h"
#include "basic/file-util.h"
#include "basic/string-util.h"
#include "umlctl/bus-client.h"
#include "umlctl/say.h"
#include "umlctl/verbs.h"

/* Where the guest can be reached; the caller frees *ret. */
static int find_address(const char *guest, char **ret) {
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        json_auto_t *props = NULL;
        const char *address, *state;
        pid_t pid = 0;
        int r = control_ask(guest, &bus, &pid, &props);

        if (r == -ENOENT)
                return fail_with(EXIT_NOT_RUNNING, "%s is not running (umlctl start %s)", guest,
                                 guest);
        if (r < 0)
                return bus_connect_fail(guest, r, pid);
        state = prop_string(props, UMLD_PROP_STATE) ?: "";
        if (!streq(state, guest_state_to_string(GUEST_RUNNING)))
                return fail_with(EXIT_NOT_RUNNING, "%s is %s, not running", guest, state);
        address = prop_string(props, UMLD_PROP_GUEST_ADDRESS);
        if (isempty(address))
                address = prop_string(props, UMLD_PROP_GUEST_ADDRESS6);
        if (isempty(address))
                return fail_with(EXIT_FAILED, "%s has no address", guest);
        *ret = strdup(address);
        return *ret ? 0 : fail_with(EXIT_FAILED, "out of memory");
}

/* An address may come to another guest, so that the key belongs to the guest's name. Of a guest
 * whose key was not made with it, the first one is accepted: it came over the guest's own tap, to
 * which nobody else has access. */
static int push_host_key(const char *guest, Strv *argv) {
        _cleanup_free_ char *path = umld_path(DIR_STATE, guest, SSH_KNOWN_HOSTS);
        static const char *const options[] = { "-oGlobalKnownHostsFile=/dev/null",
                                               "-oCheckHostIP=no", "-oHashKnownHosts=no" };
        struct stat known;
        int r = path ? 0 : -ENOMEM;

        if (r >= 0)
                r = strv_pushf(argv, "-oHostKeyAlias=" SSH_ALIAS, guest);
        if (r >= 0)
                r = strv_pushf(argv, "-oUserKnownHostsFile=\"%s\"", path);
        if (r >= 0)
                r = strv_pushf(argv, "-oStrictHostKeyChecking=%s",
                               stat(path, &known) >= 0 && known.st_size > 0 ? "yes" : "accept-new");
        FOREACH_ELEMENT (option, options)
                if (r >= 0)
                        r = strv_push(argv, *option);
        return r;
}

/* The private half of what --ssh-key was. */
static int push_key(const char *guest, Strv *argv) {
        _cleanup_free_ char *path = umld_path(DIR_STATE, guest, SSH_KEY_PATH), *key = NULL;

        if (!path)
                return -ENOMEM;
        if (read_first_line(path, &key) < 0 || key[0] != '/' || access(key, R_OK) < 0)
                return 0;
        return strv_pushf(argv, "-i%s", key);
}

static int make_argv(const char *guest, const char *address, char *const *command, Strv *argv) {
        int r = strv_push(argv, "ssh");

        if (r >= 0)
                r = push_host_key(guest, argv);
        if (r >= 0)
                r = push_key(guest, argv);
        if (r >= 0)
                r = strv_pushf(argv, "root@%s", address);
        if (r >= 0 && *command)
                r = strv_push(argv, "--");
        for (; r >= 0 && *command; command++)
                r = strv_push(argv, *command);
        return r;
}

int verb_ssh(const Options *o, const char *guest) {
        _cleanup_strv_ Strv argv = {};
        _cleanup_free_ char *address = NULL;
        int r = find_address(guest, &address);

        if (r != 0)
                return r;
        if (make_argv(guest, address, o->words, &argv) < 0)
                return fail_with(EXIT_FAILED, "out of memory");
        (void) execvp("ssh", argv.v);
        return fail_with(EXIT_FAILED, "cannot run ssh: %m; install an SSH client");
}
