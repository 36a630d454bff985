/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What is kept in STATE/NAME for `umlctl ssh`; a new guest begins without. */

#define SSH_KNOWN_HOSTS "known_hosts" /* the host key: made by create, or the first one shown */
#define SSH_KEY_PATH    "ssh-key"     /* the path of the private key of --ssh-key */

#define SSH_ALIAS "umld-%s" /* the guest's name in known_hosts */
